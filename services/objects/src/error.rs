//! Our errors, and how clients see them.

use std::error::Error;
use std::io;
use std::path::PathBuf;

use anabranch_control::ControlError;
use http_body_util::LengthLimitError;
use s3s::{S3Error, s3_error};

/// Why the service could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The index can't be read or written, or is not the one of the data beside it.
    #[error(transparent)]
    Index(#[from] ControlError),
    /// A directory can't be read or written.
    #[error("{path}: {source}")]
    Io {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// Logs a failure of the disk and tells the client. `InternalError` (500) is what SDKs retry, so
/// a full disk that gets room again, or a process out of descriptors, costs no write.
pub(crate) fn disk_failure(error: &(dyn Error + 'static)) -> S3Error {
    tracing::error!(%error, "the object store failed");
    s3_error!(InternalError, "We could not store or read the object: {error}")
}

pub(crate) fn index_failure(error: ControlError) -> S3Error {
    disk_failure(&error)
}

/// Why a request's body could not be read to its end.
pub(crate) fn body_failure(error: &(dyn Error + 'static)) -> S3Error {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if error.is::<LengthLimitError>() {
            return s3_error!(EntityTooLarge, "Your proposed upload exceeds the maximum allowed size");
        }
        // An error inside an io::Error is not its source.
        cause = match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    s3_error!(IncompleteBody, "The request's body can't be read: {error}")
}

/// An error whose code s3s does not know.
pub(crate) fn other(code: &'static str, status: http::StatusCode, message: impl Into<String>) -> S3Error {
    let mut error = S3Error::with_message(s3s::S3ErrorCode::Custom(code.into()), message.into());
    error.set_status_code(status);
    error
}

pub(crate) fn no_key() -> S3Error {
    s3_error!(NoSuchKey, "The specified key does not exist.")
}

pub(crate) fn no_upload() -> S3Error {
    s3_error!(
        NoSuchUpload,
        "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed."
    )
}

pub(crate) fn no_bucket(name: &str) -> S3Error {
    s3_error!(NoSuchBucket, "The specified bucket does not exist: {name}")
}

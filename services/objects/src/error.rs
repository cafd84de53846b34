//! Errors: ours, and how clients are told of them.

use std::path::PathBuf;

use anabranch_control::ControlError;
use s3s::{S3Error, s3_error};

/// Why the service could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The index can't be read or written.
    #[error(transparent)]
    Index(#[from] ControlError),
    /// A directory can't be read or written.
    #[error("{path}: {source}")]
    Io {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

/// Logs a failure of the disk and tells the client. `InternalError` (500) is what SDKs retry, so
/// a full disk that gets room again costs no write.
pub(crate) fn disk_failure(error: &(dyn std::error::Error + 'static)) -> S3Error {
    tracing::error!(%error, "the object store failed");
    s3_error!(InternalError, "We could not store or read the object: {error}")
}

pub(crate) fn index_failure(error: ControlError) -> S3Error {
    disk_failure(&error)
}

pub(crate) fn io_failure(error: std::io::Error) -> S3Error {
    disk_failure(&error)
}

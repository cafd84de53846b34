//! Why a bucket or a table could not be read.

/// A bucket or a table could not be read.
#[derive(Debug, thiserror::Error)]
#[error("{place}: {reason}")]
pub(crate) struct ReadError {
    /// The bucket, object or table.
    pub place: String,
    /// What happened.
    pub reason: String,
}

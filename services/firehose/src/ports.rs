//! What delivery needs of the rest of the house; `services/server` supplies it.

use async_trait::async_trait;
use bytes::Bytes;

/// Writes objects, as S3's PutObject does.
#[async_trait]
pub trait ObjectWriter: Send + Sync + 'static {
    /// Stores `body` as `key` in `bucket` durably before it returns, replacing what was there.
    ///
    /// # Errors
    /// [`PortError`], after which delivery tries the same object again.
    async fn put_object(
        &self,
        bucket: &str,
        key: &str,
        body: Bytes,
        content_type: &str,
        content_encoding: Option<&str>,
    ) -> Result<(), PortError>;
}

/// Why an object could not be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct PortError {
    /// The other service's error code, such as `NoSuchBucket`.
    pub code: String,
    /// Its message.
    pub message: String,
}

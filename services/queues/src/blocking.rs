//! Work that may wait for the disk.

use anabranch_protocol::ApiError;

/// Runs `work` on a thread for that.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, ApiError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| ApiError::internal(format!("The work was not done: {error}")))
}

//! Control-store calls from asynchronous code.

use anabranch_control::{Changes, ControlError, ControlStore};
use anabranch_protocol::ApiError;

use crate::error::service_exception;

/// Runs `work`, which may wait for the disk, on a thread for such work.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ControlError> + Send + 'static,
) -> Result<T, ApiError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(control_failure(&error)),
        Err(error) => Err(service_exception(error.to_string())),
    }
}

/// Commits all `changes` or none.
pub(crate) async fn commit(control: &ControlStore, changes: Changes) -> Result<(), ApiError> {
    control.commit_async(changes).await.map_err(|error| control_failure(&error))
}

fn control_failure(error: &ControlError) -> ApiError {
    tracing::error!(%error, "control store");
    service_exception(format!("The control store failed: {error}"))
}

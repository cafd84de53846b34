//! What this service needs of others.

use async_trait::async_trait;
use bytes::Bytes;

/// Why a function gave no result.
#[derive(Debug, Clone, thiserror::Error)]
pub enum InvokeError {
    /// The function failed, timed out or crashed.
    #[error("the function failed: {0}")]
    Function(String),
    /// It could not be invoked: it does not exist, or has no capacity left.
    #[error("the function could not be invoked: {0}")]
    Unavailable(String),
}

/// Invokes functions and waits for their result.
#[async_trait]
pub trait FunctionInvoker: Send + Sync + 'static {
    /// Invokes `function` (its name) with `payload`.
    async fn invoke(&self, function: &str, payload: Bytes) -> Result<Bytes, InvokeError>;
}

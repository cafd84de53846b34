//! Functions, as other services invoke them.

use async_trait::async_trait;
use bytes::Bytes;

use crate::PortError;

/// What became of an invocation that reached its function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FunctionOutcome {
    /// What the function returned.
    Returned(Bytes),
    /// The function failed, timed out or crashed: its error, a JSON document.
    Failed(Bytes),
}

/// Invokes functions and waits for their outcome.
#[async_trait]
pub trait FunctionInvoker: Send + Sync + 'static {
    /// Invokes `function`, a name or an ARN, with `payload`, which is JSON.
    ///
    /// # Errors
    /// [`PortError`] when the function was not reached. What the function itself got wrong is an
    /// outcome.
    async fn invoke(&self, function: &str, payload: Bytes) -> Result<FunctionOutcome, PortError>;
}

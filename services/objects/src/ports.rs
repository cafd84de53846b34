//! What this service needs of others.

use async_trait::async_trait;
use serde_json::Value;

/// Why another service could not do what was asked.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub struct PortError(pub String);

/// Takes bucket notifications.
#[async_trait]
pub trait NotificationTarget: Send + Sync + 'static {
    /// Takes `event` for `target_arn` durably: once this returns, it will be worked on. Called
    /// again, until it succeeds, after an error or a crash.
    async fn deliver(&self, target_arn: &str, event: Value) -> Result<(), PortError>;
}

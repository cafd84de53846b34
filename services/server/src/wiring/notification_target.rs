//! Functions, as buckets notify them.

use std::sync::Arc;

use anabranch_lambda::Lambda;
use anabranch_ports::PortError;
use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::SetOnce;

/// Gives buckets the functions of this server. Lambda is opened after the object store, which
/// it writes to; a notification that comes before waits.
#[derive(Default)]
pub(super) struct NotificationTarget {
    lambda: SetOnce<Arc<Lambda>>,
}

impl NotificationTarget {
    /// Says where notifications go, once.
    pub(super) fn connect(&self, lambda: Arc<Lambda>) {
        let connected = self.lambda.set(lambda);
        debug_assert!(connected.is_ok(), "connected once");
    }
}

#[async_trait]
impl anabranch_ports::NotificationTarget for NotificationTarget {
    async fn deliver(&self, target_arn: &str, event: Bytes) -> Result<(), PortError> {
        let request_id = self.lambda.wait().await.accept_event(target_arn, event).await?;
        tracing::debug!(target_arn, request_id, "notified");
        Ok(())
    }
}

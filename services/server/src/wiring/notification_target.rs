//! Functions, as buckets notify them.

use std::sync::Arc;

use anabranch_lambda::Lambda;
use anabranch_objects::PortError;
use async_trait::async_trait;
use bytes::Bytes;
use serde_json::Value;
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
impl anabranch_objects::NotificationTarget for NotificationTarget {
    async fn deliver(&self, target_arn: &str, event: Value) -> Result<(), PortError> {
        let lambda = self.lambda.wait().await;
        match lambda.invoke_async(target_arn, Bytes::from(event.to_string())).await {
            Ok(request_id) => {
                tracing::debug!(target_arn, request_id, "notified");
                Ok(())
            }
            // Notifications are delivered in order: one that can never arrive must not stop the rest.
            Err(error) if is_final(error.code) => {
                tracing::error!(target_arn, %error, %event, "a notification is given up: the function does not take it");
                Ok(())
            }
            Err(error) => Err(PortError(error.to_string())),
        }
    }
}

/// Whether trying again can't help.
fn is_final(code: &str) -> bool {
    matches!(code, "ResourceNotFoundException" | "InvalidParameterValueException" | "RequestTooLargeException")
}

//! Whoever takes notifications, such as those of buckets.

use async_trait::async_trait;
use bytes::Bytes;

use crate::PortError;

/// Takes notifications for what an ARN names.
#[async_trait]
pub trait NotificationTarget: Send + Sync + 'static {
    /// Takes `event`, a JSON document, for `target_arn`. Once this returns, the event is durable and
    /// will be worked on; the same event may come again after a crash.
    ///
    /// # Errors
    /// [`PortError`]. One that is not [transient](PortError::is_transient) says that the event can
    /// never be taken.
    async fn deliver(&self, target_arn: &str, event: Bytes) -> Result<(), PortError>;
}

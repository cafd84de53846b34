//! Everything that takes messages, by the service in its ARN.

use std::collections::HashMap;
use std::sync::Arc;

use anabranch_ports::{Delivery, PortError, PortErrorKind, Target};
use anabranch_protocol::Arn;
use async_trait::async_trait;
use tokio::sync::SetOnce;

/// Hands messages to the service that an ARN names. Whoever sends is opened before whoever takes; a
/// message that comes before they are connected waits.
#[derive(Default)]
pub(super) struct Targets(SetOnce<HashMap<&'static str, Arc<dyn Target>>>);

impl Targets {
    /// Says who takes messages for the ARNs of which service, once.
    pub(super) fn connect<const N: usize>(&self, targets: [(&'static str, Arc<dyn Target>); N]) {
        let connected = self.0.set(HashMap::from(targets));
        debug_assert!(connected.is_ok(), "connected once");
    }

    async fn of(&self, target_arn: &str) -> Result<&Arc<dyn Target>, PortError> {
        let refused = |message: String| PortError::new(PortErrorKind::Refused, "InvalidTarget", message);
        let arn: Arn = target_arn.parse().map_err(|error| refused(format!("{target_arn} is not an ARN: {error}")))?;
        let targets = self.0.wait().await;
        targets.get(&*arn.service).ok_or_else(|| refused(format!("nothing of {} takes messages here", arn.service)))
    }
}

#[async_trait]
impl Target for Targets {
    async fn check(&self, target_arn: &str) -> Result<(), PortError> {
        self.of(target_arn).await?.check(target_arn).await
    }

    async fn deliver(&self, target_arn: &str, delivery: Delivery) -> Result<(), PortError> {
        self.of(target_arn).await?.deliver(target_arn, delivery).await
    }
}

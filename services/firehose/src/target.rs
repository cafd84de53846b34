//! Delivery streams as other services put messages to them: PutRecord, from inside the program.

use std::sync::Arc;

use anabranch_ports::{Delivery, PortError, Target};
use anabranch_protocol::{ApiError, Arn, Violations};
use async_trait::async_trait;

use crate::Firehose;
use crate::active_stream::ActiveStream;
use crate::error::{NotFound, invalid_argument};
use crate::limits::RECORD_BYTES_MAX;

impl Firehose {
    fn target(&self, target_arn: &str) -> Result<Arc<ActiveStream>, ApiError> {
        let arn: Option<Arn> = target_arn.parse().ok();
        let name = arn.as_ref().and_then(|arn| Some((arn.resource_after("deliverystream/")?, arn.account?)));
        let (name, account) =
            name.ok_or_else(|| invalid_argument(format!("{target_arn} is no ARN of a delivery stream.")))?;
        let found = self.registry.streams.read().get(target_arn).cloned();
        Ok(found.ok_or_else(|| NotFound { name: name.into(), account })?)
    }
}

#[async_trait]
impl Target for Firehose {
    async fn check(&self, target_arn: &str) -> Result<(), PortError> {
        Ok(self.target(target_arn).map(drop)?)
    }

    async fn deliver(&self, target_arn: &str, delivery: Delivery) -> Result<(), PortError> {
        let active = self.target(target_arn)?;
        let mut violations = Violations::default();
        violations.blob("record.data", delivery.payload.len(), RECORD_BYTES_MAX);
        violations.finish()?;
        let put = active.put(self.registry.shared.clock.now_ms(), vec![delivery.payload]).await;
        Ok(put.map(drop).map_err(ApiError::from)?)
    }
}

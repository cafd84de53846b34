//! A destination for tests: it keeps what is delivered in memory, under the delivery stream's name.

use std::collections::BTreeMap;
use std::sync::LazyLock;
use std::time::Duration;

use anabranch_protocol::{ApiError, Violations};
use async_trait::async_trait;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::contract::{Batch, Buffering, DestinationError, DestinationKind, DestinationSettings, Outlets, StreamName};
use crate::progress::DeliveryPlan;
use crate::sources::Pending;

/// What was delivered, by name.
pub(crate) static DELIVERED: LazyLock<Mutex<BTreeMap<String, Vec<u8>>>> = LazyLock::new(Mutex::default);

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Memory {
    url: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Configuration {
    #[serde(rename = "Url")]
    url: String,
}

impl DestinationKind for Memory {
    const MEMBERS: &'static [&'static str] = &["HttpEndpointDestinationConfiguration"];

    type Configuration = Configuration;

    fn configured(configuration: Configuration, _: &str, _: u64, _: &mut Violations) -> Result<Self, ApiError> {
        Ok(Self { url: configuration.url })
    }
}

#[async_trait]
impl DestinationSettings for Memory {
    fn buffering(&self) -> Buffering {
        Buffering { size_bytes: 1 << 20, interval: Duration::ZERO }
    }

    fn plan(&self, stream: StreamName<'_>, _: &Pending) -> Result<Value, String> {
        Ok(json!(format!("{}/{}-{}", self.url, stream.name, stream.version)))
    }

    async fn deliver(&self, plan: &DeliveryPlan, batch: Batch, _: &Outlets) -> Result<(), DestinationError> {
        let mut content = Vec::new();
        batch.read(|record| {
            content.extend_from_slice(record);
            Ok(())
        })?;
        DELIVERED.lock().insert(serde_json::from_value(plan.target.clone())?, content);
        Ok(())
    }

    fn describe(&self) -> Map<String, Value> {
        Map::from_iter([("HttpEndpointDestinationDescription".into(), json!({ "Url": self.url }))])
    }
}

//! What control state keeps of log groups and streams.

use std::collections::BTreeMap;

use anabranch_control::{Stored, Table};
use anabranch_protocol::{Account, Region};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::time_index::TimeIndex;

/// Log groups by their ids.
pub(crate) const GROUPS: Table = Table("log_groups");
/// Log streams by their group's id and their name: `<id>/<name>`.
pub(crate) const STREAMS: Table = Table("log_streams");
/// How far subscription filters have come, by the group's id and their name.
pub(crate) const PROGRESS: Table = Table("log_subscriptions");

/// A log group.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct StoredGroup {
    /// Names its directory; a group that is made anew has another.
    pub(crate) id: Uuid,
    pub(crate) account: Account,
    pub(crate) region: Region,
    pub(crate) name: String,
    pub(crate) created_ms: u64,
    pub(crate) class: String,
    pub(crate) retention_days: Option<u32>,
    pub(crate) kms_key_id: Option<String>,
    pub(crate) deletion_protection: bool,
    pub(crate) tags: BTreeMap<String, String>,
    /// The lane that the next stream gets.
    pub(crate) next_lane: u32,
    /// Streams' rows hold what lies in the log below this position.
    pub(crate) checkpoint: u64,
    /// Bytes of events up to there, as AWS counts them.
    pub(crate) stored_bytes: u64,
    pub(crate) subscription_filters: Vec<SubscriptionFilter>,
    pub(crate) metric_filters: Vec<MetricFilter>,
}

/// A subscription filter of a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SubscriptionFilter {
    pub(crate) name: String,
    pub(crate) pattern: String,
    pub(crate) destination_arn: String,
    pub(crate) role_arn: Option<String>,
    pub(crate) distribution: String,
    pub(crate) created_ms: u64,
}

/// A metric filter of a group.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct MetricFilter {
    pub(crate) name: String,
    pub(crate) pattern: String,
    pub(crate) transformation: MetricTransformation,
    pub(crate) created_ms: u64,
}

/// What becomes of an event that a metric filter matches; also its form on the wire.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MetricTransformation {
    pub(crate) metric_name: String,
    pub(crate) metric_namespace: String,
    pub(crate) metric_value: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) default_value: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) dimensions: Option<BTreeMap<String, String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) unit: Option<String>,
}

/// A log stream, as far as its group's checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StoredStream {
    /// Its lane in the group's log.
    pub(crate) lane: u32,
    pub(crate) created_ms: u64,
    pub(crate) first_event_ms: Option<u64>,
    pub(crate) last_event_ms: Option<u64>,
    pub(crate) last_ingestion_ms: Option<u64>,
    pub(crate) stored_bytes: u64,
    /// The position behind its last put.
    pub(crate) end: u64,
    pub(crate) index: TimeIndex,
}

/// How far a subscription filter has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Progress {
    /// All that lies below is delivered.
    pub(crate) delivered: u64,
}

impl Stored for StoredGroup {
    const KIND: &'static str = "log_group";
    const VERSION: u32 = 1;
}

impl Stored for StoredStream {
    const KIND: &'static str = "log_stream";
    const VERSION: u32 = 1;
}

impl Stored for Progress {
    const KIND: &'static str = "log_subscription";
    const VERSION: u32 = 1;
}

impl StoredStream {
    /// A stream without events.
    pub(crate) fn new(lane: u32, created_ms: u64) -> Self {
        Self {
            lane,
            created_ms,
            first_event_ms: None,
            last_event_ms: None,
            last_ingestion_ms: None,
            stored_bytes: 0,
            end: 0,
            index: TimeIndex::default(),
        }
    }

    /// Notes a put.
    pub(crate) fn add(&mut self, position: u64, ingestion_ms: u64, first_ms: u64, last_ms: u64, bytes: u64) {
        self.first_event_ms = Some(self.first_event_ms.map_or(first_ms, |first| first.min(first_ms)));
        self.last_event_ms = Some(self.last_event_ms.map_or(last_ms, |last| last.max(last_ms)));
        self.last_ingestion_ms = Some(ingestion_ms);
        self.stored_bytes += bytes;
        self.end = position + 1;
        self.index.add(position, first_ms, last_ms, bytes);
    }
}

/// The key of a stream, and of a filter.
pub(crate) fn key(group: Uuid, name: &str) -> String {
    format!("{group}/{name}")
}

#[cfg(test)]
mod tests {
    use anabranch_control::check_fixtures;

    use super::*;

    #[test]
    fn stored_forms_are_readable() {
        let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/stored");
        let group = StoredGroup {
            id: Uuid::from_u128(7),
            account: Account::DEFAULT,
            region: Region::default(),
            name: "/aws/lambda/clicks".into(),
            created_ms: 1_700_000_000_000,
            class: "STANDARD".into(),
            retention_days: Some(14),
            kms_key_id: None,
            deletion_protection: false,
            tags: BTreeMap::from([("team".to_string(), "clicks".to_string())]),
            next_lane: 3,
            checkpoint: 12,
            stored_bytes: 345,
            subscription_filters: vec![SubscriptionFilter {
                name: "errors".into(),
                pattern: "ERROR".into(),
                destination_arn: "arn:aws:lambda:us-east-1:000000000000:function:alarm".into(),
                role_arn: None,
                distribution: "ByLogStream".into(),
                created_ms: 1_700_000_000_001,
            }],
            metric_filters: vec![MetricFilter {
                name: "count".into(),
                pattern: "{ $.a = 1 }".into(),
                transformation: MetricTransformation {
                    metric_name: "Errors".into(),
                    metric_namespace: "Clicks".into(),
                    metric_value: "1".into(),
                    default_value: Some(0.5),
                    dimensions: None,
                    unit: Some("Count".into()),
                },
                created_ms: 1_700_000_000_002,
            }],
        };
        check_fixtures(directory, &[group]);
        let mut stream = StoredStream::new(1, 1_700_000_000_000);
        let empty = stream.clone();
        stream.add(3, 1_700_000_000_010, 1_700_000_000_001, 1_700_000_000_009, 99);
        check_fixtures(directory, &[empty, stream]);
        check_fixtures(directory, &[Progress { delivered: 12 }]);
    }
}

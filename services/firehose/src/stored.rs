//! Delivery streams and their progress as control state keeps them.

use std::collections::BTreeMap;

use anabranch_control::{Changes, ControlStore, Result, Stored, Table};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::delivery_stream::DeliveryStream;
use crate::destinations::Destination;
use crate::progress::{DeliveryPlan, Progress};
use crate::sources::Source;

/// Delivery streams by ARN.
const DELIVERY_STREAMS: Table = Table("firehose_delivery_streams");
/// Progress of delivery by id, so that a name that is used again begins anew.
const PROGRESS: Table = Table("firehose_progress");

/// The row of a delivery stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct StoredDeliveryStream {
    name: String,
    arn: String,
    id: Uuid,
    created_ms: u64,
    version: u64,
    source: Source,
    destination: Destination,
}

impl Stored for StoredDeliveryStream {
    const KIND: &'static str = "delivery_stream";
    const VERSION: u32 = 2;

    /// Version 1 knew one source and one destination, and so did not name their kinds.
    fn migrate(_: u32, mut row: Value) -> serde_json::Result<Self> {
        if let Some(members) = row.as_object_mut() {
            members.insert("source".into(), json!({ "kind": "direct_put" }));
            if let Some(destination) = members.get_mut("destination").and_then(Value::as_object_mut) {
                destination.insert("kind".into(), json!("s3"));
            }
        }
        serde_json::from_value(row)
    }
}

impl From<&DeliveryStream> for StoredDeliveryStream {
    fn from(stream: &DeliveryStream) -> Self {
        let DeliveryStream { name, arn, id, created_ms, version, source, destination } = stream.clone();
        Self { name, arn, id, created_ms, version, source, destination }
    }
}

impl From<StoredDeliveryStream> for DeliveryStream {
    fn from(row: StoredDeliveryStream) -> Self {
        let StoredDeliveryStream { name, arn, id, created_ms, version, source, destination } = row;
        Self { name, arn, id, created_ms, version, source, destination }
    }
}

/// The row of a delivery stream's progress.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct StoredProgress {
    delivered: u64,
    plan: Option<StoredPlan>,
    objects: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct StoredPlan {
    first: u64,
    end: u64,
    records: u64,
    bytes: u64,
    target: Value,
}

impl Stored for StoredProgress {
    const KIND: &'static str = "delivery_progress";
    const VERSION: u32 = 2;

    /// Version 1 had the members of the object among those of the plan.
    fn migrate(_: u32, mut row: Value) -> serde_json::Result<Self> {
        if let Some(plan) = row.get_mut("plan").and_then(Value::as_object_mut) {
            let target = ["bucket", "key", "compression"].map(|name| (name.to_string(), plan.remove(name)));
            let target = target.into_iter().filter_map(|(name, value)| Some((name, value?)));
            plan.insert("target".into(), Value::Object(Map::from_iter(target)));
        }
        serde_json::from_value(row)
    }
}

impl From<&Progress> for StoredProgress {
    fn from(progress: &Progress) -> Self {
        let plan = progress.plan.clone().map(|DeliveryPlan { first, end, records, bytes, target }| StoredPlan {
            first,
            end,
            records,
            bytes,
            target,
        });
        Self { delivered: progress.delivered, plan, objects: progress.objects }
    }
}

impl From<StoredProgress> for Progress {
    fn from(row: StoredProgress) -> Self {
        let plan = row.plan.map(|StoredPlan { first, end, records, bytes, target }| DeliveryPlan {
            first,
            end,
            records,
            bytes,
            target,
        });
        Self { delivered: row.delivered, plan, objects: row.objects }
    }
}

/// Delivery streams and their progress in the control store.
#[derive(Clone)]
pub(crate) struct Catalog(pub(crate) ControlStore);

impl Catalog {
    /// All delivery streams with their progress. Waits for the disk.
    pub(crate) fn load(&self) -> Result<Vec<(DeliveryStream, Progress)>> {
        let mut progress: BTreeMap<String, StoredProgress> = self.0.scan(PROGRESS, "")?.into_iter().collect();
        let streams = self.0.scan::<StoredDeliveryStream>(DELIVERY_STREAMS, "")?;
        let with_progress = |(_, stream): (String, StoredDeliveryStream)| {
            let progress = progress.remove(&stream.id.to_string()).map(Progress::from).unwrap_or_default();
            (stream.into(), progress)
        };
        let loaded = streams.into_iter().map(with_progress).collect();
        self.forget(progress.into_keys())?;
        Ok(loaded)
    }

    /// Removes the progress of delivery streams that are no more: it was being written while
    /// they were deleted.
    fn forget(&self, ids: impl ExactSizeIterator<Item = String>) -> Result<()> {
        if ids.len() == 0 {
            return Ok(());
        }
        let mut changes = Changes::default();
        ids.for_each(|id| changes.delete(PROGRESS, &id));
        self.0.commit(changes)
    }

    /// Adds a delivery stream that has delivered nothing.
    pub(crate) async fn add(&self, stream: &DeliveryStream) -> Result<()> {
        let mut changes = Changes::default();
        changes.put(DELIVERY_STREAMS, &stream.arn, &StoredDeliveryStream::from(stream))?;
        self.0.commit_async(changes).await
    }

    /// Removes a delivery stream and its progress.
    pub(crate) async fn remove(&self, stream: &DeliveryStream) -> Result<()> {
        let mut changes = Changes::default();
        changes.delete(DELIVERY_STREAMS, &stream.arn);
        changes.delete(PROGRESS, &stream.id.to_string());
        self.0.commit_async(changes).await
    }

    /// Records how far delivery is.
    pub(crate) async fn advance(&self, stream: &DeliveryStream, progress: &Progress) -> Result<()> {
        self.0.commit_async(advance(stream, progress)?).await
    }

    /// As [`Catalog::advance`]. Waits for the disk.
    pub(crate) fn advance_now(&self, stream: &DeliveryStream, progress: &Progress) -> Result<()> {
        self.0.commit(advance(stream, progress)?)
    }
}

fn advance(stream: &DeliveryStream, progress: &Progress) -> Result<Changes> {
    let mut changes = Changes::default();
    changes.put(PROGRESS, &stream.id.to_string(), &StoredProgress::from(progress))?;
    Ok(changes)
}

#[cfg(test)]
mod tests {
    use anabranch_control::check_fixtures;

    use super::*;

    const FIXTURES: &str = "tests/stored";

    #[test]
    fn delivery_streams_of_every_version_are_read() {
        let destination = json!({
            "kind": "s3", "role_arn": "arn:aws:iam::000000000000:role/firehose",
            "bucket_arn": "arn:aws:s3:::clickstream-raw", "prefix": "raw/", "error_output_prefix": null,
            "size_in_mbs": 5, "interval_in_seconds": 300, "compression": "GZIP", "file_extension": ".jsonl.gz",
            "custom_time_zone": null,
        });
        let row = StoredDeliveryStream {
            name: "clicks-raw".into(),
            arn: "arn:aws:firehose:us-east-1:000000000000:deliverystream/clicks-raw".into(),
            id: "67e55044-10b1-426f-9247-bb680e5fe0c8".parse().unwrap(),
            created_ms: 1_772_730_249_000,
            version: 1,
            source: Source::DirectPut(crate::sources::DirectPut {}),
            destination: serde_json::from_value(destination).unwrap(),
        };
        assert_eq!(StoredDeliveryStream::from(&DeliveryStream::from(row.clone())), row);
        check_fixtures(FIXTURES, &[row]);
    }

    #[test]
    fn progress_of_every_version_is_read() {
        let target = json!({ "bucket": "clickstream-raw", "key": "raw/a.gz", "compression": "GZIP" });
        let plan = StoredPlan { first: 7, end: 12, records: 4, bytes: 400, target };
        let rows = [
            StoredProgress { delivered: 7, plan: Some(plan), objects: 2 },
            StoredProgress { delivered: 12, plan: None, objects: 3 },
        ];
        assert!(rows.iter().all(|row| StoredProgress::from(&Progress::from(row.clone())) == *row));
        check_fixtures(FIXTURES, &rows);
    }
}

//! A delivery stream as it is stored: what CreateDeliveryStream said, and how far delivery is.

use std::collections::BTreeMap;

use anabranch_control::{Changes, ControlStore, Stored, Table};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Delivery streams by ARN.
const DELIVERY_STREAMS: Table = Table("firehose_delivery_streams");
/// Progress of delivery by id, so that a name that is used again begins anew.
const PROGRESS: Table = Table("firehose_progress");

/// What CreateDeliveryStream made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DeliveryStream {
    pub(crate) name: String,
    pub(crate) arn: String,
    /// Names the directory of its log.
    pub(crate) id: Uuid,
    pub(crate) created_ms: u64,
    /// `VersionId`, which UpdateDestination counts up.
    pub(crate) version: u64,
    pub(crate) destination: Destination,
}

impl Stored for DeliveryStream {
    const KIND: &'static str = "delivery_stream";
    const VERSION: u32 = 1;
}

/// The S3 destination.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Destination {
    pub(crate) role_arn: String,
    pub(crate) bucket_arn: String,
    pub(crate) prefix: Option<String>,
    pub(crate) error_output_prefix: Option<String>,
    pub(crate) size_in_mbs: u64,
    pub(crate) interval_in_seconds: u64,
    pub(crate) compression: Compression,
    pub(crate) file_extension: Option<String>,
    pub(crate) custom_time_zone: Option<String>,
}

impl Destination {
    /// The bucket's name, which is the last part of its ARN.
    pub(crate) fn bucket(&self) -> &str {
        self.bucket_arn.rsplit(':').next().unwrap_or_default()
    }

    /// Bytes, before compression, that make an object.
    pub(crate) fn size_bytes(&self) -> u64 {
        self.size_in_mbs << 20
    }
}

/// How objects are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Compression {
    #[serde(rename = "UNCOMPRESSED")]
    Uncompressed,
    #[serde(rename = "GZIP")]
    Gzip,
}

impl Compression {
    /// The name in the API.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Uncompressed => "UNCOMPRESSED",
            Self::Gzip => "GZIP",
        }
    }
}

/// How far delivery is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Progress {
    /// Everything before this position is in objects.
    pub(crate) delivered: u64,
    /// The object that is on its way.
    pub(crate) plan: Option<DeliveryPlan>,
    /// Objects delivered so far.
    pub(crate) objects: u64,
}

impl Stored for Progress {
    const KIND: &'static str = "delivery_progress";
    const VERSION: u32 = 1;
}

/// One object, decided before it is written, so that a retry after a crash writes the same
/// records under the same key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DeliveryPlan {
    /// Position of its first record.
    pub(crate) first: u64,
    /// Position after its last record.
    pub(crate) end: u64,
    /// Records from `first` to `end`.
    pub(crate) records: u64,
    /// Their bytes before compression.
    pub(crate) bytes: u64,
    pub(crate) bucket: String,
    pub(crate) key: String,
    pub(crate) compression: Compression,
}

/// Delivery streams and their progress in the control store. Its calls wait for the disk.
#[derive(Clone)]
pub(crate) struct Catalog(pub(crate) ControlStore);

impl Catalog {
    /// All delivery streams with their progress.
    pub(crate) fn load(&self) -> anabranch_control::Result<Vec<(DeliveryStream, Progress)>> {
        let mut progress: BTreeMap<String, Progress> = self.0.scan(PROGRESS, "")?.into_iter().collect();
        let streams = self.0.scan::<DeliveryStream>(DELIVERY_STREAMS, "")?;
        let with_progress = |(_, stream): (String, DeliveryStream)| {
            let progress = progress.remove(&stream.id.to_string()).unwrap_or_default();
            (stream, progress)
        };
        let loaded = streams.into_iter().map(with_progress).collect();
        self.forget(progress.into_keys())?;
        Ok(loaded)
    }

    /// Removes the progress of delivery streams that are no more: it was being written while
    /// they were deleted.
    fn forget(&self, ids: impl ExactSizeIterator<Item = String>) -> anabranch_control::Result<()> {
        if ids.len() == 0 {
            return Ok(());
        }
        let mut changes = Changes::default();
        ids.for_each(|id| changes.delete(PROGRESS, &id));
        self.0.commit(changes)
    }

    /// Adds a delivery stream that has delivered nothing.
    pub(crate) fn add(&self, stream: &DeliveryStream) -> anabranch_control::Result<()> {
        self.0.put(DELIVERY_STREAMS, &stream.arn, stream)
    }

    /// Removes a delivery stream and its progress.
    pub(crate) fn remove(&self, stream: &DeliveryStream) -> anabranch_control::Result<()> {
        let mut changes = Changes::default();
        changes.delete(DELIVERY_STREAMS, &stream.arn);
        changes.delete(PROGRESS, &stream.id.to_string());
        self.0.commit(changes)
    }

    /// Records how far delivery is.
    pub(crate) fn advance(&self, stream: &DeliveryStream, progress: &Progress) -> anabranch_control::Result<()> {
        self.0.put(PROGRESS, &stream.id.to_string(), progress)
    }
}

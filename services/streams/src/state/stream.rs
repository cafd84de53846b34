//! What is known of a stream, and what follows from that at a moment.

use anabranch_protocol::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use crate::error::{NotActive, ShardNotFound, StreamNotFound};
use crate::hash_key::{HashKey, even_ranges};
use crate::limits::{RECORD_KIB_DEFAULT, RETENTION_HOURS_DEFAULT};
use crate::shard::{Shard, ShardId};
use crate::state::consumer::Consumer;
use crate::state::key::StreamKey;
use crate::state::status::StreamStatus;
use crate::tags::Tags;

/// How a stream's capacity is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum StreamMode {
    Provisioned,
    OnDemand,
}

/// The moment from which a stream counts as encrypted with a key, or as not encrypted.
#[derive(Debug, Clone)]
pub(crate) struct EncryptionChange {
    pub(crate) from_ms: u64,
    pub(crate) key_id: Option<String>,
}

/// A stream's settings, shards and consumers.
#[derive(Debug, Clone)]
pub(crate) struct StreamState {
    pub(crate) id: Uuid,
    pub(crate) key: StreamKey,
    pub(crate) created_ms: u64,
    /// Until then it is CREATING.
    pub(crate) active_from_ms: u64,
    /// Until then it is UPDATING.
    pub(crate) updating_until_ms: u64,
    /// Set once it is being deleted.
    pub(crate) deleting: bool,
    pub(crate) mode: StreamMode,
    pub(crate) retention_hours: u32,
    /// Records that came before this moment had expired when the retention period was last changed,
    /// and stay so.
    pub(crate) expired_before_ms: u64,
    pub(crate) record_kib_max: u32,
    pub(crate) tags: Tags,
    /// All shards that hold records or take them, by index.
    pub(crate) shards: Vec<Shard>,
    /// When `UpdateShardCount` was last used, as far as it counts against its limit.
    pub(crate) scalings_ms: Vec<u64>,
    /// Starts and stops of its encryption, in order.
    pub(crate) encryption: Vec<EncryptionChange>,
    pub(crate) shard_level_metrics: Vec<String>,
    /// When its mode was last changed, as far as it counts against the limit.
    pub(crate) mode_switches_ms: Vec<u64>,
    pub(crate) warm_throughput_mibps: Option<u32>,
    /// Its resource policy, as it was put.
    pub(crate) policy: Option<String>,
    /// Its consumers by name, among them some that may be gone.
    pub(crate) consumers: Vec<Consumer>,
}

impl StreamState {
    /// A new provisioned stream with this many shards of equal range.
    pub(crate) fn new(key: StreamKey, shards: u32, now_ms: u64) -> Self {
        let shard = |(index, (start, end)): (u32, (HashKey, HashKey))| Shard {
            index,
            start_key: start,
            end_key: end,
            parent: None,
            adjacent_parent: None,
            created_s: now_ms / 1000,
            opened_ms: 0,
            opened_at: 0,
            closed: None,
        };
        Self {
            id: Uuid::new_v4(),
            key,
            created_ms: now_ms,
            active_from_ms: now_ms,
            updating_until_ms: 0,
            deleting: false,
            mode: StreamMode::Provisioned,
            retention_hours: RETENTION_HOURS_DEFAULT,
            expired_before_ms: 0,
            record_kib_max: RECORD_KIB_DEFAULT,
            tags: Tags::new(),
            shards: (0..).zip(even_ranges(shards)).map(shard).collect(),
            scalings_ms: Vec::new(),
            encryption: Vec::new(),
            shard_level_metrics: Vec::new(),
            mode_switches_ms: Vec::new(),
            warm_throughput_mibps: None,
            policy: None,
            consumers: Vec::new(),
        }
    }

    pub(crate) fn status(&self, now_ms: u64) -> StreamStatus {
        if self.deleting {
            StreamStatus::Deleting
        } else if now_ms < self.active_from_ms {
            StreamStatus::Creating
        } else if now_ms < self.updating_until_ms {
            StreamStatus::Updating
        } else {
            StreamStatus::Active
        }
    }

    pub(crate) fn check_active(&self, now_ms: u64) -> Result<(), NotActive> {
        match self.status(now_ms) {
            StreamStatus::Active => Ok(()),
            status => Err(NotActive { key: self.key.clone(), status }),
        }
    }

    /// Checks that it is the stream that was made at a given moment, if one is given.
    pub(crate) fn check_created(&self, created: Option<Timestamp>) -> Result<(), StreamNotFound> {
        match created {
            Some(created) if created.0 / 1000 != self.created_ms / 1000 => Err(StreamNotFound(self.key.clone())),
            _ => Ok(()),
        }
    }

    pub(crate) fn open_shards(&self) -> impl Iterator<Item = &Shard> {
        self.shards.iter().filter(|shard| shard.closed.is_none())
    }

    /// The shards that are within retention: open, or closed within the retention period.
    pub(crate) fn held_shards(&self, now_ms: u64) -> impl Iterator<Item = &Shard> {
        let horizon_ms = self.horizon_ms(now_ms);
        self.shards.iter().filter(move |shard| !shard.is_closed_before(horizon_ms))
    }

    /// The shard of this id, which must be within retention.
    pub(crate) fn shard(&self, shard_id: &str, now_ms: u64) -> Result<&Shard, ShardNotFound> {
        self.shard_of_index(self.key.shard_index(shard_id)?, now_ms)
    }

    /// The shard of this index, which must be within retention.
    pub(crate) fn shard_of_index(&self, index: u32, now_ms: u64) -> Result<&Shard, ShardNotFound> {
        let found = self.find_shard(index);
        let held = found.filter(|shard| !shard.is_closed_before(self.horizon_ms(now_ms)));
        held.ok_or_else(|| ShardNotFound::Unreadable { shard: ShardId(index), key: self.key.clone() })
    }

    /// Whether there is a shard of this index, expired or not.
    pub(crate) fn knows_shard(&self, index: u32) -> bool {
        self.find_shard(index).is_some()
    }

    fn find_shard(&self, index: u32) -> Option<&Shard> {
        self.shards.binary_search_by_key(&index, |shard| shard.index).ok().map(|at| &self.shards[at])
    }

    /// Most bytes of a record, its partition key included.
    pub(crate) fn record_bytes_max(&self) -> usize {
        self.record_kib_max as usize * 1024
    }

    /// Records older than this are out of the retention period. It only ever moves forward: what has
    /// expired does not come back when the period is raised.
    pub(crate) fn horizon_ms(&self, now_ms: u64) -> u64 {
        now_ms.saturating_sub(u64::from(self.retention_hours) * 3_600_000).max(self.expired_before_ms)
    }

    /// Changes the retention period. What has expired by the old one stays expired.
    pub(crate) fn set_retention(&mut self, hours: u32, now_ms: u64) {
        self.expired_before_ms = self.horizon_ms(now_ms);
        self.retention_hours = hours;
    }

    /// A stream that is being deleted is gone for those who read and write it.
    pub(crate) fn check_not_deleting(&self) -> Result<(), StreamNotFound> {
        if self.deleting { Err(StreamNotFound(self.key.clone())) } else { Ok(()) }
    }
}

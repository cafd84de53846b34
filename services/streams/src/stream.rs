//! A stream: its state in the control store, and its log.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use anabranch_control::Stored;
use anabranch_protocol::{Account, ApiError, Arn, Region, RequestContext, Timestamp};
use anabranch_storage::Config;
use parking_lot::{Mutex, RwLock};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use uuid::Uuid;

use crate::consumer::Consumer;
use crate::encryption::EncryptionChange;
use crate::error::{invalid_argument, not_active, shard_does_not_exist, shard_not_found, stream_not_found};
use crate::hash_key::{HashKey, even_ranges};
use crate::limits::{RECORD_KIB_DEFAULT, RETENTION_HOURS_DEFAULT};
use crate::meters::Meters;
use crate::open_logs::OpenLogs;
use crate::quota::StreamQuota;
use crate::routing::Routes;
use crate::shard::{Shard, ShardId, shard_index};
use crate::stream_log::{LogInUse, StreamLog};
use crate::tags::Tags;

/// Account, region and name: what identifies a stream.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct StreamKey {
    pub(crate) account_id: Account,
    pub(crate) region: Region,
    pub(crate) name: String,
}

impl StreamKey {
    pub(crate) fn of_name(context: &RequestContext, name: &str) -> Self {
        Self { account_id: context.account, region: context.region.clone(), name: name.into() }
    }

    /// The stream that an ARN names, which may be a consumer's.
    pub(crate) fn of_arn(arn: &str) -> Option<Self> {
        let arn: Arn = arn.parse().ok().filter(|arn: &Arn| &*arn.service == "kinesis")?;
        let name = arn.resource_after("stream/")?.split('/').next()?.into();
        Some(Self { account_id: arn.account?, region: arn.region?, name })
    }

    pub(crate) fn arn(&self) -> String {
        Arn::new("kinesis", &self.region, self.account_id, &format!("stream/{}", self.name)).to_string()
    }

    /// The key of the stream that a request names by name, ARN or both.
    pub(crate) fn of_request(
        context: &RequestContext,
        name: Option<&str>,
        arn: Option<&str>,
    ) -> Result<Self, ApiError> {
        match (name, arn.and_then(Self::of_arn)) {
            (Some(name), Some(key)) if key.name != name => Err(invalid_argument(
                "StreamName and StreamARN do not name the same stream. Provide one of them, or matching ones.",
            )),
            (_, Some(key)) => Ok(key),
            (Some(name), None) => Ok(Self::of_name(context, name)),
            (None, None) => Err(ApiError::validation("Either StreamName or StreamARN must be provided.")),
        }
    }

    /// What messages call it, such as `clicks under account 000000000000`.
    pub(crate) fn under_account(&self) -> String {
        format!("{} under account {}", self.name, self.account_id)
    }

    /// Account and region: the streams that one caller sees together.
    pub(crate) fn is_of(&self, context: &RequestContext) -> bool {
        self.account_id == context.account && self.region == context.region
    }
}

/// The key in the control store.
impl fmt::Display for StreamKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}/{}", self.account_id, self.region, self.name)
    }
}

/// How a stream's capacity is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum StreamMode {
    Provisioned,
    OnDemand,
}

/// A stream as control state keeps it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct StreamState {
    pub(crate) id: Uuid,
    pub(crate) key: StreamKey,
    pub(crate) created_ms: u64,
    /// Until then it is CREATING.
    pub(crate) active_from_ms: u64,
    /// Until then it is UPDATING.
    #[serde(default)]
    pub(crate) updating_until_ms: u64,
    /// Set once it is being deleted.
    pub(crate) deleting: bool,
    pub(crate) mode: StreamMode,
    pub(crate) retention_hours: u32,
    /// Records that came before this moment had expired when the retention period was last changed,
    /// and stay so.
    #[serde(default)]
    pub(crate) expired_before_ms: u64,
    pub(crate) record_kib_max: u32,
    pub(crate) tags: Tags,
    /// All shards that hold records or take them, by index.
    pub(crate) shards: Vec<Shard>,
    /// When `UpdateShardCount` was last used, as far as it counts against its limit.
    #[serde(default)]
    pub(crate) scalings_ms: Vec<u64>,
    /// Starts and stops of its encryption, in order.
    #[serde(default)]
    pub(crate) encryption: Vec<EncryptionChange>,
    #[serde(default)]
    pub(crate) shard_level_metrics: Vec<String>,
    /// When its mode was last changed, as far as it counts against the limit.
    #[serde(default)]
    pub(crate) mode_switches_ms: Vec<u64>,
    #[serde(default)]
    pub(crate) warm_throughput_mibps: Option<u32>,
    /// Its resource policy, as it was put.
    #[serde(default)]
    pub(crate) policy: Option<String>,
    /// Its consumers by name, among them some that may be gone.
    #[serde(default)]
    pub(crate) consumers: Vec<Consumer>,
}

impl Stored for StreamState {
    const KIND: &'static str = "stream";
    const VERSION: u32 = 1;
}

impl StreamState {
    /// A new provisioned stream with so many even shards.
    pub(crate) fn new(key: StreamKey, shards: u32, now_ms: u64) -> Self {
        let shard = |(index, (start, end)): (u32, (HashKey, HashKey))| Shard {
            index,
            start_hash_key: start.0.to_string(),
            end_hash_key: end.0.to_string(),
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

    pub(crate) fn status(&self, now_ms: u64) -> &'static str {
        if self.deleting {
            "DELETING"
        } else if now_ms < self.active_from_ms {
            "CREATING"
        } else if now_ms < self.updating_until_ms {
            "UPDATING"
        } else {
            "ACTIVE"
        }
    }

    pub(crate) fn check_active(&self, now_ms: u64) -> Result<(), ApiError> {
        match self.status(now_ms) {
            "ACTIVE" => Ok(()),
            status => Err(not_active(&self.key, status)),
        }
    }

    /// Checks that it is the stream that was made at a given moment, if one is given.
    pub(crate) fn check_created(&self, created: Option<Timestamp>) -> Result<(), ApiError> {
        match created {
            Some(created) if created.0 / 1000 != self.created_ms / 1000 => Err(stream_not_found(&self.key)),
            _ => Ok(()),
        }
    }

    pub(crate) fn open_shards(&self) -> impl Iterator<Item = &Shard> {
        self.shards.iter().filter(|shard| shard.closed.is_none())
    }

    /// The shards that are within retention: open, or closed no longer ago than that.
    pub(crate) fn held_shards(&self, now_ms: u64) -> impl Iterator<Item = &Shard> {
        let horizon_ms = self.horizon_ms(now_ms);
        self.shards.iter().filter(move |shard| !shard.is_closed_before(horizon_ms))
    }

    /// The shard of this id, which must be within retention.
    pub(crate) fn shard(&self, shard_id: &str, now_ms: u64) -> Result<&Shard, ApiError> {
        self.shard_of_index(shard_index(shard_id).ok_or_else(|| shard_not_found(shard_id, &self.key))?, now_ms)
    }

    /// The shard of this index, which must be within retention.
    pub(crate) fn shard_of_index(&self, index: u32, now_ms: u64) -> Result<&Shard, ApiError> {
        let found = self.find_shard(index);
        let held = found.filter(|shard| !shard.is_closed_before(self.horizon_ms(now_ms)));
        held.ok_or_else(|| shard_does_not_exist(&ShardId(index).to_string(), &self.key))
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
    pub(crate) fn check_not_deleting(&self) -> Result<(), ApiError> {
        if self.deleting { Err(stream_not_found(&self.key)) } else { Ok(()) }
    }
}

/// A stream that is served. Its log is open only while it is needed, so that thousands of quiet
/// streams cost nothing.
#[derive(Debug)]
pub(crate) struct Stream {
    state: RwLock<Arc<StreamState>>,
    /// Held for reading while records are appended, for writing while shards change.
    pub(crate) routes: RwLock<Arc<Routes>>,
    /// Held by whoever changes the state, from reading it on.
    pub(crate) changing: Mutex<()>,
    pub(crate) log: Arc<StreamLog>,
    /// When retention looks at the log again, in milliseconds since the epoch; 0 if it did not yet.
    pub(crate) trim_due_ms: AtomicU64,
    /// Ticks when the state changes, and when the stream goes.
    changes: watch::Sender<()>,
    /// What its shards may take, where quotas hold.
    pub(crate) quota: StreamQuota,
    pub(crate) meters: Meters,
    pub(crate) records_in: AtomicU64,
    pub(crate) bytes_in: AtomicU64,
}

impl Stream {
    /// A stream whose log lies in `directory`, under its id.
    pub(crate) fn new(state: StreamState, directory: &Path, config: Config, logs: Arc<OpenLogs>) -> Self {
        Self {
            log: StreamLog::new(state.id, directory, config, logs),
            trim_due_ms: AtomicU64::new(0),
            changes: watch::Sender::new(()),
            routes: RwLock::new(Arc::new(Routes::new(&state))),
            state: RwLock::new(Arc::new(state)),
            changing: Mutex::new(()),
            quota: StreamQuota::default(),
            meters: Meters::default(),
            records_in: AtomicU64::new(0),
            bytes_in: AtomicU64::new(0),
        }
    }

    pub(crate) fn state(&self) -> Arc<StreamState> {
        self.state.read().clone()
    }

    /// A copy of the state, unless the stream is deleted. For who holds `changing`.
    pub(crate) fn held_state(&self) -> Result<StreamState, ApiError> {
        let state = self.state();
        if self.log.is_deleted() { Err(stream_not_found(&state.key)) } else { Ok((*state).clone()) }
    }

    /// Replaces the state; the routes, if they changed, go with it.
    pub(crate) fn set_state(&self, state: StreamState) {
        *self.state.write() = Arc::new(state);
        self.tell_change();
    }

    /// Wakes those who wait for something to change.
    pub(crate) fn tell_change(&self) {
        self.changes.send_replace(());
    }

    /// Is told of changes from now on.
    pub(crate) fn changes(&self) -> watch::Receiver<()> {
        self.changes.subscribe()
    }

    /// The log, opened if it is not.
    pub(crate) fn log(&self) -> Result<LogInUse, ApiError> {
        self.log.acquire().map_err(|error| self.unless_deleted(error))
    }

    /// As [`Stream::log`], for asynchronous callers.
    pub(crate) async fn log_acquired(&self) -> Result<LogInUse, ApiError> {
        self.log.acquired().await.map_err(|error| self.unless_deleted(error))
    }

    /// An error of the log, or that of a stream that is gone: its log can't be used any more then.
    pub(crate) fn unless_deleted(&self, error: ApiError) -> ApiError {
        if self.log.is_deleted() { stream_not_found(&self.state().key) } else { error }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn state_of_before_resharding_is_read() {
        let stored = r#"{ "id": "67e55044-10b1-426f-9247-bb680e5fe0c8", "created_ms": 5, "active_from_ms": 7,
            "key": { "account_id": "000000000000", "region": "us-east-1", "name": "clicks" }, "deleting": false,
            "mode": "PROVISIONED", "retention_hours": 24, "record_kib_max": 1024, "tags": { "a": "b" }, "shards": [{
            "index": 0, "start_hash_key": "0", "end_hash_key": "340282366920938463463374607431768211455",
            "parent": null, "adjacent_parent": null, "created_s": 0, "opened_at": 0, "closed": null }] }"#;
        let state: StreamState = serde_json::from_str(stored).unwrap();
        assert_eq!((state.status(6), state.status(7)), ("CREATING", "ACTIVE"));
        assert_eq!(
            (state.encryption_type_at(7), state.registered(7).count(), state.open_shards().count()),
            ("NONE", 0, 1)
        );
    }
}

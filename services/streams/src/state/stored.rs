//! A stream as control state keeps it: the form of its row, apart from what the program works with.

use anabranch_control::Stored;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::hash_key::HashKey;
use crate::shard::{Closed, Shard};
use crate::state::consumer::Consumer;
use crate::state::key::StreamKey;
use crate::state::stream::{EncryptionChange, StreamMode, StreamState};
use crate::tags::Tags;

/// The row of a stream. Its members mean what those of [`StreamState`] do.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct StoredStream {
    id: Uuid,
    key: StreamKey,
    created_ms: u64,
    active_from_ms: u64,
    #[serde(default)]
    updating_until_ms: u64,
    /// Set once it is being deleted.
    deleting: bool,
    mode: StoredMode,
    retention_hours: u32,
    #[serde(default)]
    expired_before_ms: u64,
    record_kib_max: u32,
    tags: Tags,
    shards: Vec<StoredShard>,
    #[serde(default)]
    scalings_ms: Vec<u64>,
    #[serde(default)]
    encryption: Vec<StoredEncryptionChange>,
    #[serde(default)]
    shard_level_metrics: Vec<String>,
    #[serde(default)]
    mode_switches_ms: Vec<u64>,
    #[serde(default)]
    warm_throughput_mibps: Option<u32>,
    #[serde(default)]
    policy: Option<String>,
    #[serde(default)]
    consumers: Vec<StoredConsumer>,
}

/// Rows of version 1 may lack the fields that have a default: they came one after another, before
/// rows had versions.
impl Stored for StoredStream {
    const KIND: &'static str = "stream";
    const VERSION: u32 = 2;
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum StoredMode {
    Provisioned,
    OnDemand,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct StoredShard {
    index: u32,
    #[serde(with = "decimal")]
    start_hash_key: HashKey,
    #[serde(with = "decimal")]
    end_hash_key: HashKey,
    parent: Option<u32>,
    adjacent_parent: Option<u32>,
    created_s: u64,
    #[serde(default)]
    opened_ms: u64,
    opened_at: u64,
    closed: Option<StoredEnd>,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct StoredEnd {
    at: u64,
    at_ms: u64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct StoredEncryptionChange {
    from_ms: u64,
    key_id: Option<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct StoredConsumer {
    name: String,
    created_ms: u64,
    active_from_ms: u64,
    deleted_from_ms: Option<u64>,
    tags: Tags,
    policy: Option<String>,
}

/// Hash keys are stored as decimal texts, since they are larger than what JSON's readers take for a
/// number. One that can't be read is an error of its row.
mod decimal {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    use crate::hash_key::HashKey;

    pub(super) fn serialize<S: Serializer>(key: &HashKey, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&key.0)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<HashKey, D::Error> {
        let text = String::deserialize(deserializer)?;
        HashKey::parse(&text).ok_or_else(|| D::Error::custom(format!("{text:?} is no hash key")))
    }
}

impl From<StreamState> for StoredStream {
    fn from(from: StreamState) -> Self {
        let StreamState {
            id,
            key,
            created_ms,
            active_from_ms,
            updating_until_ms,
            deleting,
            mode,
            retention_hours,
            expired_before_ms,
            record_kib_max,
            tags,
            shards,
            scalings_ms,
            encryption,
            shard_level_metrics,
            mode_switches_ms,
            warm_throughput_mibps,
            policy,
            consumers,
        } = from;
        Self {
            id,
            key,
            created_ms,
            active_from_ms,
            updating_until_ms,
            deleting,
            mode: mode.into(),
            retention_hours,
            expired_before_ms,
            record_kib_max,
            tags,
            shards: shards.into_iter().map(Into::into).collect(),
            scalings_ms,
            encryption: encryption.into_iter().map(Into::into).collect(),
            shard_level_metrics,
            mode_switches_ms,
            warm_throughput_mibps,
            policy,
            consumers: consumers.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<StoredStream> for StreamState {
    fn from(row: StoredStream) -> Self {
        let StoredStream {
            id,
            key,
            created_ms,
            active_from_ms,
            updating_until_ms,
            deleting,
            mode,
            retention_hours,
            expired_before_ms,
            record_kib_max,
            tags,
            shards,
            scalings_ms,
            encryption,
            shard_level_metrics,
            mode_switches_ms,
            warm_throughput_mibps,
            policy,
            consumers,
        } = row;
        Self {
            id,
            key,
            created_ms,
            active_from_ms,
            updating_until_ms,
            deleting,
            mode: mode.into(),
            retention_hours,
            expired_before_ms,
            record_kib_max,
            tags,
            shards: shards.into_iter().map(Into::into).collect(),
            scalings_ms,
            encryption: encryption.into_iter().map(Into::into).collect(),
            shard_level_metrics,
            mode_switches_ms,
            warm_throughput_mibps,
            policy,
            consumers: consumers.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<StreamMode> for StoredMode {
    fn from(mode: StreamMode) -> Self {
        match mode {
            StreamMode::Provisioned => Self::Provisioned,
            StreamMode::OnDemand => Self::OnDemand,
        }
    }
}

impl From<StoredMode> for StreamMode {
    fn from(mode: StoredMode) -> Self {
        match mode {
            StoredMode::Provisioned => Self::Provisioned,
            StoredMode::OnDemand => Self::OnDemand,
        }
    }
}

impl From<Shard> for StoredShard {
    fn from(shard: Shard) -> Self {
        let Shard { index, start_key, end_key, parent, adjacent_parent, created_s, opened_ms, opened_at, closed } =
            shard;
        Self {
            index,
            start_hash_key: start_key,
            end_hash_key: end_key,
            parent,
            adjacent_parent,
            created_s,
            opened_ms,
            opened_at,
            closed: closed.map(|Closed { at, at_ms }| StoredEnd { at, at_ms }),
        }
    }
}

impl From<StoredShard> for Shard {
    fn from(row: StoredShard) -> Self {
        Self {
            index: row.index,
            start_key: row.start_hash_key,
            end_key: row.end_hash_key,
            parent: row.parent,
            adjacent_parent: row.adjacent_parent,
            created_s: row.created_s,
            opened_ms: row.opened_ms,
            opened_at: row.opened_at,
            closed: row.closed.map(|StoredEnd { at, at_ms }| Closed { at, at_ms }),
        }
    }
}

impl From<EncryptionChange> for StoredEncryptionChange {
    fn from(from: EncryptionChange) -> Self {
        let EncryptionChange { from_ms, key_id } = from;
        Self { from_ms, key_id }
    }
}

impl From<StoredEncryptionChange> for EncryptionChange {
    fn from(row: StoredEncryptionChange) -> Self {
        let StoredEncryptionChange { from_ms, key_id } = row;
        Self { from_ms, key_id }
    }
}

impl From<Consumer> for StoredConsumer {
    fn from(from: Consumer) -> Self {
        let Consumer { name, created_ms, active_from_ms, deleted_from_ms, tags, policy } = from;
        Self { name, created_ms, active_from_ms, deleted_from_ms, tags, policy }
    }
}

impl From<StoredConsumer> for Consumer {
    fn from(row: StoredConsumer) -> Self {
        let StoredConsumer { name, created_ms, active_from_ms, deleted_from_ms, tags, policy } = row;
        Self { name, created_ms, active_from_ms, deleted_from_ms, tags, policy }
    }
}

#[cfg(test)]
mod tests {
    use anabranch_control::{ControlStore, Table, check_fixtures};

    use super::*;
    use crate::state::status::{EncryptionType, StreamStatus};

    const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/stored");

    /// A state of which every field says something.
    fn state() -> StreamState {
        let key = StreamKey {
            account_id: "123456789012".parse().unwrap(),
            region: "eu-central-1".parse().unwrap(),
            name: "clicks".into(),
        };
        let tags = |key: &str, value: &str| Tags::from([(key.to_string(), value.to_string())]);
        let parent =
            Shard { closed: Some(Closed { at: 12, at_ms: 9 }), ..StreamState::new(key.clone(), 1, 0).shards.remove(0) };
        let child = Shard {
            index: 3,
            parent: Some(0),
            adjacent_parent: Some(1),
            created_s: 1,
            opened_ms: 9,
            opened_at: 12,
            closed: None,
            ..parent.clone()
        };
        StreamState {
            id: "67e55044-10b1-426f-9247-bb680e5fe0c8".parse().unwrap(),
            key,
            created_ms: 5,
            active_from_ms: 7,
            updating_until_ms: 11,
            deleting: false,
            mode: StreamMode::OnDemand,
            retention_hours: 48,
            expired_before_ms: 3,
            record_kib_max: 2048,
            tags: tags("a", "b"),
            shards: vec![parent, child],
            scalings_ms: vec![8],
            encryption: vec![
                EncryptionChange { from_ms: 6, key_id: Some("alias/clicks".into()) },
                EncryptionChange { from_ms: 10, key_id: None },
            ],
            shard_level_metrics: vec!["ALL".into()],
            mode_switches_ms: vec![9],
            warm_throughput_mibps: Some(7),
            policy: Some("{}".into()),
            consumers: vec![Consumer {
                name: "reader".into(),
                created_ms: 8,
                active_from_ms: 9,
                deleted_from_ms: Some(20),
                tags: tags("c", "d"),
                policy: Some("{}".into()),
            }],
        }
    }

    #[test]
    fn rows_of_every_version_are_read() {
        check_fixtures(FIXTURES, &[StoredStream::from(state())]);
    }

    #[test]
    fn a_row_of_the_first_version_is_a_stream_that_nothing_happened_to() {
        let rows = std::fs::read_to_string(format!("{FIXTURES}/stream.v1.json")).unwrap();
        let row = serde_json::from_str::<Vec<serde_json::Value>>(&rows).unwrap().remove(0);
        let state = StreamState::from(StoredStream::migrate(1, row).unwrap());
        assert_eq!((state.status(6), state.status(7)), (StreamStatus::Creating, StreamStatus::Active));
        assert_eq!(
            (state.encryption_type_at(7), state.registered(7).count(), state.open_shards().count()),
            (EncryptionType::None, 0, 1)
        );
    }

    #[test]
    fn a_hash_key_that_is_none_is_an_error_of_its_row() {
        let mut row = serde_json::to_value(StoredStream::from(state())).unwrap();
        row["shards"][0]["end_hash_key"] = "340282366920938463463374607431768211456".into();
        let error = StoredStream::migrate(2, row).unwrap_err().to_string();
        assert!(error.contains("is no hash key"), "{error}");
    }

    /// What a later program writes.
    #[derive(Serialize, Deserialize)]
    struct Later {}

    impl Stored for Later {
        const KIND: &'static str = StoredStream::KIND;
        const VERSION: u32 = StoredStream::VERSION + 1;
    }

    #[test]
    fn a_row_of_a_later_version_is_refused_by_name() {
        let directory = tempfile::tempdir().unwrap();
        let control = ControlStore::open(&directory.path().join("control.redb")).unwrap();
        control.put(Table("streams"), "123456789012/eu-central-1/clicks", &Later {}).unwrap();
        let error = control.scan::<StoredStream>(Table("streams"), "").unwrap_err().to_string();
        for part in ["streams", "123456789012/eu-central-1/clicks", "version 3"] {
            assert!(error.contains(part), "{error}");
        }
    }
}

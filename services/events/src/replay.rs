//! Replays: events of an archive that go to their bus again.

use anabranch_control::Stored;
use serde::{Deserialize, Serialize};

/// What is stored of a replay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Replay {
    pub(crate) arn: String,
    pub(crate) name: String,
    pub(crate) description: Option<String>,
    pub(crate) archive_arn: String,
    /// The archive's own bus.
    pub(crate) bus_arn: String,
    /// The rules that get events, or empty for all.
    pub(crate) filter_arns: Vec<String>,
    /// Of events that came at this time, in milliseconds since the Unix epoch, or later.
    pub(crate) from_ms: u64,
    /// Of events that came before this time.
    pub(crate) to_ms: u64,
    pub(crate) state: ReplayState,
    pub(crate) started_ms: u64,
    pub(crate) ended_ms: Option<u64>,
    /// When the event came that was replayed last.
    pub(crate) last_ms: Option<u64>,
    /// The key of the event that was replayed last.
    pub(crate) last_key: Option<String>,
}

/// `ReplayState`, as far as replays get here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum ReplayState {
    /// Events are replayed.
    Running,
    /// All were.
    Completed,
    /// It was told to stop.
    Cancelled,
    /// Its archive or its bus is gone.
    Failed,
}

impl ReplayState {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Running => "RUNNING",
            Self::Completed => "COMPLETED",
            Self::Cancelled => "CANCELLED",
            Self::Failed => "FAILED",
        }
    }
}

impl Stored for Replay {
    const KIND: &'static str = "replay";
    const VERSION: u32 = 1;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::archive::{ArchiveSettings, ArchivedEvent};

    #[test]
    fn archives_and_replays_have_fixtures() {
        let archive = ArchiveSettings {
            arn: "arn:aws:events:us-east-1:000000000000:archive/a".into(),
            name: "a".into(),
            id: "67e55044-10b1-426f-9247-bb680e5fe0c8".parse().unwrap(),
            bus_arn: "arn:aws:events:us-east-1:000000000000:event-bus/default".into(),
            description: Some("All".into()),
            event_pattern: Some(r#"{"source":["shop"]}"#.into()),
            retention_days: 7,
            kms_key_identifier: None,
            created_ms: 1_772_697_600_000,
        };
        let plain = ArchiveSettings { description: None, event_pattern: None, retention_days: 0, ..archive.clone() };
        anabranch_control::check_fixtures("tests/stored", &[archive, plain]);
        let event = ArchivedEvent { ingested_ms: 1_772_697_600_000, bytes: 2, document: "{}".into() };
        anabranch_control::check_fixtures("tests/stored", &[event]);
        let running = Replay {
            arn: "arn:aws:events:us-east-1:000000000000:replay/r".into(),
            name: "r".into(),
            description: Some("Again".into()),
            archive_arn: "arn:aws:events:us-east-1:000000000000:archive/a".into(),
            bus_arn: "arn:aws:events:us-east-1:000000000000:event-bus/default".into(),
            filter_arns: vec!["arn:aws:events:us-east-1:000000000000:rule/orders".into()],
            from_ms: 1_772_697_600_000,
            to_ms: 1_772_697_700_000,
            state: ReplayState::Running,
            started_ms: 1_772_697_800_000,
            ended_ms: None,
            last_ms: None,
            last_key: None,
        };
        let ended = |state| Replay {
            state,
            description: None,
            filter_arns: Vec::new(),
            ended_ms: Some(1_772_697_900_000),
            last_ms: Some(1_772_697_600_000),
            last_key: Some("67e55044-10b1-426f-9247-bb680e5fe0c8/001772697600000/1".into()),
            ..running.clone()
        };
        let rows =
            [running.clone(), ended(ReplayState::Completed), ended(ReplayState::Cancelled), ended(ReplayState::Failed)];
        anabranch_control::check_fixtures("tests/stored", &rows);
    }
}

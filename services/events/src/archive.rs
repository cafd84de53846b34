//! Archives: events of a bus that are kept to be replayed.

use anabranch_control::{Stored, View};
use anabranch_pattern::Pattern;
use anabranch_protocol::ApiError;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::event::Event;
use crate::rule::read_pattern;

const DAY_MS: u64 = 86_400_000;

/// What is stored of an archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ArchiveSettings {
    pub(crate) arn: String,
    pub(crate) name: String,
    /// Its events have it in their keys, so that a name that is used again begins anew.
    pub(crate) id: Uuid,
    /// The bus whose events it keeps.
    pub(crate) bus_arn: String,
    pub(crate) description: Option<String>,
    pub(crate) event_pattern: Option<String>,
    /// How long events are kept; 0 is for ever.
    pub(crate) retention_days: u64,
    pub(crate) kms_key_identifier: Option<String>,
    pub(crate) created_ms: u64,
}

impl Stored for ArchiveSettings {
    const KIND: &'static str = "archive";
    const VERSION: u32 = 1;
}

/// An event in an archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ArchivedEvent {
    pub(crate) ingested_ms: u64,
    /// The size of its document.
    pub(crate) bytes: u64,
    pub(crate) document: String,
}

impl Stored for ArchivedEvent {
    const KIND: &'static str = "archived_event";
    const VERSION: u32 = 1;
}

/// The size of an archived event.
#[derive(Debug, Deserialize)]
pub(crate) struct ArchivedSize {
    pub(crate) bytes: u64,
}

impl View for ArchivedSize {
    type Row = ArchivedEvent;
}

/// An archive, ready for events.
#[derive(Debug, Clone)]
pub(crate) struct Archive {
    pub(crate) settings: ArchiveSettings,
    pattern: Option<Pattern>,
}

impl Archive {
    /// Reads what is to be read of `settings`.
    ///
    /// # Errors
    /// `InvalidEventPatternException`.
    pub(crate) fn new(settings: ArchiveSettings) -> Result<Self, ApiError> {
        let pattern = settings.event_pattern.as_deref().map(read_pattern).transpose()?;
        Ok(Self { settings, pattern })
    }

    /// Whether it keeps `event` of its bus. What is replayed is kept already.
    pub(crate) fn takes(&self, event: &Event) -> bool {
        let matches = |pattern: &Pattern| pattern.matches_json(event.document.as_bytes()).unwrap_or(false);
        !event.is_replayed && self.pattern.as_ref().is_none_or(matches)
    }

    /// What the keys of its events begin with.
    pub(crate) fn prefix(&self) -> String {
        format!("{}/", self.settings.id)
    }

    /// The key of its first event that came at `ms` or later.
    pub(crate) fn key_from(&self, ms: u64) -> String {
        format!("{}{ms:015}", self.prefix())
    }

    /// The key of an event.
    pub(crate) fn key(&self, event: &Event) -> String {
        format!("{}/{}", self.key_from(event.ingested_ms), event.id)
    }

    /// When the oldest events came that are still kept at `now_ms`.
    pub(crate) fn kept_from_ms(&self, now_ms: u64) -> u64 {
        match self.settings.retention_days {
            0 => 0,
            days => now_ms.saturating_sub(days.saturating_mul(DAY_MS)),
        }
    }
}

//! What is wrong with a log, for those who watch over it.

use crate::error::{Damage, Error};
use crate::position::Position;

/// Ranges of damage that a log remembers once they were reported, for [`Health`].
const DAMAGE_REMEMBERED_MAX: usize = 1_000;

/// What is wrong with a log at one moment; see [`crate::Log::health`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Health {
    /// Why the log takes no appends until it is closed and opened again, if that is so.
    pub poisoned: Option<String>,
    /// Why the last attempt to make a segment failed, until one succeeds: appends fail with this
    /// where the segment written to has no room for them.
    pub refused: Option<Refusal>,
    /// Ranges, of what the log still holds, that are known to be damaged: found when it was opened or
    /// by reading since. It counts no more than a thousand.
    pub damaged: usize,
    /// The first of them by position.
    pub first_damage: Option<Damage>,
}

impl Health {
    /// Whether nothing is wrong.
    pub fn is_sound(&self) -> bool {
        *self == Self::default()
    }
}

/// Why a segment could not be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// The disk, a quota or the limit on the size of files has no room for it.
    NoSpace,
    /// No file descriptor, or no memory map, is left.
    TooManyOpenFiles,
    /// The file system refused for another reason.
    Io,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::NoSpace => "no space left for a segment",
            Self::TooManyOpenFiles => "no file descriptor left for a segment",
            Self::Io => "the file system refuses to make a segment",
        })
    }
}

/// What a log remembers for its health.
#[derive(Debug, Default)]
pub(crate) struct Condition {
    damage: Vec<Damage>,
    refused: Option<Refusal>,
}

impl Condition {
    pub(crate) fn new(mut damage: Vec<Damage>) -> Self {
        damage.truncate(DAMAGE_REMEMBERED_MAX);
        Self { damage, refused: None }
    }
    /// Remembers damage that is about to be reported to a reader.
    pub(crate) fn met(&mut self, damage: &Damage) {
        if self.damage.len() < DAMAGE_REMEMBERED_MAX && !self.damage.contains(damage) {
            self.damage.push(damage.clone());
        }
    }

    /// Remembers why a segment could not be made, or that one could.
    pub(crate) fn made_segment(&mut self, error: Option<&Error>) {
        self.refused = error.map(|error| match error {
            Error::NoSpace { .. } => Refusal::NoSpace,
            Error::TooManyOpenFiles { .. } => Refusal::TooManyOpenFiles,
            _ => Refusal::Io,
        });
    }

    /// What is wrong with a log that begins at `start`.
    pub(crate) fn health(&self, poisoned: Option<String>, start: Position) -> Health {
        // What has been dropped since no longer concerns anybody.
        let held = || self.damage.iter().filter(|damage| damage.resume > start || damage.first >= start);
        Health {
            poisoned,
            refused: self.refused,
            damaged: held().count(),
            first_damage: held().min_by_key(|damage| damage.first).cloned(),
        }
    }
}

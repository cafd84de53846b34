//! Why a delivery failed, as it is stored.

use anabranch_ports::PortErrorKind;
use serde::{Deserialize, Serialize};

/// Why and when a delivery was given up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct GaveUp {
    pub(crate) kind: FailureKind,
    pub(crate) message: String,
    pub(crate) exhausted: Option<Exhausted>,
    pub(crate) attempts: u32,
    pub(crate) at_ms: u64,
    /// Failed attempts with the dead-letter queue.
    pub(crate) dead_letter_attempts: u32,
}

/// Why a delivery was not tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Exhausted {
    /// All attempts were made.
    MaximumRetryAttempts,
    /// It was accepted too long ago.
    MaximumEventAgeInSeconds,
}

impl Exhausted {
    /// Its name in dead letters.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::MaximumRetryAttempts => "MaximumRetryAttempts",
            Self::MaximumEventAgeInSeconds => "MaximumEventAgeInSeconds",
        }
    }
}

/// A [`PortErrorKind`] as it is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum FailureKind {
    NotFound,
    Throttled,
    Unavailable,
    Refused,
    Failed,
}

impl From<PortErrorKind> for FailureKind {
    fn from(kind: PortErrorKind) -> Self {
        match kind {
            PortErrorKind::NotFound => Self::NotFound,
            PortErrorKind::Throttled => Self::Throttled,
            PortErrorKind::Unavailable => Self::Unavailable,
            PortErrorKind::Refused => Self::Refused,
            PortErrorKind::Failed => Self::Failed,
        }
    }
}

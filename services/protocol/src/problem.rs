//! What keeps a service from doing its work, as health, metrics and console show it.

use std::fmt;

/// What is wrong, as operators sort it. [`ProblemKind::as_str`] is the label in the metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ProblemKind {
    /// A write or flush failed: nothing more is acknowledged until the data was read again from the disk.
    Poisoned,
    /// Bytes that were durable can no longer be read; the rest is served.
    Damaged,
    /// Files that control state names are not there.
    Missing,
    /// The disk has no room for what is put.
    FullDisk,
    /// The process has no descriptor left for a file or connection.
    Descriptors,
    /// Delivery makes no progress.
    StuckDelivery,
    /// A store or a part outside this process fails.
    Failing,
    /// Files that nothing refers to were found and moved aside.
    Strays,
}

impl ProblemKind {
    /// All of them, in the order in which they are listed.
    pub const ALL: [Self; 8] = [
        Self::Poisoned,
        Self::Damaged,
        Self::Missing,
        Self::FullDisk,
        Self::Descriptors,
        Self::StuckDelivery,
        Self::Failing,
        Self::Strays,
    ];

    /// Such as `full_disk`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Poisoned => "poisoned",
            Self::Damaged => "damaged",
            Self::Missing => "missing",
            Self::FullDisk => "full_disk",
            Self::Descriptors => "descriptors",
            Self::StuckDelivery => "stuck_delivery",
            Self::Failing => "failing",
            Self::Strays => "strays",
        }
    }

    /// Whether the service is failing at something because of it. Strays only deserve a look.
    pub const fn is_failure(self) -> bool {
        !matches!(self, Self::Strays)
    }
}

/// One thing that is wrong with one resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// What sort of thing.
    pub kind: ProblemKind,
    /// What it is wrong with, such as a stream's name.
    pub resource: String,
    /// What is wrong and, where there is one, the way out; for people.
    pub message: String,
}

impl Problem {
    /// A problem of `resource`.
    pub fn new(kind: ProblemKind, resource: impl Into<String>, message: impl Into<String>) -> Self {
        Self { kind, resource: resource.into(), message: message.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.resource, self.message)
    }
}

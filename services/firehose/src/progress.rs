//! How far the delivery of a delivery stream is.

use serde_json::Value;

/// How far delivery is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Progress {
    /// Everything before this position is delivered.
    pub(crate) delivered: u64,
    /// The batch that is on its way.
    pub(crate) plan: Option<DeliveryPlan>,
    /// Objects delivered so far.
    pub(crate) objects: u64,
}

impl Progress {
    /// Position up to which records are delivered or planned.
    pub(crate) fn reached(&self) -> u64 {
        self.plan.as_ref().map_or(self.delivered, |plan| plan.end)
    }
}

/// One batch, decided before it is delivered, so that a retry after a crash delivers the same
/// records under the same name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DeliveryPlan {
    /// Position of its first record.
    pub(crate) first: u64,
    /// Position after its last record.
    pub(crate) end: u64,
    /// Records from `first` to `end`.
    pub(crate) records: u64,
    /// Their bytes before compression.
    pub(crate) bytes: u64,
    /// Where it goes, in the destination's own words.
    pub(crate) target: Value,
}

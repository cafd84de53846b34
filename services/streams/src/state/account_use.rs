//! What counts against an account's quotas.

use crate::state::stream::{StreamMode, StreamState};

/// What counts against the quotas of one account in one region.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct AccountUse {
    /// Open shards of provisioned streams.
    pub(crate) open_shards: usize,
    pub(crate) on_demand_streams: usize,
}

impl AccountUse {
    pub(crate) fn of(state: &StreamState) -> Self {
        match state.mode {
            StreamMode::Provisioned => Self { open_shards: state.open_shards().count(), on_demand_streams: 0 },
            StreamMode::OnDemand => Self { open_shards: 0, on_demand_streams: 1 },
        }
    }

    pub(crate) fn and(self, other: Self) -> Self {
        Self {
            open_shards: self.open_shards + other.open_shards,
            on_demand_streams: self.on_demand_streams + other.on_demand_streams,
        }
    }
}

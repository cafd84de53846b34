//! An account's settings in a region: its commitment to a minimum throughput, and what it unlocks.

use anabranch_control::{Stored, Table};
use anabranch_protocol::{Account, Region, RequestContext};
use serde::{Deserialize, Serialize};

use crate::error::{ControlFailure, WarmThroughputError};
use crate::limits::{DAY_MS, WARM_THROUGHPUT_MIBPS_MAX};
use crate::service::Streams;
use crate::state::key::StreamKey;
use crate::state::status::CommitmentStatus;
use crate::state::stream::StreamMode;

const ACCOUNTS: Table = Table("streams_accounts");

/// A commitment as control state keeps it.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(crate) struct Commitment {
    pub(crate) started_ms: Option<u64>,
    /// Set once it was disabled: when it ends, which may be later.
    pub(crate) ended_ms: Option<u64>,
}

impl Stored for Commitment {
    const KIND: &'static str = "commitment";
    const VERSION: u32 = 1;
}

impl Commitment {
    pub(crate) fn status(&self, now_ms: u64) -> CommitmentStatus {
        match (self.started_ms, self.ended_ms) {
            (Some(_), None) => CommitmentStatus::Enabled,
            (Some(_), Some(ended_ms)) if now_ms < ended_ms => CommitmentStatus::EnabledUntilEarliestAllowedEnd,
            _ => CommitmentStatus::Disabled,
        }
    }

    pub(crate) fn is_enabled(&self, now_ms: u64) -> bool {
        self.status(now_ms) != CommitmentStatus::Disabled
    }

    /// A commitment holds for a day at least.
    pub(crate) fn earliest_end_ms(&self) -> Option<u64> {
        self.started_ms.map(|started_ms| started_ms + DAY_MS)
    }

    /// Begins it, or takes back that it is to end.
    pub(crate) fn enable(&mut self, now_ms: u64) {
        if !self.is_enabled(now_ms) {
            self.started_ms = Some(now_ms);
        }
        self.ended_ms = None;
    }

    /// Ends it, or lets it end as soon as it may.
    pub(crate) fn disable(&mut self, now_ms: u64) {
        if self.status(now_ms) == CommitmentStatus::Enabled {
            self.ended_ms = self.earliest_end_ms().map(|earliest_ms| earliest_ms.max(now_ms));
        }
    }
}

impl Streams {
    /// The commitment of an account in a region.
    pub(crate) fn commitment(&self, account: Account, region: &Region) -> Result<Commitment, ControlFailure> {
        Ok(self.control.get(ACCOUNTS, &format!("{account}/{region}"))?.unwrap_or_default())
    }

    /// Changes the commitment of the caller's account in its region.
    pub(crate) fn change_commitment(
        &self,
        context: &RequestContext,
        apply: impl FnOnce(&mut Commitment),
    ) -> Result<Commitment, ControlFailure> {
        let _changing = self.changing_accounts.lock();
        let mut commitment = self.commitment(context.account, &context.region)?;
        apply(&mut commitment);
        self.control.put(ACCOUNTS, &format!("{}/{}", context.account, context.region), &commitment)?;
        Ok(commitment)
    }
}

/// What an on-demand stream of this account may be warmed to; refuses a wish for anything else.
pub(crate) fn check_warm_throughput(
    streams: &Streams,
    key: &StreamKey,
    mode: StreamMode,
    mibps: Option<i64>,
) -> Result<Option<u32>, WarmThroughputError> {
    let Some(mibps) = mibps else { return Ok(None) };
    if mode != StreamMode::OnDemand {
        return Err(WarmThroughputError::Provisioned);
    }
    if !streams.commitment(key.account_id, &key.region)?.is_enabled(streams.clock.now_ms()) {
        return Err(WarmThroughputError::NoCommitment(key.account_id));
    }
    if mibps > WARM_THROUGHPUT_MIBPS_MAX {
        return Err(WarmThroughputError::TooMuch(mibps));
    }
    Ok(Some(mibps as u32))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commitment_holds_a_day_at_least() {
        let mut commitment = Commitment::default();
        assert_eq!(commitment.status(0), CommitmentStatus::Disabled);
        commitment.enable(1_000);
        commitment.disable(2_000);
        assert_eq!(commitment.status(2_000), CommitmentStatus::EnabledUntilEarliestAllowedEnd);
        commitment.enable(3_000);
        assert_eq!((commitment.status(3_000), commitment.started_ms), (CommitmentStatus::Enabled, Some(1_000)));
        commitment.disable(4_000);
        assert_eq!(
            (commitment.status(1_000 + DAY_MS), commitment.ended_ms),
            (CommitmentStatus::Disabled, Some(1_000 + DAY_MS))
        );
        commitment.enable(2 * DAY_MS);
        commitment.disable(4 * DAY_MS);
        assert_eq!(commitment.status(4 * DAY_MS), CommitmentStatus::Disabled);
    }

    #[test]
    fn rows_of_every_version_are_read() {
        let running = Commitment { started_ms: Some(1_000), ended_ms: None };
        let ending = Commitment { ended_ms: Some(1_000 + DAY_MS), ..running };
        anabranch_control::check_fixtures(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/stored"), &[running, ending]);
    }
}

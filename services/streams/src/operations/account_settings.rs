//! The answer of DescribeAccountSettings and UpdateAccountSettings.

use anabranch_protocol::Timestamp;
use serde::Serialize;

use crate::account::Commitment;
use crate::state::status::CommitmentStatus;

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct AccountSettingsAnswer {
    minimum_throughput_billing_commitment: CommitmentView,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct CommitmentView {
    status: CommitmentStatus,
    #[serde(skip_serializing_if = "Option::is_none")]
    started_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    earliest_allowed_end_at: Option<Timestamp>,
}

impl AccountSettingsAnswer {
    pub(super) fn new(commitment: &Commitment, now_ms: u64) -> Self {
        let is_enabled = commitment.is_enabled(now_ms);
        Self {
            minimum_throughput_billing_commitment: CommitmentView {
                status: commitment.status(now_ms),
                started_at: commitment.started_ms.map(Timestamp),
                ended_at: commitment.ended_ms.filter(|_| !is_enabled).map(Timestamp),
                earliest_allowed_end_at: commitment.earliest_end_ms().filter(|_| is_enabled).map(Timestamp),
            },
        }
    }
}

//! UpdateAccountSettings.

use anabranch_protocol::{RequestContext, Violations};
use serde::Deserialize;

use super::account_settings::AccountSettingsAnswer;
use crate::error::Error;
use crate::service::Streams;
use crate::shapes::COMMITMENT_STATUS;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct UpdateAccountSettingsRequest {
    minimum_throughput_billing_commitment: Option<CommitmentRequest>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CommitmentRequest {
    status: Option<String>,
}

/// Begins or ends the account's commitment to a minimum throughput in the caller's region, which
/// allows it `WarmThroughputMiBps` and more consumers. Nothing is billed here.
pub(super) fn update_account_settings(
    streams: &Streams,
    context: &RequestContext,
    request: UpdateAccountSettingsRequest,
) -> Result<AccountSettingsAnswer, Error> {
    let mut violations = Violations::default();
    let commitment = request.minimum_throughput_billing_commitment;
    violations.required("minimumThroughputBillingCommitment", commitment.as_ref());
    let status = commitment.as_ref().and_then(|commitment| commitment.status.as_deref());
    if commitment.is_some() {
        violations.required_text("minimumThroughputBillingCommitment.status", status, &COMMITMENT_STATUS);
    }
    violations.finish()?;
    let now_ms = streams.clock.now_ms();
    let commitment = streams.change_commitment(context, |commitment| match status {
        Some("ENABLED") => commitment.enable(now_ms),
        _ => commitment.disable(now_ms),
    })?;
    Ok(AccountSettingsAnswer::new(&commitment, now_ms))
}

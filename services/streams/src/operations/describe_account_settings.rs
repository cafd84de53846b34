//! DescribeAccountSettings.

use anabranch_protocol::RequestContext;
use serde::Deserialize;

use super::account_settings::AccountSettingsAnswer;
use crate::error::Error;
use crate::service::Streams;

#[derive(Debug, Deserialize)]
pub(super) struct DescribeAccountSettingsRequest {}

/// Describes the settings of the caller's account in its region.
pub(super) fn describe_account_settings(
    streams: &Streams,
    context: &RequestContext,
    _: DescribeAccountSettingsRequest,
) -> Result<AccountSettingsAnswer, Error> {
    let commitment = streams.commitment(context.account, &context.region)?;
    Ok(AccountSettingsAnswer::new(&commitment, streams.clock.now_ms()))
}

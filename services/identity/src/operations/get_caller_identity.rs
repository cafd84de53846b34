//! GetCallerIdentity.

use anabranch_protocol::{Account, ApiError, RequestContext};
use serde::{Deserialize, Serialize};

use crate::session::Session;

#[derive(Debug, Deserialize)]
pub(super) struct GetCallerIdentityRequest {}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct GetCallerIdentityAnswer {
    arn: String,
    user_id: String,
    account: Account,
}

/// Tells who the caller's credentials say it is.
pub(super) fn get_caller_identity(
    context: &RequestContext,
    _request: &GetCallerIdentityRequest,
) -> Result<GetCallerIdentityAnswer, ApiError> {
    let Session { arn, user_id } = Session::of(context);
    Ok(GetCallerIdentityAnswer { arn, user_id, account: context.account })
}

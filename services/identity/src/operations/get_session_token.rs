//! GetSessionToken.

use anabranch_protocol::{ApiError, RequestContext, Violations};
use serde::{Deserialize, Serialize};

use crate::identity::Identity;
use crate::session::{Credentials, Session};
use crate::shapes::{SESSION_SECONDS, SESSION_SECONDS_DEFAULT};

/// Devices for a second factor are not known here, so `SerialNumber` and `TokenCode` are not asked for.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct GetSessionTokenRequest {
    duration_seconds: Option<i64>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct GetSessionTokenAnswer {
    credentials: Credentials,
}

/// Gives the caller temporary credentials of its own.
pub(super) fn get_session_token(
    identity: &Identity,
    context: &RequestContext,
    request: &GetSessionTokenRequest,
) -> Result<GetSessionTokenAnswer, ApiError> {
    let mut violations = Violations::default();
    violations.integer("durationSeconds", request.duration_seconds, &SESSION_SECONDS);
    violations.finish()?;
    let expires_ms = identity.expires_ms(request.duration_seconds.unwrap_or(SESSION_SECONDS_DEFAULT));
    Ok(GetSessionTokenAnswer { credentials: Session::of(context).credentials(context.account, expires_ms) })
}

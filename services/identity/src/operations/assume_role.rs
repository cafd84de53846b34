//! AssumeRole.

use anabranch_protocol::{ApiError, Arn, Violations};
use serde::{Deserialize, Serialize};

use crate::identity::Identity;
use crate::session::{Credentials, Session, random_id};
use crate::shapes::{ARN, ROLE_SECONDS, ROLE_SECONDS_DEFAULT, SESSION_NAME};

/// Policies, tags and external ids narrow what a role may do; nothing is enforced, so they are not read.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct AssumeRoleRequest {
    role_arn: Option<String>,
    role_session_name: Option<String>,
    duration_seconds: Option<i64>,
    source_identity: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct AssumeRoleAnswer {
    credentials: Credentials,
    assumed_role_user: AssumedRoleUser,
    #[serde(skip_serializing_if = "Option::is_none")]
    source_identity: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct AssumedRoleUser {
    assumed_role_id: String,
    arn: String,
}

/// Gives credentials of a role, whether there is one or not, in the role's account.
pub(super) fn assume_role(identity: &Identity, request: &AssumeRoleRequest) -> Result<AssumeRoleAnswer, ApiError> {
    let mut violations = Violations::default();
    violations.required_text("roleArn", request.role_arn.as_deref(), &ARN);
    violations.required_text("roleSessionName", request.role_session_name.as_deref(), &SESSION_NAME);
    violations.integer("durationSeconds", request.duration_seconds, &ROLE_SECONDS);
    violations.finish()?;
    let text = request.role_arn.as_deref().unwrap_or_default();
    let invalid = || ApiError::validation(format!("{text} is invalid"));
    let arn: Arn = text.parse().map_err(|_| invalid())?;
    // A role's path is not part of its sessions' names.
    let role = arn.resource_after("role/").and_then(|role| role.rsplit('/').next()).ok_or_else(invalid)?;
    let account = arn.account.ok_or_else(invalid)?;
    let name = request.role_session_name.as_deref().unwrap_or_default();
    let session = Session {
        arn: Arn::global("sts", account, &format!("assumed-role/{role}/{name}")).to_string(),
        user_id: format!("AROA{}:{name}", random_id(17)),
    };
    let expires_ms = identity.expires_ms(request.duration_seconds.unwrap_or(ROLE_SECONDS_DEFAULT));
    Ok(AssumeRoleAnswer {
        credentials: session.credentials(account, expires_ms),
        assumed_role_user: AssumedRoleUser { assumed_role_id: session.user_id, arn: session.arn },
        source_identity: request.source_identity.clone(),
    })
}

//! GetAccessKeyInfo.

use anabranch_protocol::{Account, ApiError, Violations};
use serde::{Deserialize, Serialize};

use crate::shapes::ACCESS_KEY_ID;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct GetAccessKeyInfoRequest {
    access_key_id: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct GetAccessKeyInfoAnswer {
    account: Account,
}

/// Tells the account of an access key id.
pub(super) fn get_access_key_info(request: &GetAccessKeyInfoRequest) -> Result<GetAccessKeyInfoAnswer, ApiError> {
    let mut violations = Violations::default();
    violations.required_text("accessKeyId", request.access_key_id.as_deref(), &ACCESS_KEY_ID);
    violations.finish()?;
    let key = request.access_key_id.as_deref().unwrap_or_default();
    Ok(GetAccessKeyInfoAnswer { account: Account::of_access_key(key).unwrap_or(Account::DEFAULT) })
}

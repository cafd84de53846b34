//! PutRetentionPolicy and DeleteRetentionPolicy.

use std::sync::Arc;

use anabranch_control::Changes;
use anabranch_protocol::{ApiError, RequestContext, Violations};
use serde::Deserialize;

use crate::error::{StoreError, finish, invalid_parameter};
use crate::shapes::LOG_GROUP_NAME;
use crate::shared::Shared;
use crate::stored::StoredGroup;

/// Days for which events may be kept ("PutRetentionPolicy").
const DAYS: [i64; 22] =
    [1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653];

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PutRetentionPolicyRequest {
    log_group_name: Option<String>,
    retention_in_days: Option<i64>,
}

/// Has events of a group expire after so many days.
pub(super) async fn put(
    shared: &Arc<Shared>,
    context: &RequestContext,
    request: PutRetentionPolicyRequest,
) -> Result<(), ApiError> {
    let mut violations = Violations::default();
    violations.required_text("logGroupName", request.log_group_name.as_deref(), &LOG_GROUP_NAME);
    violations.required("retentionInDays", request.retention_in_days.as_ref());
    finish(violations)?;
    let days = request.retention_in_days.unwrap_or_default();
    if !DAYS.contains(&days) {
        return Err(invalid_parameter(format!(
            "1 validation error detected: Value '{days}' at 'retentionInDays' failed to satisfy constraint: \
             Member must satisfy enum value set: {:?}",
            DAYS
        )));
    }
    set(shared, context, request.log_group_name, Some(days as u32)).await
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DeleteRetentionPolicyRequest {
    log_group_name: Option<String>,
}

/// Has events of a group never expire.
pub(super) async fn delete(
    shared: &Arc<Shared>,
    context: &RequestContext,
    request: DeleteRetentionPolicyRequest,
) -> Result<(), ApiError> {
    let mut violations = Violations::default();
    violations.required_text("logGroupName", request.log_group_name.as_deref(), &LOG_GROUP_NAME);
    finish(violations)?;
    set(shared, context, request.log_group_name, None).await
}

async fn set(
    shared: &Arc<Shared>,
    context: &RequestContext,
    name: Option<String>,
    days: Option<u32>,
) -> Result<(), ApiError> {
    let group = shared.groups.find(context, name.as_deref().unwrap_or_default())?;
    let change = move |row: &mut StoredGroup| {
        row.retention_days = days;
        Ok::<_, StoreError>(Changes::default())
    };
    shared.blocking(move |shared| Ok(group.change(&shared.store, change)?)).await
}

//! CreateLogGroup, DeleteLogGroup and PutLogGroupDeletionProtection.

use std::sync::Arc;

use anabranch_control::Changes;
use anabranch_protocol::{ApiError, BoundedMap, RequestContext, Violations};
use serde::Deserialize;

use crate::error::{StoreError, finish};
use crate::limits::TAGS_MAX;
use crate::new_group::{CLASS_DEFAULT, new_group};
use crate::shapes::{KMS_KEY_ID, LOG_GROUP_CLASS, LOG_GROUP_IDENTIFIER, LOG_GROUP_NAME, TAG_KEY, TAG_VALUE, TAGS};
use crate::shared::Shared;
use crate::stored::StoredGroup;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CreateLogGroupRequest {
    pub(crate) log_group_name: Option<String>,
    kms_key_id: Option<String>,
    tags: Option<BoundedMap<String, TAGS_MAX>>,
    log_group_class: Option<String>,
    deletion_protection_enabled: Option<bool>,
}

/// Makes a log group. Its class is told again and changes nothing; nor is it encrypted.
pub(super) async fn create(
    shared: &Arc<Shared>,
    context: &RequestContext,
    request: CreateLogGroupRequest,
) -> Result<(), ApiError> {
    let mut violations = Violations::default();
    violations.required_text("logGroupName", request.log_group_name.as_deref(), &LOG_GROUP_NAME);
    violations.text("kmsKeyId", request.kms_key_id.as_deref(), &KMS_KEY_ID);
    violations.text("logGroupClass", request.log_group_class.as_deref(), &LOG_GROUP_CLASS);
    if let Some(tags) = &request.tags {
        violations.text_map("tags", tags, &TAGS, &TAG_KEY, &TAG_VALUE);
    }
    finish(violations)?;
    let row = StoredGroup {
        class: request.log_group_class.unwrap_or_else(|| CLASS_DEFAULT.into()),
        kms_key_id: request.kms_key_id,
        deletion_protection: request.deletion_protection_enabled.unwrap_or(false),
        tags: request.tags.map(BoundedMap::into_map).unwrap_or_default(),
        ..new_group(context, request.log_group_name.unwrap_or_default(), shared.store.clock.now_ms())
    };
    shared.blocking(move |shared| shared.groups.create(&shared.store, row)).await?;
    Ok(())
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DeleteLogGroupRequest {
    log_group_name: Option<String>,
}

/// Deletes a log group with all its streams and events.
pub(super) async fn delete(
    shared: &Arc<Shared>,
    context: &RequestContext,
    request: DeleteLogGroupRequest,
) -> Result<(), ApiError> {
    let mut violations = Violations::default();
    violations.required_text("logGroupName", request.log_group_name.as_deref(), &LOG_GROUP_NAME);
    finish(violations)?;
    let group = shared.groups.find(context, request.log_group_name.as_deref().unwrap_or_default())?;
    if group.row().deletion_protection {
        return Err(ApiError::validation(
            "The log group is protected from deletion: disable its deletion protection first.",
        ));
    }
    shared.subscriptions.stop_all(&group);
    shared.blocking(move |shared| Ok(shared.groups.delete(&shared.store, &group)?)).await
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PutLogGroupDeletionProtectionRequest {
    log_group_identifier: Option<String>,
    deletion_protection_enabled: Option<bool>,
}

/// Protects a group from being deleted, or no longer.
pub(super) async fn protect(
    shared: &Arc<Shared>,
    context: &RequestContext,
    request: PutLogGroupDeletionProtectionRequest,
) -> Result<(), ApiError> {
    let mut violations = Violations::default();
    let identifier = request.log_group_identifier.as_deref();
    violations.required_text("logGroupIdentifier", identifier, &LOG_GROUP_IDENTIFIER);
    violations.required("deletionProtectionEnabled", request.deletion_protection_enabled.as_ref());
    finish(violations)?;
    let group = shared.groups.identified(context, identifier.unwrap_or_default())?;
    let protect = request.deletion_protection_enabled.unwrap_or(false);
    let change = move |row: &mut StoredGroup| {
        row.deletion_protection = protect;
        Ok::<_, StoreError>(Changes::default())
    };
    shared.blocking(move |shared| Ok(group.change(&shared.store, change)?)).await
}

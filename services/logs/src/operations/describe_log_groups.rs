//! DescribeLogGroups.

use anabranch_protocol::{ApiError, BoundedList, RequestContext, Violations};
use serde::{Deserialize, Serialize};

use super::paging::{page, place};
use crate::error::{finish, invalid_parameter};
use crate::group::Group;
use crate::limits::DESCRIBE_MAX;
use crate::shapes::{
    DESCRIBE_LIMIT, LOG_GROUP_CLASS, LOG_GROUP_IDENTIFIER, LOG_GROUP_IDENTIFIERS, LOG_GROUP_NAME,
    LOG_GROUP_NAME_PATTERN, NOT_EMPTY,
};
use crate::shared::Shared;

/// Accounts other than the caller's are linked to none here.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DescribeLogGroupsRequest {
    log_group_name_prefix: Option<String>,
    log_group_name_pattern: Option<String>,
    next_token: Option<String>,
    limit: Option<i64>,
    log_group_class: Option<String>,
    log_group_identifiers: Option<BoundedList<String, DESCRIBE_MAX>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DescribeLogGroupsResponse {
    log_groups: Vec<LogGroup>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct LogGroup {
    log_group_name: String,
    creation_time: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    retention_in_days: Option<u32>,
    metric_filter_count: usize,
    arn: String,
    stored_bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    kms_key_id: Option<String>,
    log_group_class: String,
    log_group_arn: String,
    deletion_protection_enabled: bool,
}

impl LogGroup {
    fn of(group: &Group) -> Self {
        let (row, arn) = (group.row(), group.arn().to_string());
        Self {
            log_group_name: row.name.clone(),
            creation_time: row.created_ms,
            retention_in_days: row.retention_days,
            metric_filter_count: row.metric_filters.len(),
            arn: format!("{arn}:*"),
            stored_bytes: group.stored_bytes(),
            kms_key_id: row.kms_key_id.clone(),
            log_group_class: row.class.clone(),
            log_group_arn: arn,
            deletion_protection_enabled: row.deletion_protection,
        }
    }
}

/// Lists the caller's groups in order of their names.
pub(super) fn describe_log_groups(
    shared: &Shared,
    context: &RequestContext,
    request: DescribeLogGroupsRequest,
) -> Result<DescribeLogGroupsResponse, ApiError> {
    let mut violations = Violations::default();
    let (prefix, pattern) = (request.log_group_name_prefix.as_deref(), request.log_group_name_pattern.as_deref());
    violations.text("logGroupNamePrefix", prefix, &LOG_GROUP_NAME);
    violations.text("logGroupNamePattern", pattern, &LOG_GROUP_NAME_PATTERN);
    violations.text("nextToken", request.next_token.as_deref(), &NOT_EMPTY);
    violations.integer("limit", request.limit, &DESCRIBE_LIMIT);
    violations.text("logGroupClass", request.log_group_class.as_deref(), &LOG_GROUP_CLASS);
    if let Some(identifiers) = &request.log_group_identifiers {
        violations.texts("logGroupIdentifiers", identifiers, &LOG_GROUP_IDENTIFIERS, &LOG_GROUP_IDENTIFIER);
    }
    finish(violations)?;
    if prefix.is_some() && pattern.is_some() {
        return Err(invalid_parameter(
            "LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.",
        ));
    }
    if let Some(identifiers) = &request.log_group_identifiers {
        let found = identifiers.iter().filter_map(|identifier| shared.groups.identified(context, identifier).ok());
        return Ok(DescribeLogGroupsResponse {
            log_groups: found.map(|group| LogGroup::of(&group)).collect(),
            next_token: None,
        });
    }
    let after: String = place(request.next_token.as_deref())?.unwrap_or_default();
    let pattern = pattern.unwrap_or_default().to_lowercase();
    let limit = request.limit.map_or(DESCRIBE_MAX, |limit| limit as usize);
    let groups = shared.groups.of_caller(context, prefix.unwrap_or_default(), &after).into_iter();
    let found = groups.filter(|group| {
        let row = group.row();
        row.name.to_lowercase().contains(&pattern)
            && request.log_group_class.as_ref().is_none_or(|class| *class == row.class)
    });
    let (found, next_token) = page(found.take(limit + 1).collect(), limit, |group| group.row().name.clone());
    Ok(DescribeLogGroupsResponse { log_groups: found.iter().map(|group| LogGroup::of(group)).collect(), next_token })
}

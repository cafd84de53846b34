//! ListLogGroups.

use anabranch_protocol::{ApiError, RequestContext, Violations};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use super::paging::{page, place};
use crate::error::{finish, invalid_parameter};
use crate::limits::DESCRIBE_MAX;
use crate::shapes::{LIST_LIMIT, LOG_GROUP_CLASS, LOG_GROUP_NAME_REGEX, NOT_EMPTY};
use crate::shared::Shared;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ListLogGroupsRequest {
    log_group_name_pattern: Option<String>,
    log_group_class: Option<String>,
    next_token: Option<String>,
    limit: Option<i64>,
    data_sources: Option<IgnoredAny>,
    field_index_names: Option<IgnoredAny>,
    log_group_tags: Option<IgnoredAny>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ListLogGroupsResponse {
    log_groups: Vec<LogGroupSummary>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct LogGroupSummary {
    log_group_name: String,
    log_group_arn: String,
    log_group_class: String,
}

/// Lists the caller's groups whose names hold one of the pattern's texts, or begin with it where it
/// follows `^`.
pub(super) fn list_log_groups(
    shared: &Shared,
    context: &RequestContext,
    request: ListLogGroupsRequest,
) -> Result<ListLogGroupsResponse, ApiError> {
    let mut violations = Violations::default();
    let pattern = request.log_group_name_pattern.as_deref();
    violations.text("logGroupNamePattern", pattern, &LOG_GROUP_NAME_REGEX);
    violations.text("logGroupClass", request.log_group_class.as_deref(), &LOG_GROUP_CLASS);
    violations.text("nextToken", request.next_token.as_deref(), &NOT_EMPTY);
    violations.integer("limit", request.limit, &LIST_LIMIT);
    finish(violations)?;
    let others = [
        ("dataSources", request.data_sources.is_some()),
        ("fieldIndexNames", request.field_index_names.is_some()),
        ("logGroupTags", request.log_group_tags.is_some()),
    ];
    if let Some((member, _)) = others.into_iter().find(|(_, is_given)| *is_given) {
        return Err(invalid_parameter(format!("Anabranch does not support {member} of ListLogGroups.")));
    }
    let matches = |name: &str| {
        pattern.is_none_or(|pattern| {
            pattern.split('|').any(|part| match part.strip_prefix('^') {
                Some(start) => name.starts_with(start),
                None => name.contains(part),
            })
        })
    };
    let after: String = place(request.next_token.as_deref())?.unwrap_or_default();
    let limit = request.limit.map_or(DESCRIBE_MAX, |limit| limit as usize);
    let groups = shared.groups.of_caller(context, "", &after).into_iter();
    let found = groups.filter(|group| {
        let row = group.row();
        matches(&row.name) && request.log_group_class.as_ref().is_none_or(|class| *class == row.class)
    });
    let (found, next_token) = page(found.take(limit + 1).collect(), limit, |group| group.row().name.clone());
    let summary = |group: &std::sync::Arc<crate::group::Group>| LogGroupSummary {
        log_group_name: group.row().name.clone(),
        log_group_arn: group.arn().to_string(),
        log_group_class: group.row().class.clone(),
    };
    Ok(ListLogGroupsResponse { log_groups: found.iter().map(summary).collect(), next_token })
}

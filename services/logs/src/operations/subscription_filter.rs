//! PutSubscriptionFilter, DescribeSubscriptionFilters and DeleteSubscriptionFilter.

use std::sync::Arc;

use anabranch_control::Changes;
use anabranch_protocol::{ApiError, Arn, RequestContext, Violations};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use super::paging::{page, place};
use crate::error::{StoreError, finish, invalid_parameter, limit_exceeded, not_found};
use crate::limits::{DESCRIBE_MAX, SUBSCRIPTION_FILTERS_MAX};
use crate::pattern::FilterPattern;
use crate::shapes::{
    DESCRIBE_LIMIT, DISTRIBUTION, FIELD_SELECTION_CRITERIA, FILTER_NAME, FILTER_PATTERN, LOG_GROUP_NAME, NOT_EMPTY,
};
use crate::shared::Shared;
use crate::stored::{PROGRESS, Progress, SubscriptionFilter, key};
use crate::subscriptions::Destination;

/// `distribution` of a filter that is put without.
const DISTRIBUTION_DEFAULT: &str = "ByLogStream";

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PutSubscriptionFilterRequest {
    log_group_name: Option<String>,
    filter_name: Option<String>,
    filter_pattern: Option<String>,
    destination_arn: Option<String>,
    role_arn: Option<String>,
    distribution: Option<String>,
    apply_on_transformed_logs: Option<bool>,
    field_selection_criteria: Option<String>,
    emit_system_fields: Option<IgnoredAny>,
}

/// Has events that match go to a destination from now on. One of the same name changes, and goes on
/// where it was.
pub(super) async fn put(
    shared: &Arc<Shared>,
    context: &RequestContext,
    request: PutSubscriptionFilterRequest,
) -> Result<(), ApiError> {
    let mut violations = Violations::default();
    violations.required_text("logGroupName", request.log_group_name.as_deref(), &LOG_GROUP_NAME);
    violations.required_text("filterName", request.filter_name.as_deref(), &FILTER_NAME);
    violations.required_text("filterPattern", request.filter_pattern.as_deref(), &FILTER_PATTERN);
    violations.required_text("destinationArn", request.destination_arn.as_deref(), &NOT_EMPTY);
    violations.text("roleArn", request.role_arn.as_deref(), &NOT_EMPTY);
    violations.text("distribution", request.distribution.as_deref(), &DISTRIBUTION);
    violations.text("fieldSelectionCriteria", request.field_selection_criteria.as_deref(), &FIELD_SELECTION_CRITERIA);
    finish(violations)?;
    let others = [
        ("applyOnTransformedLogs", request.apply_on_transformed_logs == Some(true)),
        ("fieldSelectionCriteria", request.field_selection_criteria.is_some_and(|criteria| !criteria.is_empty())),
        ("emitSystemFields", request.emit_system_fields.is_some()),
    ];
    if let Some((member, _)) = others.into_iter().find(|(_, is_given)| *is_given) {
        return Err(invalid_parameter(format!("Anabranch does not support {member} of PutSubscriptionFilter.")));
    }
    let group = shared.groups.find(context, request.log_group_name.as_deref().unwrap_or_default())?;
    let filter = SubscriptionFilter {
        name: request.filter_name.unwrap_or_default(),
        pattern: request.filter_pattern.unwrap_or_default(),
        destination_arn: request.destination_arn.unwrap_or_default(),
        role_arn: request.role_arn,
        distribution: request.distribution.unwrap_or_else(|| DISTRIBUTION_DEFAULT.into()),
        created_ms: shared.store.clock.now_ms(),
    };
    FilterPattern::parse(&filter.pattern)?;
    let arn: Result<Arn, _> = filter.destination_arn.parse();
    match arn.as_ref().map(|_| Destination::of(&filter.destination_arn)) {
        Ok(Destination::Function) if filter.role_arn.is_some() => {
            return Err(invalid_parameter("destinationArn for vendor lambda cannot be used with roleArn"));
        }
        Ok(Destination::Function | Destination::Stream | Destination::DeliveryStream) => {}
        Ok(Destination::Other) | Err(_) => {
            return Err(invalid_parameter(format!("Invalid destinationArn: {}", filter.destination_arn)));
        }
    }
    shared.subscriptions.check(&filter, shared.store.clock.now_ms()).await?;
    let (changed, stored) = (group.clone(), filter.clone());
    let put = move |shared: &Shared| {
        let end = changed.log(&shared.store)?.visible();
        changed.change(&shared.store, |row| {
            let mut changes = Changes::default();
            let count = row.subscription_filters.len();
            match row.subscription_filters.iter_mut().find(|before| before.name == stored.name) {
                Some(before) => *before = SubscriptionFilter { created_ms: before.created_ms, ..stored },
                None if count >= SUBSCRIPTION_FILTERS_MAX => return Err(limit_exceeded()),
                None => {
                    let progress = Progress { delivered: end };
                    changes.put(PROGRESS, &key(row.id, &stored.name), &progress).map_err(StoreError::from)?;
                    row.subscription_filters.push(stored);
                }
            }
            Ok(changes)
        })
    };
    shared.blocking(put).await?;
    shared.subscriptions.begin(&group, filter);
    Ok(())
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DescribeSubscriptionFiltersRequest {
    log_group_name: Option<String>,
    filter_name_prefix: Option<String>,
    next_token: Option<String>,
    limit: Option<i64>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DescribeSubscriptionFiltersResponse {
    subscription_filters: Vec<Described>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Described {
    filter_name: String,
    log_group_name: String,
    filter_pattern: String,
    destination_arn: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    role_arn: Option<String>,
    distribution: String,
    apply_on_transformed_logs: bool,
    creation_time: u64,
}

/// Lists a group's filters in order of their names.
pub(super) fn describe(
    shared: &Shared,
    context: &RequestContext,
    request: DescribeSubscriptionFiltersRequest,
) -> Result<DescribeSubscriptionFiltersResponse, ApiError> {
    let mut violations = Violations::default();
    violations.required_text("logGroupName", request.log_group_name.as_deref(), &LOG_GROUP_NAME);
    violations.text("filterNamePrefix", request.filter_name_prefix.as_deref(), &FILTER_NAME);
    violations.text("nextToken", request.next_token.as_deref(), &NOT_EMPTY);
    violations.integer("limit", request.limit, &DESCRIBE_LIMIT);
    finish(violations)?;
    let group = shared.groups.find(context, request.log_group_name.as_deref().unwrap_or_default())?;
    let row = group.row();
    let after: String = place(request.next_token.as_deref())?.unwrap_or_default();
    let prefix = request.filter_name_prefix.unwrap_or_default();
    let mut found: Vec<_> = row.subscription_filters.clone();
    found.retain(|filter| filter.name.starts_with(&prefix) && filter.name > after);
    found.sort_by(|one, other| one.name.cmp(&other.name));
    let limit = request.limit.map_or(DESCRIBE_MAX, |limit| limit as usize);
    let (found, next_token) = page(found, limit, |filter| filter.name.clone());
    let described = |filter: SubscriptionFilter| Described {
        filter_name: filter.name,
        log_group_name: row.name.clone(),
        filter_pattern: filter.pattern,
        destination_arn: filter.destination_arn,
        role_arn: filter.role_arn,
        distribution: filter.distribution,
        apply_on_transformed_logs: false,
        creation_time: filter.created_ms,
    };
    Ok(DescribeSubscriptionFiltersResponse {
        subscription_filters: found.into_iter().map(described).collect(),
        next_token,
    })
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DeleteSubscriptionFilterRequest {
    log_group_name: Option<String>,
    filter_name: Option<String>,
}

/// Ends a filter.
pub(super) async fn delete(
    shared: &Arc<Shared>,
    context: &RequestContext,
    request: DeleteSubscriptionFilterRequest,
) -> Result<(), ApiError> {
    let mut violations = Violations::default();
    violations.required_text("logGroupName", request.log_group_name.as_deref(), &LOG_GROUP_NAME);
    violations.required_text("filterName", request.filter_name.as_deref(), &FILTER_NAME);
    finish(violations)?;
    let group = shared.groups.find(context, request.log_group_name.as_deref().unwrap_or_default())?;
    let name = request.filter_name.unwrap_or_default();
    let (changed, filter) = (group.clone(), name.clone());
    let delete = move |shared: &Shared| {
        changed.change(&shared.store, |row| {
            let before = row.subscription_filters.len();
            row.subscription_filters.retain(|other| other.name != filter);
            if row.subscription_filters.len() == before {
                return Err(not_found("The specified subscription filter does not exist."));
            }
            let mut changes = Changes::default();
            changes.delete(PROGRESS, &key(row.id, &filter));
            Ok(changes)
        })
    };
    shared.blocking(delete).await?;
    shared.subscriptions.stop(&group, &name);
    Ok(())
}

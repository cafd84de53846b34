//! PutFunctionEventInvokeConfig, UpdateFunctionEventInvokeConfig, GetFunctionEventInvokeConfig,
//! DeleteFunctionEventInvokeConfig and ListFunctionEventInvokeConfigs.

use anabranch_protocol::{ApiError, Timestamp, Violations};
use serde::Deserialize;
use serde_json::{Value, json};

use super::addressed::{FunctionRequest, PageRequest};
use super::list_functions::most;
use super::page::page;
use super::shapes::{EVENT_AGE_SECONDS, FIFTY, RETRIES, check_integer};
use crate::destinations::Destination;
use crate::error::{invalid_parameter, not_found};
use crate::function_id::{FunctionId, LATEST_VERSION, QualifiedFunction};
use crate::stored_function::EventInvoke;
use crate::{Lambda, Scope};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct EventInvokeRequest {
    function_name: String,
    qualifier: Option<String>,
    maximum_retry_attempts: Option<i64>,
    maximum_event_age_in_seconds: Option<i64>,
    destination_config: Option<DestinationRequest>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct DestinationRequest {
    on_success: Option<OneDestination>,
    on_failure: Option<OneDestination>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct OneDestination {
    destination: Option<String>,
}

/// Sets how asynchronous invocations are done; what the request leaves out goes back to its default.
pub(super) async fn put_function_event_invoke_config(
    lambda: &Lambda,
    scope: &Scope,
    request: EventInvokeRequest,
) -> Result<Value, ApiError> {
    set(lambda, scope, request, |_, _| Ok(EventInvoke::default())).await
}

/// Changes how asynchronous invocations are done; what the request leaves out stays.
pub(super) async fn update_function_event_invoke_config(
    lambda: &Lambda,
    scope: &Scope,
    request: EventInvokeRequest,
) -> Result<Value, ApiError> {
    set(lambda, scope, request, |known, arn| known.ok_or_else(|| not_configured(arn))).await
}

async fn set(
    lambda: &Lambda,
    scope: &Scope,
    request: EventInvokeRequest,
    begin: impl FnOnce(Option<EventInvoke>, &str) -> Result<EventInvoke, ApiError>,
) -> Result<Value, ApiError> {
    let mut violations = Violations::default();
    violations.integer("maximumRetryAttempts", request.maximum_retry_attempts, &RETRIES);
    violations.integer("maximumEventAgeInSeconds", request.maximum_event_age_in_seconds, &EVENT_AGE_SECONDS);
    violations.finish()?;
    let retries = request.maximum_retry_attempts.and_then(|retries| u32::try_from(retries).ok());
    let age = request.maximum_event_age_in_seconds.and_then(|age| u32::try_from(age).ok());
    if retries.is_none() && age.is_none() && request.destination_config.is_none() {
        return Err(invalid_parameter("You must specify at least one of error handling or destination setting."));
    }
    let (function, key) = resolve(lambda, scope, &request.function_name, request.qualifier.as_deref())?;
    let destinations = request.destination_config.unwrap_or_default();
    let on_success = destination(&function.id, destinations.on_success)?;
    let on_failure = destination(&function.id, destinations.on_failure)?;
    for asked in [&on_success, &on_failure].into_iter().filter_map(|asked| asked.as_ref()?.as_ref()) {
        lambda.asynchronous.check_destination(asked).await?;
    }
    let now_ms = lambda.functions.now_ms();
    let arn = format!("{}:{key}", function.id.arn());
    let set = lambda.functions.change(&function.id, |draft| {
        let mut event_invoke = begin(draft.record.event_invoke.remove(&key), &arn)?;
        event_invoke.retries_max = retries.or(event_invoke.retries_max);
        event_invoke.age_max_seconds = age.or(event_invoke.age_max_seconds);
        if let Some(on_success) = on_success {
            event_invoke.on_success = on_success;
        }
        if let Some(on_failure) = on_failure {
            event_invoke.on_failure = on_failure;
        }
        event_invoke.last_modified_ms = now_ms;
        draft.record.event_invoke.insert(key, event_invoke.clone());
        Ok(event_invoke)
    });
    Ok(shown(&arn, &set.await?))
}

/// Tells how asynchronous invocations are done.
pub(super) fn get_function_event_invoke_config(
    lambda: &Lambda,
    scope: &Scope,
    request: &FunctionRequest,
) -> Result<Value, ApiError> {
    let (function, key) = resolve(lambda, scope, &request.function_name, request.qualifier.as_deref())?;
    let record = lambda.functions.record(&function.id)?;
    let arn = format!("{}:{key}", function.id.arn());
    record.event_invoke.get(&key).map(|configured| shown(&arn, configured)).ok_or_else(|| not_configured(&arn))
}

/// Sets everything back to its defaults.
pub(super) async fn delete_function_event_invoke_config(
    lambda: &Lambda,
    scope: &Scope,
    request: FunctionRequest,
) -> Result<(), ApiError> {
    let (function, key) = resolve(lambda, scope, &request.function_name, request.qualifier.as_deref())?;
    let arn = format!("{}:{key}", function.id.arn());
    let deleted = lambda.functions.change(&function.id, |draft| {
        draft.record.event_invoke.remove(&key).map(drop).ok_or_else(|| not_configured(&arn))
    });
    deleted.await
}

/// What is set for a function, its versions and aliases.
pub(super) fn list_function_event_invoke_configs(
    lambda: &Lambda,
    scope: &Scope,
    request: &PageRequest,
) -> Result<Value, ApiError> {
    check_integer("maxItems", request.max_items, &FIFTY)?;
    let id = FunctionId::resolve(&request.function_name, None, scope)?;
    let record = lambda.functions.record(&id)?;
    let all: Vec<_> = record.event_invoke.iter().collect();
    let (found, next) = page(all, request.marker.as_deref(), most(request.max_items), |(name, _)| name.to_string());
    let of = |(key, configured): (&String, &EventInvoke)| shown(&format!("{}:{key}", id.arn()), configured);
    let mut answer = json!({ "FunctionEventInvokeConfigs": found.into_iter().map(of).collect::<Vec<_>>() });
    if let Some(marker) = next {
        answer["NextMarker"] = marker.into();
    }
    Ok(answer)
}

fn resolve(
    lambda: &Lambda,
    scope: &Scope,
    name: &str,
    qualifier: Option<&str>,
) -> Result<(QualifiedFunction, String), ApiError> {
    let function = QualifiedFunction::resolve(name, qualifier, scope)?;
    lambda.functions.describe(&function)?;
    let key = function.qualifier.clone().unwrap_or_else(|| LATEST_VERSION.into());
    Ok((function, key))
}

/// A destination that was asked for, or that there is to be none any more.
fn destination(function: &FunctionId, asked: Option<OneDestination>) -> Result<Option<Option<Destination>>, ApiError> {
    let Some(OneDestination { destination }) = asked else { return Ok(None) };
    let Some(text) = destination.filter(|text| !text.is_empty()) else { return Ok(Some(None)) };
    if text == function.arn() {
        return Err(invalid_parameter("You can't specify the function as a destination for itself."));
    }
    Ok(Some(Some(text.parse()?)))
}

fn not_configured(arn: &str) -> ApiError {
    not_found(format!("The function {arn} doesn't have an EventInvokeConfig"))
}

fn shown(arn: &str, configured: &EventInvoke) -> Value {
    let one = |destination: &Option<Destination>| match destination {
        Some(destination) => json!({ "Destination": destination.to_string() }),
        None => json!({}),
    };
    let mut shown = json!({
        "LastModified": Timestamp(configured.last_modified_ms),
        "FunctionArn": arn,
        "DestinationConfig": { "OnSuccess": one(&configured.on_success), "OnFailure": one(&configured.on_failure) },
    });
    if let Some(retries) = configured.retries_max {
        shown["MaximumRetryAttempts"] = retries.into();
    }
    if let Some(seconds) = configured.age_max_seconds {
        shown["MaximumEventAgeInSeconds"] = seconds.into();
    }
    shown
}

//! PutProvisionedConcurrencyConfig, GetProvisionedConcurrencyConfig, DeleteProvisionedConcurrencyConfig
//! and ListProvisionedConcurrencyConfigs. The settings are kept and told; environments start when they
//! are needed.

use anabranch_protocol::{ApiError, Integer, Violations};
use serde::Deserialize;
use serde_json::{Value, json};

use super::addressed::{FunctionRequest, PageRequest};
use super::list_functions::most;
use super::page::page;
use super::shapes::{FIFTY, check_integer};
use crate::error::{invalid_parameter, provisioned_not_found};
use crate::function_id::{FunctionId, LATEST_VERSION, QualifiedFunction};
use crate::functions::no_function;
use crate::stored_function::Provisioned;
use crate::time::last_modified;
use crate::{Lambda, Scope};

const POSITIVE: Integer = Integer { min: 1, max: i32::MAX as i64 };

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct PutProvisionedRequest {
    function_name: String,
    qualifier: Option<String>,
    provisioned_concurrent_executions: Option<i64>,
}

/// Notes how many environments are to be kept ready for a version or alias.
pub(super) async fn put_provisioned_concurrency_config(
    lambda: &Lambda,
    scope: &Scope,
    request: PutProvisionedRequest,
) -> Result<Value, ApiError> {
    let mut violations = Violations::default();
    let asked = request.provisioned_concurrent_executions;
    violations.required_integer("provisionedConcurrentExecutions", asked, &POSITIVE);
    violations.finish()?;
    let (function, qualifier) = published(scope, &request.function_name, request.qualifier.as_deref())?;
    lambda.functions.describe(&function)?;
    let environments = asked.and_then(|asked| u32::try_from(asked).ok()).unwrap_or(1);
    let provisioned = Provisioned { environments, last_modified_ms: lambda.functions.now_ms() };
    let changed = lambda.functions.change(&function.id, |draft| {
        if draft.record.reserved_concurrency.is_some_and(|reserved| environments > reserved) {
            return Err(invalid_parameter(
                "Requested Provisioned Concurrency should not be greater than the reservedConcurrentExecution for function",
            ));
        }
        let alias = draft.record.aliases.get(&qualifier);
        if alias.is_some_and(|alias| alias.is_of_latest()) {
            return Err(invalid_parameter("Alias points to unpublished version: $LATEST"));
        }
        draft.record.provisioned.insert(qualifier, provisioned.clone());
        Ok(())
    });
    changed.await?;
    let mut answer = shown(&provisioned);
    answer["Status"] = "IN_PROGRESS".into();
    answer["AvailableProvisionedConcurrentExecutions"] = 0.into();
    answer["AllocatedProvisionedConcurrentExecutions"] = 0.into();
    Ok(answer)
}

/// Tells what is kept ready.
pub(super) fn get_provisioned_concurrency_config(
    lambda: &Lambda,
    scope: &Scope,
    request: &FunctionRequest,
) -> Result<Value, ApiError> {
    let (function, qualifier) = published(scope, &request.function_name, request.qualifier.as_deref())?;
    lambda.functions.describe(&function)?;
    let record = lambda.functions.record(&function.id)?;
    record.provisioned.get(&qualifier).map(shown).ok_or_else(provisioned_not_found)
}

/// Keeps nothing ready any more.
pub(super) async fn delete_provisioned_concurrency_config(
    lambda: &Lambda,
    scope: &Scope,
    request: FunctionRequest,
) -> Result<(), ApiError> {
    let (function, qualifier) = published(scope, &request.function_name, request.qualifier.as_deref())?;
    let changed = lambda.functions.change(&function.id, |draft| {
        draft.record.provisioned.remove(&qualifier);
        Ok(())
    });
    changed.await
}

/// What is kept ready of a function's versions and aliases.
pub(super) fn list_provisioned_concurrency_configs(
    lambda: &Lambda,
    scope: &Scope,
    request: &PageRequest,
) -> Result<Value, ApiError> {
    check_integer("maxItems", request.max_items, &FIFTY)?;
    let id = FunctionId::resolve(&request.function_name, None, scope)?;
    let record = lambda.functions.record(&id)?;
    let all: Vec<_> = record.provisioned.iter().collect();
    let (found, next) = page(all, request.marker.as_deref(), most(request.max_items), |(name, _)| name.to_string());
    let of = |(qualifier, provisioned): (&String, &Provisioned)| {
        let mut item = shown(provisioned);
        item["FunctionArn"] = format!("{}:{qualifier}", id.arn()).into();
        item
    };
    let mut answer = json!({ "ProvisionedConcurrencyConfigs": found.into_iter().map(of).collect::<Vec<_>>() });
    if let Some(marker) = next {
        answer["NextMarker"] = marker.into();
    }
    Ok(answer)
}

fn published(scope: &Scope, name: &str, qualifier: Option<&str>) -> Result<(QualifiedFunction, String), ApiError> {
    let function = QualifiedFunction::resolve(name, qualifier, scope)?;
    match function.qualifier.clone() {
        Some(qualifier) if qualifier != LATEST_VERSION => Ok((function, qualifier)),
        Some(_) => Err(invalid_parameter(
            "Provisioned Concurrency Configs cannot be applied to unpublished function versions.",
        )),
        None => Err(no_function(&function)),
    }
}

fn shown(provisioned: &Provisioned) -> Value {
    json!({
        "RequestedProvisionedConcurrentExecutions": provisioned.environments,
        "AvailableProvisionedConcurrentExecutions": provisioned.environments,
        "AllocatedProvisionedConcurrentExecutions": provisioned.environments,
        "Status": "READY",
        "LastModified": last_modified(provisioned.last_modified_ms),
    })
}

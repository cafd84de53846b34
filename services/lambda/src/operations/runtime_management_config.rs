//! PutRuntimeManagementConfig and GetRuntimeManagementConfig: kept and told; functions run on the
//! runtimes of this machine.

use anabranch_protocol::{ApiError, Violations};
use serde::Deserialize;
use serde_json::{Value, json};

use super::addressed::FunctionRequest;
use super::shapes::UPDATE_RUNTIME_ON;
use crate::error::invalid_parameter;
use crate::function_id::{LATEST_VERSION, QualifiedFunction};
use crate::stored_function::RuntimeUpdates;
use crate::{Lambda, Scope};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct PutRuntimeManagementConfigRequest {
    function_name: String,
    qualifier: Option<String>,
    update_runtime_on: Option<String>,
    runtime_version_arn: Option<String>,
}

/// Notes when patches of the runtime are taken up.
pub(super) async fn put_runtime_management_config(
    lambda: &Lambda,
    scope: &Scope,
    request: PutRuntimeManagementConfigRequest,
) -> Result<Value, ApiError> {
    let mut violations = Violations::default();
    violations.required_text("updateRuntimeOn", request.update_runtime_on.as_deref(), &UPDATE_RUNTIME_ON);
    violations.finish()?;
    let update_on = request.update_runtime_on.unwrap_or_default();
    if (update_on == "Manual") != request.runtime_version_arn.is_some() {
        return Err(invalid_parameter(
            "RuntimeVersionArn is given with the runtime update mode Manual, and only with it.",
        ));
    }
    let function = QualifiedFunction::resolve(&request.function_name, request.qualifier.as_deref(), scope)?;
    lambda.functions.describe(&function)?;
    let updates = RuntimeUpdates { update_on, version_arn: request.runtime_version_arn };
    let key = function.qualifier.clone().unwrap_or_else(|| LATEST_VERSION.into());
    let changed = lambda.functions.change(&function.id, |draft| {
        draft.record.runtime_updates.insert(key, updates.clone());
        Ok(())
    });
    changed.await?;
    Ok(shown(&function, &updates))
}

/// Tells when patches of the runtime are taken up.
pub(super) fn get_runtime_management_config(
    lambda: &Lambda,
    scope: &Scope,
    request: &FunctionRequest,
) -> Result<Value, ApiError> {
    let function = QualifiedFunction::resolve(&request.function_name, request.qualifier.as_deref(), scope)?;
    lambda.functions.describe(&function)?;
    let record = lambda.functions.record(&function.id)?;
    let key = function.qualifier.as_deref().unwrap_or(LATEST_VERSION);
    let automatic = RuntimeUpdates { update_on: "Auto".into(), version_arn: None };
    Ok(shown(&function, record.runtime_updates.get(key).unwrap_or(&automatic)))
}

fn shown(function: &QualifiedFunction, updates: &RuntimeUpdates) -> Value {
    let mut shown = json!({ "UpdateRuntimeOn": updates.update_on, "FunctionArn": function.arn() });
    if let Some(arn) = &updates.version_arn {
        shown["RuntimeVersionArn"] = arn.as_str().into();
    }
    shown
}

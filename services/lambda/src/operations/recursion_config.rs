//! PutFunctionRecursionConfig and GetFunctionRecursionConfig: kept and told; loops are not looked for.

use anabranch_protocol::{ApiError, Violations};
use serde::Deserialize;
use serde_json::{Value, json};

use super::addressed::FunctionRequest;
use super::shapes::RECURSIVE_LOOP;
use crate::function_id::FunctionId;
use crate::{Lambda, Scope};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct PutFunctionRecursionConfigRequest {
    function_name: String,
    recursive_loop: Option<String>,
}

/// Notes whether the function may be part of a loop.
pub(super) async fn put_function_recursion_config(
    lambda: &Lambda,
    scope: &Scope,
    request: PutFunctionRecursionConfigRequest,
) -> Result<Value, ApiError> {
    let mut violations = Violations::default();
    violations.required_text("recursiveLoop", request.recursive_loop.as_deref(), &RECURSIVE_LOOP);
    violations.finish()?;
    let id = FunctionId::resolve(&request.function_name, None, scope)?;
    let allows = request.recursive_loop.as_deref() == Some("Allow");
    let changed = lambda.functions.change(&id, |draft| {
        draft.record.allows_recursion = allows;
        Ok(())
    });
    changed.await?;
    Ok(json!({ "RecursiveLoop": request.recursive_loop }))
}

/// Tells whether the function may be part of a loop.
pub(super) fn get_function_recursion_config(
    lambda: &Lambda,
    scope: &Scope,
    request: &FunctionRequest,
) -> Result<Value, ApiError> {
    let id = FunctionId::resolve(&request.function_name, None, scope)?;
    let allows = lambda.functions.record(&id)?.allows_recursion;
    Ok(json!({ "RecursiveLoop": if allows { "Allow" } else { "Terminate" } }))
}

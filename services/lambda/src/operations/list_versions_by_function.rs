//! ListVersionsByFunction.

use anabranch_protocol::ApiError;
use serde::Deserialize;
use serde_json::{Value, json};

use super::function_configuration::listed;
use super::list_functions::{most, version_key};
use super::page::page;
use super::shapes::{TEN_THOUSAND, check_integer};
use crate::function_id::FunctionId;
use crate::{Lambda, Scope};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListVersionsByFunctionRequest {
    function_name: String,
    marker: Option<String>,
    max_items: Option<i64>,
}

/// A page of a function's versions, `$LATEST` first.
pub(super) fn list_versions_by_function(
    lambda: &Lambda,
    scope: &Scope,
    request: &ListVersionsByFunctionRequest,
) -> Result<Value, ApiError> {
    check_integer("maxItems", request.max_items, &TEN_THOUSAND)?;
    let id = FunctionId::resolve(&request.function_name, None, scope)?;
    let versions = lambda.functions.versions(&id)?;
    let key = |described: &crate::functions::Described| format!(":{}", version_key(&described.version));
    let (shown, next) = page(versions, request.marker.as_deref(), most(request.max_items), key);
    let mut answer = json!({ "Versions": shown.iter().map(listed).collect::<Vec<_>>() });
    if let Some(marker) = next {
        answer["NextMarker"] = marker.into();
    }
    Ok(answer)
}

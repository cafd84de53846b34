//! ListFunctions.

use anabranch_protocol::ApiError;
use serde::Deserialize;
use serde_json::{Value, json};

use super::function_configuration::configuration;
use crate::error::invalid_parameter;
use crate::{Lambda, Scope};

/// Functions that one page holds at most, as AWS.
const PAGE_MAX: usize = 50;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct ListFunctionsRequest {
    /// Name of the last function of the page before.
    marker: Option<String>,
    max_items: Option<usize>,
}

/// A page of the functions.
pub(super) fn list_functions(
    lambda: &Lambda,
    scope: &Scope,
    request: &ListFunctionsRequest,
) -> Result<Value, ApiError> {
    let page = request.max_items.unwrap_or(PAGE_MAX);
    if !(1..=10_000).contains(&page) {
        return Err(invalid_parameter("MaxItems must lie within 1 and 10000."));
    }
    let mut functions = lambda.list_functions(scope);
    functions.retain(|spec| request.marker.as_ref().is_none_or(|marker| spec.name > *marker));
    let more = functions.len() > page.min(PAGE_MAX);
    functions.truncate(page.min(PAGE_MAX));
    let shown: Vec<_> = functions.iter().map(|spec| configuration(spec)).collect();
    let mut answer = json!({ "Functions": shown });
    if let Some(last) = functions.last().filter(|_| more) {
        answer["NextMarker"] = last.name.clone().into();
    }
    Ok(answer)
}

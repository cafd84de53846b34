//! ListFunctions.

use anabranch_protocol::ApiError;
use serde::Deserialize;
use serde_json::{Value, json};

use super::function_configuration::listed;
use super::page::page;
use super::shapes::{TEN_THOUSAND, check_integer, check_text};
use crate::function_id::LATEST_VERSION;
use crate::functions::Described;
use crate::{Lambda, Scope};

/// Functions or versions that one page holds at most, as AWS.
pub(super) const PAGE_MAX: usize = 50;
/// The model's `FunctionVersion`.
const ALL: anabranch_protocol::Text =
    anabranch_protocol::Text { min: 0, max: usize::MAX, pattern: None, one_of: &["ALL"] };

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct ListFunctionsRequest {
    function_version: Option<String>,
    /// What the page before ended with.
    marker: Option<String>,
    max_items: Option<i64>,
}

/// A page of the functions, or of all versions of all functions.
pub(super) fn list_functions(
    lambda: &Lambda,
    scope: &Scope,
    request: &ListFunctionsRequest,
) -> Result<Value, ApiError> {
    check_integer("maxItems", request.max_items, &TEN_THOUSAND)?;
    check_text("functionVersion", request.function_version.as_deref(), &ALL)?;
    let mut functions = Vec::new();
    for record in lambda.functions.records(scope) {
        // One that is deleted meanwhile is left out.
        let versions = lambda.functions.versions(&record.id()).unwrap_or_default();
        match request.function_version {
            Some(_) => functions.extend(versions),
            None => {
                functions.extend(versions.into_iter().take(1).map(|latest| Described { qualifier: None, ..latest }))
            }
        }
    }
    let (shown, next) = page(functions, request.marker.as_deref(), most(request.max_items), |described| {
        format!("{}:{}", described.record.name, version_key(&described.version))
    });
    let mut answer = json!({ "Functions": shown.iter().map(listed).collect::<Vec<_>>() });
    if let Some(marker) = next {
        answer["NextMarker"] = marker.into();
    }
    Ok(answer)
}

/// How many a page holds.
pub(super) fn most(max_items: Option<i64>) -> usize {
    max_items.and_then(|most| usize::try_from(most).ok()).unwrap_or(PAGE_MAX).min(PAGE_MAX)
}

/// Sorts `$LATEST` before all numbers, and numbers as numbers.
pub(super) fn version_key(version: &str) -> String {
    if version == LATEST_VERSION { String::new() } else { format!("{version:0>12}") }
}

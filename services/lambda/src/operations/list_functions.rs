//! ListFunctions: `GET /2015-03-31/functions`.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use http::StatusCode;
use serde::Deserialize;
use serde_json::json as value;
use std::sync::Arc;

use super::function_configuration::configuration;
use super::parts::{Answer, Caller, bad_query, json};
use crate::Lambda;
use crate::error::invalid_parameter;

/// Functions that one page holds at most, as AWS.
const PAGE_MAX: usize = 50;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct ListFunctionsRequest {
    /// Name of the last function of the page before.
    marker: Option<String>,
    max_items: Option<usize>,
}

pub(super) async fn handle(
    State(lambda): State<Arc<Lambda>>,
    Caller(scope): Caller,
    query: Result<Query<ListFunctionsRequest>, QueryRejection>,
) -> Answer {
    let Query(request) = query.map_err(|_| bad_query())?;
    let page = request.max_items.unwrap_or(PAGE_MAX);
    if !(1..=10_000).contains(&page) {
        return Err(invalid_parameter("MaxItems must lie within 1 and 10000.").into());
    }
    let mut functions = lambda.list_functions(&scope);
    functions.retain(|spec| request.marker.as_ref().is_none_or(|marker| spec.name > *marker));
    let more = functions.len() > page.min(PAGE_MAX);
    functions.truncate(page.min(PAGE_MAX));
    let shown: Vec<_> = functions.iter().map(|spec| configuration(spec)).collect();
    let mut response = value!({ "Functions": shown });
    if let Some(last) = functions.last().filter(|_| more) {
        response["NextMarker"] = last.name.clone().into();
    }
    json(StatusCode::OK, &response)
}

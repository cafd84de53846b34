//! ListEventSourceMappings: `GET /2015-03-31/event-source-mappings`.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use http::StatusCode;
use serde_json::json as value;
use std::sync::Arc;

use super::parts::{Answer, Caller, bad_query, json};
use crate::{Lambda, ListEventSourceMappings};

pub(super) async fn handle(
    State(lambda): State<Arc<Lambda>>,
    Caller(scope): Caller,
    query: Result<Query<ListEventSourceMappings>, QueryRejection>,
) -> Answer {
    let Query(request) = query.map_err(|_| bad_query())?;
    let (mappings, next_marker) = lambda.list_event_source_mappings(&scope, &request)?;
    let mut response = value!({ "EventSourceMappings": mappings });
    if let Some(marker) = next_marker {
        response["NextMarker"] = marker.into();
    }
    json(StatusCode::OK, &response)
}

//! The REST API, one operation a file. This is its table of contents.

mod create_event_source_mapping;
mod delete_event_source_mapping;
mod function_configuration;
mod get_event_source_mapping;
mod get_function;
mod get_function_configuration;
mod invoke;
mod list_event_source_mappings;
mod list_functions;
mod parts;
mod unsupported;
mod update_event_source_mapping;

use anabranch_protocol::{ApiError, Encoding};
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use http::StatusCode;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::sync::Arc;

use crate::Lambda;
use crate::error::{RestError, invalid_parameter};
use crate::invoke::{PAYLOAD_BYTES_MAX, not_json};

/// Bytes of a request that makes or changes an event source mapping.
const MAPPING_BYTES_MAX: usize = 256 << 10;

type Answer = Result<Response, RestError>;

pub(crate) fn router(lambda: Arc<Lambda>) -> Router {
    let mappings =
        get(list_event_source_mappings::handle).post(create_event_source_mapping::handle).fallback(unsupported::handle);
    let mapping = get(get_event_source_mapping::handle)
        .put(update_event_source_mapping::handle)
        .delete(delete_event_source_mapping::handle)
        .fallback(unsupported::handle);
    let functions = get(list_functions::handle).fallback(unsupported::handle);
    Router::new()
        .route("/2015-03-31/event-source-mappings", mappings.clone())
        .route("/2015-03-31/event-source-mappings/", mappings)
        .route("/2015-03-31/event-source-mappings/{uuid}", mapping)
        .route("/2015-03-31/functions", functions.clone())
        .route("/2015-03-31/functions/", functions)
        .route("/2015-03-31/functions/{name}", get(get_function::handle).fallback(unsupported::handle))
        .route(
            "/2015-03-31/functions/{name}/configuration",
            get(get_function_configuration::handle).fallback(unsupported::handle),
        )
        .route("/2015-03-31/functions/{name}/invocations", post(invoke::handle).fallback(unsupported::handle))
        .fallback(unsupported::handle)
        // One byte more, so that a payload over the limit gets Lambda's own exception.
        .layer(DefaultBodyLimit::max(PAYLOAD_BYTES_MAX + 1))
        .with_state(lambda)
}

fn json(status: StatusCode, value: &impl Serialize) -> Answer {
    let body = serde_json::to_vec(value).map_err(|error| ApiError::internal(error.to_string()))?;
    Ok((status, [("content-type", "application/json")], body).into_response())
}

/// The answer to a query string that can't be read: all that it can't be is in its numbers.
fn bad_query() -> ApiError {
    invalid_parameter(
        "1 validation error detected: Value at 'maxItems' failed to satisfy constraint: Member must be an integer",
    )
}

/// Reads a request's JSON body.
fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    Encoding::Json.decode(body).map_err(|error| not_json(&error.message))
}

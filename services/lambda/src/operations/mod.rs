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

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};
use std::sync::Arc;

use crate::Lambda;
use crate::invoke::PAYLOAD_BYTES_MAX;

impl Lambda {
    /// The REST API, to be mounted at `/`: it serves `/2015-03-31/…`.
    pub fn router(self: &Arc<Self>) -> Router {
        router(self.clone())
    }
}

fn router(lambda: Arc<Lambda>) -> Router {
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

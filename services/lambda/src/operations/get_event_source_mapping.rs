//! GetEventSourceMapping: `GET /2015-03-31/event-source-mappings/{UUID}`.

use axum::extract::State;
use http::StatusCode;
use std::sync::Arc;

use super::parts::{Answer, Caller, Name, json};
use crate::Lambda;

pub(super) async fn handle(State(lambda): State<Arc<Lambda>>, Caller(scope): Caller, Name(uuid): Name) -> Answer {
    json(StatusCode::OK, &lambda.get_event_source_mapping(&scope, &uuid)?)
}

//! GetEventSourceMapping: `GET /2015-03-31/event-source-mappings/{UUID}`.

use axum::extract::{Path, State};
use http::StatusCode;
use std::sync::Arc;

use super::{Answer, json};
use crate::Lambda;

pub(super) async fn handle(State(lambda): State<Arc<Lambda>>, Path(uuid): Path<String>) -> Answer {
    json(StatusCode::OK, &lambda.get_event_source_mapping(&uuid)?)
}

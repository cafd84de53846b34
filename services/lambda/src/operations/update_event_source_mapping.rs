//! UpdateEventSourceMapping: `PUT /2015-03-31/event-source-mappings/{UUID}`.

use axum::extract::{Path, State};
use bytes::Bytes;
use http::StatusCode;
use std::sync::Arc;

use super::{Answer, json, read};
use crate::Lambda;

pub(super) async fn handle(State(lambda): State<Arc<Lambda>>, Path(uuid): Path<String>, body: Bytes) -> Answer {
    json(StatusCode::ACCEPTED, &lambda.update_event_source_mapping(&uuid, read(&body)?).await?)
}

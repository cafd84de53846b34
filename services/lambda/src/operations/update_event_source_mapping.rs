//! UpdateEventSourceMapping: `PUT /2015-03-31/event-source-mappings/{UUID}`.

use axum::extract::State;
use http::StatusCode;
use std::sync::Arc;

use super::parts::{Answer, Caller, MappingBody, Name, json, read};
use crate::Lambda;

pub(super) async fn handle(
    State(lambda): State<Arc<Lambda>>,
    Caller(scope): Caller,
    Name(uuid): Name,
    MappingBody(body): MappingBody,
) -> Answer {
    json(StatusCode::ACCEPTED, &lambda.update_event_source_mapping(&scope, &uuid, read(&body)?).await?)
}

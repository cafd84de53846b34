//! CreateEventSourceMapping: `POST /2015-03-31/event-source-mappings`.

use axum::extract::State;
use http::StatusCode;
use std::sync::Arc;

use super::parts::{Answer, Caller, MappingBody, json, read};
use crate::Lambda;

pub(super) async fn handle(
    State(lambda): State<Arc<Lambda>>,
    Caller(scope): Caller,
    MappingBody(body): MappingBody,
) -> Answer {
    json(StatusCode::ACCEPTED, &lambda.create_event_source_mapping(&scope, read(&body)?).await?)
}

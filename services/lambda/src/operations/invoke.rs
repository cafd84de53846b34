//! Invoke: `POST /2015-03-31/functions/{FunctionName}/invocations`.

use anabranch_protocol::{ApiError, ErrorKind};
use axum::body::{Body, to_bytes};
use axum::extract::{Query, State};
use axum::response::Response;
use base64_simd::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode};
use std::sync::Arc;

use super::get_function::Qualifier;
use super::parts::{Answer, Caller, Name};
use crate::Lambda;
use crate::error::invalid_parameter;
use crate::function_id::{FunctionId, LATEST_VERSION};
use crate::invoke::{InvokeOptions, InvokeOutcome, LogTail, PAYLOAD_BYTES_MAX, check_payload};

pub(super) async fn handle(
    State(lambda): State<Arc<Lambda>>,
    Caller(scope): Caller,
    Name(name): Name,
    Query(query): Query<Qualifier>,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let function = FunctionId::resolve(&name, query.qualifier.as_deref(), &scope)?;
    let payload = to_bytes(body, PAYLOAD_BYTES_MAX).await.map_err(|_| too_large())?;
    let client_context = header(&headers, "x-amz-client-context");
    let response = match header(&headers, "x-amz-invocation-type").as_deref() {
        None | Some("RequestResponse") => {
            let log_tail = log_tail(&headers)?;
            outcome(lambda.invoke(&function, payload, InvokeOptions { client_context, log_tail }).await?)
        }
        Some("Event") => {
            let request_id = lambda.invoke_event(&function, payload, client_context).await?;
            respond(StatusCode::ACCEPTED, &request_id, Bytes::new())
        }
        Some("DryRun") => {
            lambda.get_function(&function)?;
            check_payload(payload, PAYLOAD_BYTES_MAX)?;
            respond(StatusCode::NO_CONTENT, &uuid::Uuid::new_v4().to_string(), Bytes::new())
        }
        Some(other) => {
            return Err(invalid_parameter(format!(
                "1 validation error detected: Value '{other}' at 'invocationType' failed to satisfy constraint: \
                 Member must satisfy enum value set: [Event, RequestResponse, DryRun]"
            ))
            .into());
        }
    };
    Ok(response)
}

fn outcome(outcome: InvokeOutcome) -> Response {
    let mut response = respond(StatusCode::OK, &outcome.request_id, outcome.payload);
    let headers = response.headers_mut();
    headers.insert("content-type", HeaderValue::from_static("application/json"));
    if let Some(error) = outcome.function_error.and_then(|error| HeaderValue::from_str(&error).ok()) {
        headers.insert("x-amz-function-error", error);
    }
    if let Some(tail) = outcome.log_tail.and_then(|tail| HeaderValue::from_str(&STANDARD.encode_to_string(tail)).ok()) {
        headers.insert("x-amz-log-result", tail);
    }
    response
}

fn respond(status: StatusCode, request_id: &str, body: Bytes) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert("x-amz-executed-version", HeaderValue::from_static(LATEST_VERSION));
    if let Ok(request_id) = HeaderValue::from_str(request_id) {
        response.headers_mut().insert("x-amzn-requestid", request_id);
    }
    response
}

fn log_tail(headers: &HeaderMap) -> Result<LogTail, ApiError> {
    match header(headers, "x-amz-log-type").as_deref() {
        None | Some("None") => Ok(LogTail::None),
        Some("Tail") => Ok(LogTail::Last4Kb),
        Some(other) => Err(invalid_parameter(format!(
            "1 validation error detected: Value '{other}' at 'logType' failed to satisfy constraint: \
             Member must satisfy enum value set: [None, Tail]"
        ))),
    }
}

fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_string)
}

fn too_large() -> ApiError {
    ApiError::new(
        ErrorKind::TooLarge,
        "RequestTooLargeException",
        format!("Request must be smaller than {PAYLOAD_BYTES_MAX} bytes for the InvokeFunction operation"),
    )
}

//! Calls of the AWS JSON services (`X-Amz-Target`).

use anabranch_protocol::{ApiError, Encoding};
use axum::body::Body;
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, Response, StatusCode};

use super::answer::{AMZ_JSON, json_error};
use super::body::{self, BODY_BYTES_MAX, BodyError};
use super::caller::Caller;
use super::{Gateway, Label};

/// An error and its status, where that is not the usual one.
type Refusal = (ApiError, StatusCode);

/// Answers the call of `operation` of the service with `prefix`.
pub(super) async fn answer(
    gateway: &Gateway,
    caller: &Caller,
    request_id: &str,
    (prefix, operation): (&str, &str),
    (head, body): (Parts, Body),
) -> Response<Body> {
    let content_type = answer_content_type(&head);
    let mut label = Label { service: service_label(gateway, prefix), operation: operation.to_string() };
    let outcome = perform(gateway, caller, request_id, (prefix, operation), &head, body).await;
    let mut response = match outcome {
        Ok(answer) => {
            let mut response = Response::new(answer);
            response.headers_mut().insert(CONTENT_TYPE, content_type);
            response
        }
        Err((error, status)) => {
            if status.is_server_error() {
                tracing::error!(request_id, operation, %error, "the call failed");
            }
            if error.code.ends_with("UnknownOperationException") {
                // What clients make up must not become a metric each.
                label.operation = "unknown".into();
            }
            json_error(&error, status, content_type)
        }
    };
    response.extensions_mut().insert(label);
    response
}

/// A call of an AWS JSON service without `X-Amz-Target`.
pub(super) async fn without_target(head: Parts, body: Body) -> Response<Body> {
    body::discard(body, body::declared_length(&head)).await;
    let error = ApiError::client("UnknownOperationException", "The request has no X-Amz-Target header.");
    json_error(&error, StatusCode::BAD_REQUEST, answer_content_type(&head))
}

async fn perform(
    gateway: &Gateway,
    caller: &Caller,
    request_id: &str,
    (prefix, operation): (&str, &str),
    head: &Parts,
    body: Body,
) -> Result<Body, Refusal> {
    let service = match accept(gateway, caller, prefix, operation, head) {
        Ok(service) => service,
        Err(error) => {
            body::discard(body, body::declared_length(head)).await;
            return Err(with_status(error));
        }
    };
    let body = body::read(head, body, BODY_BYTES_MAX).await.map_err(refuse_body)?;
    let context = caller.context(request_id);
    let answer = service.call(&context, operation, Encoding::Json, body).await.map_err(with_status)?;
    Ok(Body::from(answer))
}

/// Checks the head, in the order in which AWS does.
fn accept<'a>(
    gateway: &'a Gateway,
    caller: &Caller,
    prefix: &str,
    operation: &str,
    head: &Parts,
) -> Result<&'a dyn anabranch_protocol::JsonService, ApiError> {
    let service = gateway.json.iter().find(|service| service.target_prefix() == prefix);
    let service = service.ok_or_else(|| ApiError::unknown_operation(&format!("{prefix}.{operation}")))?;
    if head.method != Method::POST {
        let message = format!("{operation} is called with POST, not {}", head.method);
        return Err(ApiError::client("UnknownOperationException", message));
    }
    if !caller.signed {
        return Err(ApiError::client("MissingAuthenticationTokenException", "Missing Authentication Token"));
    }
    check_encoding(head)?;
    Ok(service.as_ref())
}

/// Bodies are AWS JSON 1.0 or 1.1 (the same thing), plain.
fn check_encoding(head: &Parts) -> Result<(), ApiError> {
    let text = |name| head.headers.get(name).map(|value: &HeaderValue| value.to_str().unwrap_or("not text"));
    let content_type = text(CONTENT_TYPE).unwrap_or_default();
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    match media_type {
        "application/x-amz-json-1.1" | "application/x-amz-json-1.0" | "application/json" => {}
        "" => {
            return Err(ApiError::serialization(
                "The request has no Content-Type; it takes application/x-amz-json-1.1",
            ));
        }
        _ if media_type.starts_with("application/x-amz-cbor") || media_type == "application/cbor" => {
            return Err(ApiError::serialization(format!(
                "The encoding {media_type} is not supported yet; use application/x-amz-json-1.1 \
                 (AWS_CBOR_DISABLE=true in Java clients)"
            )));
        }
        other => {
            return Err(ApiError::serialization(format!(
                "The Content-Type {other} is not supported; use application/x-amz-json-1.1"
            )));
        }
    }
    match text(CONTENT_ENCODING) {
        None | Some("" | "identity" | "amz-1.0") => Ok(()),
        Some(other) => Err(ApiError::serialization(format!("The Content-Encoding {other} is not supported"))),
    }
}

fn refuse_body(error: BodyError) -> Refusal {
    match error {
        BodyError::TooLarge(limit) => {
            let message = format!("The request is larger than {limit} bytes.");
            (ApiError::client("RequestEntityTooLargeException", message), StatusCode::PAYLOAD_TOO_LARGE)
        }
        BodyError::TooSlow => {
            let message = "The body of the request did not arrive in time.";
            (ApiError::client("RequestTimeoutException", message), StatusCode::REQUEST_TIMEOUT)
        }
        BodyError::Broken(reason) => with_status(ApiError::serialization(format!("The body broke off: {reason}"))),
    }
}

fn with_status(error: ApiError) -> Refusal {
    let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (error, status)
}

/// Answers are written in the request's version of AWS JSON.
fn answer_content_type(head: &Parts) -> HeaderValue {
    let is_json = |value: &&HeaderValue| value.as_bytes().starts_with(b"application/x-amz-json-1.0");
    head.headers
        .get(CONTENT_TYPE)
        .filter(is_json)
        .map_or(AMZ_JSON, |_| HeaderValue::from_static("application/x-amz-json-1.0"))
}

/// `Kinesis_20131202` as a metric's label is `kinesis`.
fn service_label(gateway: &Gateway, prefix: &str) -> String {
    let known = gateway.json.iter().any(|service| service.target_prefix() == prefix);
    let name = prefix.split('_').next().unwrap_or_default().to_ascii_lowercase();
    if known { name } else { "unknown".into() }
}

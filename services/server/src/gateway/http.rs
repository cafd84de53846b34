//! Requests that services answer themselves (S3, HTTP APIs), and those that no service takes.

use std::sync::Arc;

use anabranch_protocol::{ApiError, ErrorKind, HttpEntry, Service};
use axum::body::Body;
use axum::http::header::{CONNECTION, EXPECT, TRANSFER_ENCODING};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Request, Response, StatusCode, Version};
use http_body_util::Limited;

use super::answer::{UNKNOWN_STYLE, query_error};
use super::body::{self, BODY_BYTES_MAX};
use super::call::Refusal;
use super::caller::Caller;
use super::observe::RequestId;
use super::{Gateway, Label};

/// Hands a request to its service, its body within limits.
pub(super) async fn answer(
    gateway: &Gateway,
    caller: &Caller,
    id: &RequestId,
    (service, entry): (&Arc<dyn Service>, &HttpEntry),
    (head, body): (Parts, Body),
) -> Response<Body> {
    let label = Label::new(entry.metered_as, service.http_operation(&head));
    let expects_continue = head.version == Version::HTTP_11 && head.headers.contains_key(EXPECT);
    let body =
        if entry.streams_bodies { limited(gateway, &head, body).await } else { whole(gateway, &head, body).await };
    let mut response = match body {
        Ok(body) => service.handle(&caller.context(&id.0), Request::from_parts(head, body)).await,
        Err((error, status)) => service.refuse(&error, status.as_u16(), &id.0),
    };
    if entry.streams_bodies && expects_continue && !response.status().is_success() {
        // As S3 does. Clients that were refused before they sent a body take the next answer on the
        // connection for the rest of this one (botocore).
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response.extensions_mut().insert(label);
    response
}

/// A body that is streamed, so that only what comes after the limit is refused.
async fn limited(gateway: &Gateway, head: &Parts, body: Body) -> Result<Body, Refusal> {
    let limit = gateway.config.body_bytes_max;
    let declared = body::declared_length(head);
    if declared.is_some_and(|length| length > limit) {
        body::discard(body, declared).await;
        let message = format!("Your proposed upload is larger than {limit} bytes, the limit set by --max-body.");
        return Err((ApiError::new(ErrorKind::TooLarge, "EntityTooLarge", message), StatusCode::BAD_REQUEST));
    }
    Ok(Body::new(Limited::new(body, usize::try_from(limit).unwrap_or(usize::MAX))))
}

/// A body that the service reads whole, with the room that it takes until then.
async fn whole(gateway: &Gateway, head: &Parts, body: Body) -> Result<Body, Refusal> {
    let unknown = if head.headers.contains_key(TRANSFER_ENCODING) { BODY_BYTES_MAX } else { 0 };
    let foreseen = body::declared_length(head).unwrap_or(unknown).min(BODY_BYTES_MAX);
    gateway.room.reading(body, foreseen).await.map_err(|error| {
        let error = ApiError::new(ErrorKind::Unavailable, "ServiceUnavailable", error.to_string());
        (error, StatusCode::SERVICE_UNAVAILABLE)
    })
}

/// A service of AWS that this program does not offer.
pub(super) async fn unoffered(id: &RequestId, service: &str, head: Parts, body: Body) -> Response<Body> {
    body::discard(body, body::declared_length(&head)).await;
    let message = format!("Anabranch does not offer the service {service}.");
    let error = ApiError::invalid("InvalidAction", message);
    let mut response = query_error(&UNKNOWN_STYLE, &error, StatusCode::BAD_REQUEST, &id.0);
    response.extensions_mut().insert(Label::new("unknown", "unknown"));
    response
}

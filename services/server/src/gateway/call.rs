//! What calls of all wires that are read whole have in common: room, body and the thread that
//! decodes it.

use std::sync::Arc;

use anabranch_protocol::{Answer, ApiError, Call, ErrorKind, Service};
use axum::body::Body;
use axum::http::header::CONTENT_ENCODING;
use axum::http::request::Parts;
use axum::http::{HeaderName, StatusCode};
use bytes::Bytes;
use futures::FutureExt;
use tokio::sync::OwnedSemaphorePermit;

use super::body::{self, BODY_BYTES_MAX, BodyError};
use super::room::LARGE_BODY_BYTES_MIN;
use super::{Gateway, gzip};

/// An error and its status.
pub(super) type Refusal = (ApiError, StatusCode);

/// A body that was read, and the room that it takes.
pub(super) struct Whole {
    pub(super) bytes: Bytes,
    room: Option<OwnedSemaphorePermit>,
}

/// Reads the body of a call, plain or gzip'd.
pub(super) async fn read(gateway: &Gateway, head: &Parts, body: Body) -> Result<Whole, Refusal> {
    // What is gzip'd, or comes in chunks, may become as large as is allowed at all.
    let foreseen = body::declared_length(head).filter(|_| !is_gzip(head)).unwrap_or(BODY_BYTES_MAX);
    let room = match gateway.room.reserve(foreseen.min(BODY_BYTES_MAX)).await {
        Ok(room) => room,
        Err(error) => {
            body::discard(body, body::declared_length(head)).await;
            let error = ApiError::new(ErrorKind::Unavailable, "ServiceUnavailable", error.to_string());
            return Err((error, StatusCode::SERVICE_UNAVAILABLE));
        }
    };
    let mut bytes = body::read(head, body, BODY_BYTES_MAX).await.map_err(refuse_body)?;
    if is_gzip(head) && !bytes.is_empty() {
        let inflated = tokio::task::spawn_blocking(move || gzip::inflate(&bytes, BODY_BYTES_MAX)).await;
        let inflated = inflated.map_err(|error| with_status(ApiError::internal(error.to_string())))?;
        bytes = inflated.map_err(refuse_body)?;
    }
    Ok(Whole { bytes, room })
}

/// Performs a call whose body was read.
pub(super) async fn perform(
    gateway: &Gateway,
    service: Arc<dyn Service>,
    call: Call,
    whole: Whole,
) -> Result<Answer, ApiError> {
    let is_large = whole.bytes.len() as u64 >= LARGE_BODY_BYTES_MIN;
    let answer = async move {
        // Until the call is done, since what was decoded refers to the body.
        let _room = whole.room;
        service.perform(&call).await
    };
    if is_large { gateway.room.begin_apart(answer.boxed()).await } else { answer.await }
}

pub(super) fn is_gzip(head: &Parts) -> bool {
    ["gzip", "x-gzip"].iter().any(|name| header(head, CONTENT_ENCODING).eq_ignore_ascii_case(name))
}

pub(super) fn header(head: &Parts, name: HeaderName) -> &str {
    head.headers.get(name).map_or("", |value| value.to_str().unwrap_or("not text"))
}

fn refuse_body(error: BodyError) -> Refusal {
    match error {
        BodyError::TooLarge(limit) => {
            let message = format!("The request is larger than {limit} bytes.");
            let error = ApiError::new(ErrorKind::TooLarge, "RequestEntityTooLargeException", message);
            (error, StatusCode::PAYLOAD_TOO_LARGE)
        }
        BodyError::TooSlow => {
            let message = "The body of the request did not arrive in time.";
            (ApiError::invalid("RequestTimeoutException", message), StatusCode::REQUEST_TIMEOUT)
        }
        BodyError::Broken(reason) => with_status(ApiError::serialization(format!("The body broke off: {reason}"))),
    }
}

pub(super) fn with_status(error: ApiError) -> Refusal {
    let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (error, status)
}

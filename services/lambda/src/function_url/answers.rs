//! The answers of function URLs that are whole when they are given.

use anabranch_protocol::ErrorKind;
use anabranch_proxy::{message, reply};
use axum::body::Body;
use bytes::Bytes;
use http::{Response, StatusCode};

use crate::http_message;

/// What a function returned as a whole.
pub(super) fn buffered(function_error: Option<&str>, payload: &Bytes) -> Response<Body> {
    match function_error {
        None => reply(payload),
        Some(_) => message(StatusCode::BAD_GATEWAY, "Internal Server Error"),
    }
}

/// The function was not reached.
pub(super) fn refused(kind: ErrorKind) -> Response<Body> {
    match kind {
        ErrorKind::Throttled => message(StatusCode::TOO_MANY_REQUESTS, "Rate Exceeded."),
        ErrorKind::NotFound => forbidden(),
        ErrorKind::TooLarge => message(StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large"),
        _ => message(StatusCode::BAD_GATEWAY, "Internal Server Error"),
    }
}

/// What AWS answers where there is no function URL.
pub(super) fn forbidden() -> Response<Body> {
    http_message::message(StatusCode::FORBIDDEN, "Forbidden")
}

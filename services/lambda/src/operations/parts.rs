//! The parts of a request that operations take, refused in Lambda's words where axum has its own,
//! and their answers.

use anabranch_protocol::{ApiError, Encoding, ErrorKind, RequestContext};
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::StatusCode;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::convert::Infallible;

use crate::error::{RestError, invalid_parameter};
use crate::function_id::Scope;
use crate::invoke::not_json;

/// Bytes of a request that makes or changes an event source mapping.
const MAPPING_BYTES_MAX: usize = 256 << 10;

pub(super) type Answer = Result<Response, RestError>;

/// The account and region that a request is about: those of the [`RequestContext`] that the gateway
/// attaches to it.
pub(super) struct Caller(pub(super) Scope);

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self(parts.extensions.get::<RequestContext>().map(Scope::from).unwrap_or_default()))
    }
}

/// The name or id in a request's path.
pub(super) struct Name(pub(super) String);

impl<S: Send + Sync> FromRequestParts<S> for Name {
    type Rejection = RestError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, RestError> {
        match Path::from_request_parts(parts, state).await {
            Ok(Path(name)) => Ok(Self(name)),
            Err(_) => Err(invalid_parameter("The path of the request is not UTF-8.").into()),
        }
    }
}

/// The body of a request about a mapping.
pub(super) struct MappingBody(pub(super) Bytes);

impl<S: Send + Sync> FromRequest<S> for MappingBody {
    type Rejection = RestError;

    async fn from_request(request: Request, _: &S) -> Result<Self, RestError> {
        let body = axum::body::to_bytes(request.into_body(), MAPPING_BYTES_MAX).await;
        body.map(Self).map_err(|_| {
            let message = format!("Request must be smaller than {MAPPING_BYTES_MAX} bytes for an event source mapping");
            ApiError::new(ErrorKind::TooLarge, "RequestTooLargeException", message).into()
        })
    }
}

pub(super) fn json(status: StatusCode, value: &impl Serialize) -> Answer {
    let body = serde_json::to_vec(value).map_err(|error| ApiError::internal(error.to_string()))?;
    Ok((status, [("content-type", "application/json")], body).into_response())
}

/// The answer to a query string that can't be read: all that it can't be is in its numbers.
pub(super) fn bad_query() -> ApiError {
    invalid_parameter(
        "1 validation error detected: Value at 'maxItems' failed to satisfy constraint: Member must be an integer",
    )
}

/// Reads a request's JSON body.
pub(super) fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    Encoding::Json.decode(body).map_err(|error| not_json(&error.message))
}

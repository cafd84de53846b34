//! The parts of a request that operations take, refused in Lambda's words where axum has its own.

use anabranch_protocol::ApiError;
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::http::request::Parts;
use bytes::Bytes;

use super::MAPPING_BYTES_MAX;
use crate::error::{RestError, invalid_parameter};

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
            ApiError::client("RequestTooLargeException", message).into()
        })
    }
}

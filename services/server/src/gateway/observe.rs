//! What every request gets, whatever answers it: an id, a count, a log line, and an answer even
//! if the code that should give one panics.

use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

use anabranch_protocol::ApiError;
use axum::body::Body;
use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode};
use axum::middleware::Next;
use futures::FutureExt;

use super::answer::{AMZ_JSON, json_error};
use super::{Gateway, Label};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");
const EXTENDED_ID: HeaderName = HeaderName::from_static("x-amz-id-2");

/// The id under which a request is logged and answered.
#[derive(Debug, Clone)]
pub(crate) struct RequestId(pub(crate) String);

impl<S: Sync> FromRequestParts<S> for RequestId {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(parts.extensions.get().cloned().unwrap_or_else(RequestId::new))
    }
}

impl RequestId {
    fn new() -> Self {
        Self(anabranch_protocol::RequestContext::default().request_id)
    }
}

/// The layer around all routes.
pub(crate) async fn observe(
    State(gateway): State<Arc<Gateway>>,
    mut request: Request<Body>,
    next: Next,
) -> Response<Body> {
    let started = Instant::now();
    let _in_flight = gateway.metrics.in_flight();
    let id = RequestId::new();
    request.extensions_mut().insert(id.clone());
    let (method, path) = (request.method().clone(), request.uri().path().to_string());
    let mut response = answer_panics(next.run(request), &id).await;
    add_ids(response.headers_mut(), &id.0);
    let label = response.extensions_mut().remove().unwrap_or_else(|| Label::new("anabranch", "page"));
    let (status, latency) = (response.status().as_u16(), started.elapsed());
    gateway.metrics.request(&label, status, latency);
    tracing::debug!(
        request_id = id.0,
        %method,
        path,
        service = label.service,
        operation = label.operation,
        status,
        latency_ms = latency.as_secs_f64() * 1000.0,
        "answered"
    );
    response
}

/// A panic while `answering` costs this request only; the process's panic hook has reported it.
async fn answer_panics(answering: impl Future<Output = Response<Body>>, id: &RequestId) -> Response<Body> {
    AssertUnwindSafe(answering).catch_unwind().await.unwrap_or_else(|_| {
        tracing::error!(request_id = id.0, "the code that answers this request panicked");
        let error = ApiError::internal("The request failed because of an error of the server; its log says more.");
        json_error(&error, StatusCode::INTERNAL_SERVER_ERROR, AMZ_JSON)
    })
}

/// Sets the ids that AWS sends with every answer, unless the service set its own.
fn add_ids(headers: &mut HeaderMap, id: &str) {
    if let Ok(id) = HeaderValue::from_str(id) {
        headers.entry(REQUEST_ID).or_insert(id);
    }
    // Opaque to clients; AWS's are 76 characters of base64.
    let mut extended = [0_u8; 57];
    extended.fill_with(|| fastrand::u8(..));
    if let Ok(extended) = HeaderValue::from_str(&base64_simd::STANDARD.encode_to_string(extended)) {
        headers.entry(EXTENDED_ID).or_insert(extended);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_is_answered() {
        let response = answer_panics(async { panic!("a mistake of ours") }, &RequestId::new()).await;
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(response.headers()["x-amzn-errortype"], "InternalFailure");
    }

    #[test]
    fn ids_of_a_service_stay() {
        let mut headers = HeaderMap::new();
        headers.insert(REQUEST_ID, HeaderValue::from_static("its own"));
        add_ids(&mut headers, "ours");
        assert_eq!(headers[REQUEST_ID], "its own");
        assert_eq!(headers[EXTENDED_ID].len(), 76);
    }
}

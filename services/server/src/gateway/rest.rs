//! Requests for the services that are told by path or host: Lambda, HTTP APIs and S3.

use axum::body::Body;
use axum::http::header::{CONNECTION, EXPECT};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, Request, Response, StatusCode, Version};
use axum::response::IntoResponse;
use http_body_util::Limited;
use tower_service::Service;

use super::observe::RequestId;
use super::{Gateway, Label, answer, body};

/// Lambda's REST API.
pub(super) async fn lambda(gateway: &Gateway, head: Parts, body: Body) -> Response<Body> {
    let operation = match head.uri.path() {
        path if path.ends_with("/invocations") => "Invoke",
        path if path.contains("/event-source-mappings") => "EventSourceMappings",
        _ => "Functions",
    };
    let Ok(mut response) = gateway.lambda.clone().call(Request::from_parts(head, body)).await;
    response.extensions_mut().insert(Label::new("lambda", operation));
    response
}

/// A request of an HTTP API's own clients; `path` is what follows the API's address.
pub(super) async fn http_api(gateway: &Gateway, api_id: &str, path: &str, request: Request<Body>) -> Response<Body> {
    let mut response = gateway.services.http_apis.handle(api_id, path, request).await;
    response.extensions_mut().insert(Label::new("execute-api", "request"));
    response
}

/// S3. Bodies are streamed, so only what comes after the limit is refused.
pub(super) async fn objects(gateway: &Gateway, id: &RequestId, head: Parts, body: Body) -> Response<Body> {
    let label = Label::new("s3", s3_operation(&head));
    let limit = gateway.config.body_bytes_max;
    let declared = body::declared_length(&head);
    let expects_continue = head.version == Version::HTTP_11 && head.headers.contains_key(EXPECT);
    let mut response = if declared.is_some_and(|length| length > limit) {
        body::discard(body, declared).await;
        let message = format!("Your proposed upload is larger than {limit} bytes, the limit set by --max-body.");
        answer::s3_error("EntityTooLarge", &message, StatusCode::BAD_REQUEST, &id.0)
    } else {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let body = Body::new(Limited::new(body, limit));
        gateway.services.objects.handle(Request::from_parts(head, body)).await
    };
    if let Ok(id) = HeaderValue::from_str(&id.0) {
        response.headers_mut().entry("x-amz-request-id").or_insert(id);
    }
    if expects_continue && !response.status().is_success() {
        // As S3 does. Clients that were refused before they sent a body take the next answer on the
        // connection for the rest of this one (botocore).
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response.extensions_mut().insert(label);
    response
}

/// The operation as far as method and path tell it.
fn s3_operation(head: &Parts) -> &'static str {
    let of_object = head.uri.path().trim_start_matches('/').split_once('/').is_some_and(|(_, key)| !key.is_empty());
    match (&head.method, of_object) {
        (&Method::GET, true) => "GetObject",
        (&Method::PUT, true) => "PutObject",
        (&Method::HEAD, true) => "HeadObject",
        (&Method::DELETE, true) => "DeleteObject",
        (&Method::POST, true) => "PostObject",
        (&Method::GET, false) => "GetBucket",
        (&Method::PUT, false) => "PutBucket",
        (&Method::HEAD, false) => "HeadBucket",
        (&Method::DELETE, false) => "DeleteBucket",
        (&Method::POST, false) => "PostBucket",
        _ => "other",
    }
}

/// A service of AWS that this program does not offer.
pub(super) async fn unoffered(id: &RequestId, service: &str, head: Parts, body: Body) -> Response<Body> {
    body::discard(body, body::declared_length(&head)).await;
    let message = format!("Anabranch does not offer the service {service}.");
    let mut response = answer::query_error("InvalidAction", &message, StatusCode::BAD_REQUEST, &id.0);
    response.extensions_mut().insert(Label::new("unknown", "unknown"));
    response
}

/// A path under `/_anabranch/` that is not there.
pub(super) async fn no_such_page() -> impl IntoResponse {
    (StatusCode::NOT_FOUND, "No such page. There are /_anabranch/, /_anabranch/health and /_anabranch/metrics.\n")
}

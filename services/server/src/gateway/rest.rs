//! Requests for the services that are told by path or host: Lambda, HTTP APIs and S3.

use anabranch_protocol::ApiError;
use axum::body::Body;
use axum::http::header::{CONNECTION, CONTENT_SECURITY_POLICY, EXPECT, TRANSFER_ENCODING};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, Request, Response, StatusCode, Version};
use axum::response::IntoResponse;
use http_body_util::Limited;
use serde_json::json;
use tower_service::Service;

use super::body::BODY_BYTES_MAX;
use super::caller::Caller;
use super::observe::RequestId;
use super::route::is_http_api_by_path;
use super::{Gateway, Label, answer, body};

/// What a page may do that has no origin: all but what needs one.
const SANDBOX: HeaderValue =
    HeaderValue::from_static("sandbox allow-downloads allow-forms allow-modals allow-popups allow-scripts");

/// Lambda's REST API.
pub(super) async fn lambda(
    gateway: &Gateway,
    caller: &Caller,
    request_id: &str,
    mut head: Parts,
    body: Body,
) -> Response<Body> {
    head.extensions.insert(caller.context(request_id));
    let operation = match head.uri.path() {
        path if path.ends_with("/invocations") => "Invoke",
        path if path.contains("/event-source-mappings") => "EventSourceMappings",
        _ => "Functions",
    };
    let mut response = match gateway.room.reading(body, foreseen(&head)).await {
        Ok(body) => {
            let Ok(response) = gateway.lambda.clone().call(Request::from_parts(head, body)).await;
            response
        }
        Err(error) => {
            let error = ApiError::invalid("ServiceException", error.to_string());
            answer::json_error(&error, StatusCode::SERVICE_UNAVAILABLE, HeaderValue::from_static("application/json"))
        }
    };
    response.extensions_mut().insert(Label::new("lambda", operation));
    response
}

/// A request of an HTTP API's own clients; `path` is what follows the API's address.
pub(super) async fn http_api(gateway: &Gateway, api_id: &str, path: &str, request: Request<Body>) -> Response<Body> {
    let (head, body) = request.into_parts();
    let shares_origin = is_http_api_by_path(&head);
    let mut response = match gateway.room.reading(body, foreseen(&head)).await {
        Ok(body) => gateway.services.http_apis.handle(api_id, path, Request::from_parts(head, body)).await,
        Err(error) => {
            tracing::warn!(%error, api_id, "a request of an HTTP API");
            (StatusCode::SERVICE_UNAVAILABLE, axum::Json(json!({"message": "Service Unavailable"}))).into_response()
        }
    };
    if shares_origin {
        // By path, a page of the API would be of the console's origin, whose pages may call all
        // services. It gets an origin of its own; by host name it has one.
        response.headers_mut().append(CONTENT_SECURITY_POLICY, SANDBOX);
    }
    response.extensions_mut().insert(Label::new("execute-api", "request"));
    response
}

/// Bytes of a request's body, as far as can be foreseen.
fn foreseen(head: &Parts) -> u64 {
    body::declared_length(head)
        .unwrap_or(if head.headers.contains_key(TRANSFER_ENCODING) { BODY_BYTES_MAX } else { 0 })
        .min(BODY_BYTES_MAX)
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
    let error = ApiError::invalid("InvalidAction", message);
    let mut response = answer::query_error(&answer::UNKNOWN_STYLE, &error, StatusCode::BAD_REQUEST, &id.0);
    response.extensions_mut().insert(Label::new("unknown", "unknown"));
    response
}

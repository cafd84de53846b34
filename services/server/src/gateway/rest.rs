//! Requests for the services that are told by path or host: Lambda, HTTP APIs and S3.

use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{Request, Response, StatusCode, Uri};
use axum::response::IntoResponse;
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

/// An HTTP API's own clients.
pub(super) async fn http_api(_: &Gateway, _: &str, _: &str, _: Uri, (head, body): (Parts, Body)) -> Response<Body> {
    body::discard(body, body::declared_length(&head)).await;
    StatusCode::NOT_FOUND.into_response()
}

/// S3.
pub(super) async fn objects(_: &Gateway, id: &RequestId, head: Parts, body: Body) -> Response<Body> {
    unoffered(id, "s3", head, body).await
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

//! What Lambda answers over plain HTTP: function URLs, and downloads of deployment packages and layers.

use axum::body::Body;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, Request, Response, StatusCode};

use crate::Lambda;
use crate::code_location::CODE_PATH;
use crate::function_url;
use crate::http_message::message;

/// Answers `request`, whose address is one of this service's.
pub(crate) async fn handle(lambda: &Lambda, request: Request<Body>) -> Response<Body> {
    let Some(name) = request.uri().path().strip_prefix(CODE_PATH) else {
        return function_url::handle(lambda, request).await;
    };
    match name.strip_suffix(".zip") {
        Some(sha256) if request.method() == Method::GET => archive(lambda, sha256).await,
        _ => message(StatusCode::NOT_FOUND, "Not Found"),
    }
}

/// A deployment package as it came.
async fn archive(lambda: &Lambda, sha256: &str) -> Response<Body> {
    let is_hash =
        sha256.len() == 64 && sha256.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
    if !is_hash {
        return message(StatusCode::NOT_FOUND, "Not Found");
    }
    let path = lambda.functions.archive(sha256);
    match tokio::task::spawn_blocking(move || std::fs::read(path)).await {
        Ok(Ok(archive)) => {
            let mut response = Response::new(Body::from(archive));
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/zip"));
            response
        }
        _ => message(StatusCode::NOT_FOUND, "Not Found"),
    }
}

//! An answer over plain HTTP that is Lambda's own.

use axum::body::Body;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response, StatusCode};

/// What it says, as Lambda says it: `{"Message":…}`.
pub(crate) fn message(status: StatusCode, text: &str) -> Response<Body> {
    let mut response = Response::new(Body::from(serde_json::json!({ "Message": text }).to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

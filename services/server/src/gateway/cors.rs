//! What pages of configured origins get to see (the Fetch standard, "CORS protocol").

use axum::body::Body;
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS,
    ACCESS_CONTROL_REQUEST_METHOD, VARY,
};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Response};

use super::Label;

/// How long browsers may remember a preflight's answer; AWS's answers say the same.
const MAX_AGE_S: HeaderValue = HeaderValue::from_static("172800");
const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, POST, PUT, DELETE");
/// The star stands for all, but browsers of before 2019 do not know it.
const EXPOSED: HeaderValue = HeaderValue::from_static(
    "*, Date, ETag, x-amz-crc32, x-amz-id-2, x-amz-request-id, x-amzn-errormessage, x-amzn-errortype, x-amzn-requestid",
);

/// With these Chromium asks for pages of the internet that call a machine on the inside (the draft
/// "Private Network Access").
const REQUEST_PRIVATE_NETWORK: HeaderName = HeaderName::from_static("access-control-request-private-network");
const ALLOW_PRIVATE_NETWORK: HeaderName = HeaderName::from_static("access-control-allow-private-network");

/// The answer to a preflight of an origin that is allowed; `None` for any other request. Any
/// header may be sent: `authorization`, `x-amz-*` and whatever else SDKs put there.
pub(super) fn preflight(head: &Parts, origin: &str) -> Option<Response<Body>> {
    if head.method != Method::OPTIONS || !head.headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD) {
        return None;
    }
    let mut response = Response::new(Body::empty());
    let headers = response.headers_mut();
    allow(headers, origin);
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, METHODS);
    if let Some(asked) = head.headers.get(ACCESS_CONTROL_REQUEST_HEADERS) {
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, asked.clone());
    }
    headers.insert(ACCESS_CONTROL_MAX_AGE, MAX_AGE_S);
    if head.headers.contains_key(REQUEST_PRIVATE_NETWORK) {
        headers.insert(ALLOW_PRIVATE_NETWORK, HeaderValue::from_static("true"));
    }
    headers.append(VARY, HeaderValue::from_static("Access-Control-Request-Method, Access-Control-Request-Headers"));
    response.extensions_mut().insert(Label::new("anabranch", "preflight"));
    Some(response)
}

/// Lets a page of `origin` read the answer with these headers. Never with cookies: there are none.
pub(super) fn allow(headers: &mut HeaderMap, origin: &str) {
    if let Ok(origin) = HeaderValue::from_str(origin) {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
    }
    headers.append(VARY, HeaderValue::from_static("Origin"));
}

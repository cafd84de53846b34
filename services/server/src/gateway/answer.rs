//! Error answers in the form that each kind of client reads.

use anabranch_protocol::{ApiError, Encoding};
use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderName, HeaderValue, Response, StatusCode};

/// Content type of AWS JSON answers unless the request had another.
pub(crate) const AMZ_JSON: HeaderValue = HeaderValue::from_static("application/x-amz-json-1.1");
const ERROR_TYPE: HeaderName = HeaderName::from_static("x-amzn-errortype");

/// An error as AWS JSON services write it.
pub(crate) fn json_error(error: &ApiError, status: StatusCode, content_type: HeaderValue) -> Response<Body> {
    api_error(error, status, Encoding::Json, content_type)
}

/// An error as AWS JSON services write it, in `encoding`.
pub(crate) fn api_error(
    error: &ApiError,
    status: StatusCode,
    encoding: Encoding,
    content_type: HeaderValue,
) -> Response<Body> {
    // The details of an error are plain values, which every encoding has; without them it is still an error.
    let body = error.to_body(encoding).unwrap_or_default();
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    // DynamoDB qualifies its exceptions' names in the body only.
    let name = error.code.rsplit('#').next().unwrap_or(error.code);
    response.headers_mut().insert(ERROR_TYPE, HeaderValue::from_static(name));
    response
}

/// An error as S3 writes it.
pub(crate) fn s3_error(code: &str, message: &str, status: StatusCode, request_id: &str) -> Response<Body> {
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>{}</Message>\
         <RequestId>{request_id}</RequestId></Error>",
        escape(message)
    );
    xml(body, status)
}

/// An error as the services of the older Query protocol (STS, IAM, SNS) write it.
pub(crate) fn query_error(code: &str, message: &str, status: StatusCode, request_id: &str) -> Response<Body> {
    let body = format!(
        "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{}</Message></Error>\
         <RequestId>{request_id}</RequestId></ErrorResponse>",
        escape(message)
    );
    xml(body, status)
}

fn xml(body: String, status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/xml"));
    response
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

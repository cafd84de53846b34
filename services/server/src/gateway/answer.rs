//! Error answers in the form that each kind of client reads.

use anabranch_protocol::{ApiError, Encoding, ErrorKind, HttpAnswer, QueryStyle, Wire, rest_xml_error};
use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, Response, StatusCode};
use axum::response::IntoResponse;

use super::caller::Caller;
use super::registry::Registry;
use super::route::{PAGES, Route};

/// How errors of requests are written whose service is not known.
pub(super) const UNKNOWN_STYLE: QueryStyle =
    QueryStyle { namespace: "http://webservices.amazon.com/AWSFault/2005-15-09", is_flattened: false, renamed: &[] };

/// Content type of AWS JSON answers unless the request had another.
pub(crate) const AMZ_JSON: HeaderValue = HeaderValue::from_static("application/x-amz-json-1.1");
/// Content type of AWS CBOR.
pub(super) const AMZ_CBOR: HeaderValue = HeaderValue::from_static("application/x-amz-cbor-1.1");
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

/// Why a request is refused before anything is done for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    pub(super) message: String,
}

/// A refusal in the form that the clients of the service read for which the request is.
pub(super) fn refusal(registry: &Registry, head: &Parts, id: &str, refused: &Refusal) -> Response<Body> {
    let (kind, code) = match refused.status {
        StatusCode::FORBIDDEN => (ErrorKind::AccessDenied, "AccessDeniedException"),
        StatusCode::METHOD_NOT_ALLOWED => (ErrorKind::Unsupported, "UnknownOperationException"),
        _ => (ErrorKind::Invalid, "InvalidRequestException"),
    };
    if head.uri.path().starts_with(PAGES) {
        return (refused.status, format!("{}\n", refused.message)).into_response();
    }
    let error = ApiError::new(kind, code, refused.message.as_str());
    let by_service = match Route::of(registry, head, &Caller::of(head)) {
        Route::Json { .. } | Route::JsonWithoutTarget => {
            return match head.headers.get(CONTENT_TYPE) {
                Some(asked) if asked == AMZ_CBOR => api_error(&error, refused.status, Encoding::Cbor, AMZ_CBOR),
                _ => json_error(&error, refused.status, AMZ_JSON),
            };
        }
        Route::Rest(service) => {
            if service.model().speaks(Wire::RestJson) {
                return json_error(&error, refused.status, HeaderValue::from_static("application/json"));
            }
            Some(service)
        }
        Route::Http(service) => Some(service),
        Route::Query => return query_error(&UNKNOWN_STYLE, &error, refused.status, id),
        Route::Unoffered(_) | Route::Console => registry.the_rest(),
    };
    match by_service {
        Some(service) => service.refuse(&error, refused.status.as_u16(), id),
        None => xml(rest_xml_error(code, &refused.message, id).unwrap_or_default(), refused.status),
    }
}

/// An answer of a REST service.
pub(super) fn http_answer(answer: HttpAnswer) -> Response<Body> {
    let mut response = Response::new(Body::from(answer.body));
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in answer.headers {
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().insert(HeaderName::from_static(name), value);
        }
    }
    response
}

/// An error as the services of the Query protocol (STS, IAM, SNS) write it.
pub(super) fn query_error(
    style: &QueryStyle,
    error: &ApiError,
    status: StatusCode,
    request_id: &str,
) -> Response<Body> {
    xml(anabranch_protocol::query_error(style, error, request_id).unwrap_or_default(), status)
}

fn xml(body: Vec<u8>, status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/xml"));
    response
}

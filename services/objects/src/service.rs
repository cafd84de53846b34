//! S3 as the server sees it.

use anabranch_protocol::{
    ApiError, ErrorKind, Problem, RequestContext, Section, Service, ServiceModel, rest_xml_error,
};
use async_trait::async_trait;
use axum::body::Body;
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode};

use crate::model::MODEL;
use crate::section::section;
use crate::store::{Gone, Objects};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-amz-request-id");
const COPY_SOURCE: HeaderName = HeaderName::from_static("x-amz-copy-source");

#[async_trait]
impl Service for Objects {
    fn model(&self) -> &'static ServiceModel {
        &MODEL
    }

    async fn handle(&self, context: &RequestContext, request: Request<Body>) -> Response<Body> {
        let mut response = Objects::handle(self, request).await;
        if let Ok(id) = HeaderValue::from_str(&context.request_id) {
            response.headers_mut().entry(REQUEST_ID).or_insert(id);
        }
        response
    }

    /// The operation as far as method and path tell it.
    fn http_operation(&self, head: &Parts) -> &'static str {
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

    fn refuse(&self, error: &ApiError, status: u16, request_id: &str) -> Response<Body> {
        let code = match error.kind {
            ErrorKind::AccessDenied => "AccessDenied",
            ErrorKind::TooLarge => "EntityTooLarge",
            ErrorKind::Unsupported => "MethodNotAllowed",
            ErrorKind::Throttled | ErrorKind::Unavailable => "SlowDown",
            _ => "InvalidRequest",
        };
        // Writing to memory does not fail.
        let body = rest_xml_error(code, &error.message, request_id).unwrap_or_default();
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/xml"));
        if let Ok(id) = HeaderValue::from_str(request_id) {
            headers.insert(REQUEST_ID, id);
        }
        response
    }

    /// Whether the CORS rules of the bucket that is addressed let pages of `origin` send this. What
    /// it would copy from another bucket is not theirs to let out.
    async fn admits_page(&self, head: &Parts, origin: &str) -> bool {
        match Self::bucket_of(head) {
            Some(bucket) if !head.headers.contains_key(COPY_SOURCE) => {
                self.allows_origin(&bucket, origin, head.method.as_str()).await
            }
            _ => false,
        }
    }

    fn problems(&self) -> Vec<Problem> {
        Objects::problems(self)
    }

    async fn sections(&self) -> Vec<Section> {
        // Reads the index.
        self.blocking(|objects| Ok::<_, Gone>(section(objects.stat()))).await.into_iter().collect()
    }

    async fn close(&self) {
        self.shutdown().await;
    }
}

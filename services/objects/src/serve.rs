//! A request's way through the service: CORS, what is refused before it is read, s3s, and the
//! headers of every answer.

use axum::body::Body;
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{Method, Request, Response};

use crate::address::Address;
use crate::answer::{Refused, confine};
use crate::cors::{self, CorsRule};
use crate::limits::discard;
use crate::request::prepare;
use crate::store::Objects;

impl Objects {
    /// Answers one request of the S3 REST API.
    pub async fn handle(&self, request: Request<Body>) -> Response<Body> {
        let (head, body) = request.into_parts();
        let address = Address::of(&head);
        let origin = cors::origin(&head).map(str::to_string);
        let method = head.method.clone();
        let mut response = if method == Method::OPTIONS {
            self.preflight(&head, address.as_ref()).await
        } else {
            self.answer(Request::from_parts(head, body)).await
        };
        if let (Some(origin), Some(address)) = (origin, address)
            && method != Method::OPTIONS
            && let Some(rules) = self.cors_rules(&address.bucket).await
        {
            cors::mark(&rules, &origin, method.as_str(), response.headers_mut());
        }
        confine(response.headers_mut());
        response
    }

    async fn answer(&self, request: Request<Body>) -> Response<Body> {
        if is_form(&request) {
            discard(request.into_body()).await;
            let message =
                "Uploads by HTML forms (POST) are not supported; use PutObject, with a presigned URL if need be.";
            return Refused::new(501, "NotImplemented", message).response();
        }
        let request = match prepare(request, &*self.clock).await {
            Ok(request) => request,
            Err(refused) => return refused.response(),
        };
        match self.service.call(request).await {
            Ok(response) => response.map(Body::new),
            Err(error) => {
                tracing::error!(?error, "answering an S3 request");
                Refused::new(500, "InternalError", "We failed to answer.").response()
            }
        }
    }

    async fn preflight(&self, head: &Parts, address: Option<&Address>) -> Response<Body> {
        let rules = match address {
            Some(address) => self.cors_rules(&address.bucket).await,
            None => None,
        };
        let has_key = address.is_some_and(|address| address.key.is_some());
        match cors::preflight(rules.as_deref(), head, has_key) {
            Ok(headers) => {
                let mut response = Response::new(Body::empty());
                *response.headers_mut() = headers;
                response
            }
            Err(refused) => refused.response(),
        }
    }

    /// The bucket that a request to S3 addresses, by its path or its host name.
    pub fn bucket_of(request: &Parts) -> Option<String> {
        Address::of(request).map(|address| address.bucket)
    }

    /// Whether the CORS rules of `bucket` let pages of `origin` send it requests with `method`. A
    /// preflight (`OPTIONS`) is let in where any method is.
    pub async fn allows_origin(&self, bucket: &str, origin: &str, method: &str) -> bool {
        self.cors_rules(bucket).await.is_some_and(|rules| cors::allows(&rules, origin, method))
    }

    /// The CORS rules of a bucket, `None` if there is no such bucket.
    async fn cors_rules(&self, bucket: &str) -> Option<Vec<CorsRule>> {
        self.bucket(bucket).await.ok().map(|bucket| bucket.cors)
    }
}

/// Whether a request is an upload by an HTML form. Any web page can send one without asking, and
/// s3s would read it into memory.
fn is_form(request: &Request<Body>) -> bool {
    let content_type = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    request.method() == Method::POST
        && content_type.trim_start().to_ascii_lowercase().starts_with("multipart/form-data")
}

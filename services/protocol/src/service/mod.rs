//! The contract between the server and its services. A service implements [`Service`] once and
//! stands in the server's one list; the gateway, metrics, health and console do the rest.

mod call;
mod http;
mod matching;
mod model;
mod section;

use ::http::header::CONTENT_TYPE;
use ::http::request::Parts;
use ::http::{HeaderValue, Request, Response, StatusCode};
use async_trait::async_trait;
use bytes::Bytes;

use crate::{ApiError, Encoding, EventStream, Measured, Problem, RequestContext, rest_xml_error};
pub use axum_core::body::Body as HttpBody;
pub use call::{Answer, Call};
pub use http::{BoundMember, HttpBinding, Place};
pub use matching::{Matched, NotText};
pub use model::{HttpEntry, Operation, ResourceReference, ResourceType, ServiceModel, Wire};
pub use section::{Cell, Column, Section};

/// Why a service could not begin its work, in words for the user.
pub type StartFailure = Box<dyn std::error::Error + Send + Sync>;

/// A service of AWS, as far as the server is concerned.
#[async_trait]
pub trait Service: Send + Sync + 'static {
    /// Its names, wires and operations.
    fn model(&self) -> &'static ServiceModel;

    /// Performs an operation that its model offers, whatever wire it came by.
    async fn perform(&self, call: &Call) -> Result<Answer, ApiError> {
        Err(ApiError::unknown_operation(call.operation.name))
    }

    /// Calls an operation by name, from inside the program.
    ///
    /// # Errors
    /// As those of the operation, and where its model does not offer it.
    async fn call(
        &self,
        context: &RequestContext,
        operation: &str,
        encoding: Encoding,
        body: Bytes,
    ) -> Result<Bytes, ApiError> {
        let operation = self.model().offered(operation)?;
        let answer = self.perform(&Call::encoded(context.clone(), operation, encoding, body)).await?;
        answer.into_body().ok_or_else(|| ApiError::internal(format!("{} answers with events", operation.name)))
    }

    /// Calls an operation whose answer is an event stream, as [`Service::call`] does others.
    ///
    /// # Errors
    /// As [`Service::call`].
    async fn subscribe(
        &self,
        context: &RequestContext,
        operation: &str,
        encoding: Encoding,
        body: Bytes,
    ) -> Result<EventStream, ApiError> {
        let operation = self.model().offered(operation)?;
        match self.perform(&Call::encoded(context.clone(), operation, encoding, body)).await? {
            Answer::Events(events) => Ok(events),
            Answer::Whole(_) | Answer::Http(_) => Err(ApiError::internal(format!("{} has one answer", operation.name))),
        }
    }

    /// Answers a request that its model's [`HttpEntry`] takes.
    async fn handle(&self, context: &RequestContext, request: Request<HttpBody>) -> Response<HttpBody> {
        let (path, id) = (request.uri().path(), &context.request_id);
        self.refuse(&ApiError::unknown_operation(path), StatusCode::NOT_IMPLEMENTED.as_u16(), id)
    }

    /// What a request for [`Service::handle`] is counted as: of a small set.
    fn http_operation(&self, _head: &Parts) -> &'static str {
        "request"
    }

    /// A refusal of a request for [`Service::handle`], in the form that its clients read.
    fn refuse(&self, error: &ApiError, status: u16, request_id: &str) -> Response<HttpBody> {
        // Writing to memory does not fail.
        let body = rest_xml_error(error.code, &error.message, request_id).unwrap_or_default();
        let mut response = Response::new(HttpBody::from(body));
        *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/xml"));
        response
    }

    /// Whether a request for [`Service::handle`] may come from a page of `origin`, which is not the
    /// server's own.
    async fn admits_page(&self, _head: &Parts, _origin: &str) -> bool {
        false
    }

    /// What it counts, under names that no other service has. Asked whenever metrics are read.
    fn metrics(&self) -> Vec<Measured> {
        Vec::new()
    }

    /// What keeps it from doing its work. Cheap: asked by health checks, metrics and the console.
    fn problems(&self) -> Vec<Problem> {
        Vec::new()
    }

    /// What the console shows of its resources, a section for each kind.
    async fn sections(&self) -> Vec<Section> {
        Vec::new()
    }

    /// Begins work of its own that calls the server, such as running functions. Called once, when
    /// the server answers.
    ///
    /// # Errors
    /// What keeps the server from starting.
    fn start(&self) -> Result<(), StartFailure> {
        Ok(())
    }

    /// Ends what [`Service::start`] began, while requests are still answered.
    async fn pause(&self) {}

    /// Ends background work and closes its files; what was acknowledged is on the disk.
    async fn close(&self) {}
}

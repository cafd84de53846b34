//! The contract between the server and its services. A service implements [`Service`] once and
//! stands in the server's one list; the gateway, metrics, health and console do the rest.

mod call;
mod model;
mod section;

use async_trait::async_trait;
use bytes::Bytes;

use crate::{ApiError, Encoding, EventStream, Problem, RequestContext};
pub use call::{Answer, Call};
pub use model::{Operation, ResourceReference, ServiceModel, Wire};
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
            Answer::Whole(_) => Err(ApiError::internal(format!("{} has one answer", operation.name))),
        }
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

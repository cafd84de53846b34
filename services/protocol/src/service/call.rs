//! A request on its way to its operation, whatever wire it came by.

use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::Operation;
use crate::rest::{self, HttpAnswer, RestRequest};
use crate::{ApiError, Encoding, EventStream, QueryRequest, QueryStyle, RequestContext, query_answer};

/// A request whose service and operation are known. Cheap to clone, so that it can be handed to
/// another thread.
#[derive(Debug, Clone)]
pub struct Call {
    /// Who asks.
    pub context: RequestContext,
    /// What is asked for.
    pub operation: &'static Operation,
    input: Input,
}

#[derive(Debug, Clone)]
enum Input {
    Encoded(Encoding, Bytes),
    Form(Arc<QueryRequest>, QueryStyle),
    Rest(Arc<RestRequest>),
}

/// The answer to a call.
pub enum Answer {
    /// A body that is whole, in the wire of the call.
    Whole(Bytes),
    /// Status, header fields and body, in a REST wire.
    Http(HttpAnswer),
    /// Events as they come.
    Events(EventStream),
}

impl Call {
    /// A call in AWS JSON or CBOR.
    pub fn encoded(context: RequestContext, operation: &'static Operation, encoding: Encoding, body: Bytes) -> Self {
        Self { context, operation, input: Input::Encoded(encoding, body) }
    }

    /// A call by the Query protocol.
    pub fn form(
        context: RequestContext,
        operation: &'static Operation,
        request: QueryRequest,
        style: QueryStyle,
    ) -> Self {
        Self { context, operation, input: Input::Form(Arc::new(request), style) }
    }

    /// A call of a REST service.
    pub fn rest(context: RequestContext, operation: &'static Operation, request: RestRequest) -> Self {
        Self { context, operation, input: Input::Rest(Arc::new(request)) }
    }

    /// How blobs and events are encoded, in JSON where the wire has no encoding of its own.
    pub fn encoding(&self) -> Encoding {
        match self.input {
            Input::Encoded(encoding, _) => encoding,
            Input::Form(..) | Input::Rest(_) => Encoding::Json,
        }
    }

    /// The operation's input.
    ///
    /// # Errors
    /// `SerializationException`, or what the service or the wire has in its place, when it is not of
    /// the operation's shape.
    pub fn input<'call, T: Deserialize<'call>>(&'call self) -> Result<T, ApiError> {
        match &self.input {
            Input::Encoded(encoding, body) => encoding.decode(body),
            Input::Form(request, _) => request.decode(),
            Input::Rest(request) => request.decode(),
        }
    }

    /// The body as it came: in a REST wire, the payload if the operation has one. Empty for forms.
    pub fn body(&self) -> Bytes {
        match &self.input {
            Input::Encoded(_, body) => body.clone(),
            Input::Form(..) => Bytes::new(),
            Input::Rest(request) => request.body().clone(),
        }
    }

    /// The style of the answer: its service's, unless the operation has names of its own.
    fn query_style(&self, style: &QueryStyle) -> QueryStyle {
        let own = self.operation.query_renamed;
        if own.is_empty() { *style } else { QueryStyle { renamed: own, ..*style } }
    }

    /// An answer with output.
    ///
    /// # Errors
    /// `InternalFailure` when the output has no form in the wire.
    pub fn answer<T: Serialize>(&self, output: &T) -> Result<Answer, ApiError> {
        self.answer_long(output, 256)
    }

    /// As [`Call::answer`], where about so many bytes are known to come.
    ///
    /// # Errors
    /// As [`Call::answer`].
    pub fn answer_long<T: Serialize>(&self, output: &T, bytes: usize) -> Result<Answer, ApiError> {
        let body = match &self.input {
            Input::Encoded(encoding, _) => encoding.encode_long(output, bytes)?,
            Input::Form(_, style) => {
                let style = self.query_style(style);
                query_answer(&style, self.operation.name, Some(output), &self.context.request_id)?
            }
            Input::Rest(request) => {
                return rest::answer(&request.style, self.operation, Some(output), bytes).map(Answer::Http);
            }
        };
        Ok(Answer::Whole(body.into()))
    }

    /// The answer of an operation without output.
    ///
    /// # Errors
    /// As [`Call::answer`].
    pub fn done(&self) -> Result<Answer, ApiError> {
        let body = match &self.input {
            Input::Encoded(..) => Vec::new(),
            Input::Form(_, style) => query_answer::<()>(style, self.operation.name, None, &self.context.request_id)?,
            Input::Rest(request) => {
                return rest::answer::<()>(&request.style, self.operation, None, 0).map(Answer::Http);
            }
        };
        Ok(Answer::Whole(body.into()))
    }

    /// The answer of an operation of a REST service whose output has a payload: the body is
    /// `payload`, and all members of `output` are in header fields or the status.
    ///
    /// # Errors
    /// `InternalFailure` when a member has no form outside the body, or the wire has no payloads.
    pub fn answer_payload<T: Serialize>(
        &self,
        output: &T,
        payload: Bytes,
        content_type: Option<&str>,
    ) -> Result<HttpAnswer, ApiError> {
        rest::payload(self.operation, output, payload, content_type)
    }

    /// Performs an operation with output.
    ///
    /// # Errors
    /// Those of reading, of the operation and of writing.
    pub fn perform<'call, Input: Deserialize<'call>, Output: Serialize>(
        &'call self,
        operation: impl FnOnce(&RequestContext, Input) -> Result<Output, ApiError>,
    ) -> Result<Answer, ApiError> {
        self.answer(&operation(&self.context, self.input()?)?)
    }

    /// Performs an operation without output.
    ///
    /// # Errors
    /// Those of reading and of the operation.
    pub fn perform_void<'call, Input: Deserialize<'call>>(
        &'call self,
        operation: impl FnOnce(&RequestContext, Input) -> Result<(), ApiError>,
    ) -> Result<Answer, ApiError> {
        operation(&self.context, self.input()?)?;
        self.done()
    }
}

impl Answer {
    /// Its body, if it is whole.
    pub fn into_body(self) -> Option<Bytes> {
        match self {
            Self::Whole(body) => Some(body),
            Self::Http(answer) => Some(answer.body),
            Self::Events(_) => None,
        }
    }
}

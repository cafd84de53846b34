//! Answers: a body, and the members of the output that are in header fields or the status.

use bytes::Bytes;
use serde::Serialize;
use serde_json::Value;

use super::{RestBody, RestStyle};
use crate::query::xml_document;
use crate::service::{HttpBinding, Operation, Place};
use crate::{ApiError, Encoding};

/// Status, header fields and body of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpAnswer {
    /// The status.
    pub status: u16,
    /// Names, in lower case, and values; none twice.
    pub headers: Vec<(&'static str, String)>,
    /// The body, whole.
    pub body: Bytes,
}

impl HttpAnswer {
    pub(crate) fn new(status: u16, body: Bytes) -> Self {
        Self { status, headers: Vec::new(), body }
    }

    /// The same with the header field `name`, in place of one that it has.
    #[must_use]
    pub fn with_header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.retain(|(other, _)| *other != name);
        self.headers.push((name, value.into()));
        self
    }
}

/// The answer of `operation` with `output`, or without any.
pub(crate) fn answer<T: Serialize>(
    style: &RestStyle,
    operation: &Operation,
    output: Option<&T>,
    bytes: usize,
) -> Result<HttpAnswer, ApiError> {
    let binding = binding(operation)?;
    let Some(output) = output else { return Ok(HttpAnswer::new(binding.status, Bytes::new())) };
    let (body, content_type) = match style.body {
        RestBody::Json if binding.output.is_empty() => (Encoding::Json.encode_long(output, bytes)?, "application/json"),
        RestBody::Json => {
            let mut value = value(output)?;
            if let Value::Object(members) = &mut value {
                members.retain(|name, _| !binding.output.iter().any(|bound| bound.name == name));
            }
            (value.to_string().into_bytes(), "application/json")
        }
        RestBody::Xml => {
            let outside: Vec<&str> = binding.output.iter().map(|bound| bound.name).collect();
            let root = format!("{}Response", operation.name);
            (xml_document(style.namespace, &root, output, &outside)?, "application/xml")
        }
    };
    let answer = HttpAnswer::new(binding.status, body.into()).with_header("content-type", content_type);
    with_bound(answer, binding, output)
}

/// The answer of `operation` whose body is `payload`; all members of `output` are outside of it.
pub(crate) fn payload<T: Serialize>(
    operation: &Operation,
    output: &T,
    payload: Bytes,
    content_type: Option<&str>,
) -> Result<HttpAnswer, ApiError> {
    let binding = binding(operation)?;
    let mut answer = HttpAnswer::new(binding.status, payload);
    if let Some(content_type) = content_type {
        answer = answer.with_header("content-type", content_type);
    }
    with_bound(answer, binding, output)
}

fn binding(operation: &Operation) -> Result<&HttpBinding, ApiError> {
    let unbound = || ApiError::internal(format!("{} has no place in HTTP", operation.name));
    operation.http.as_ref().ok_or_else(unbound)
}

fn value<T: Serialize>(output: &T) -> Result<Value, ApiError> {
    serde_json::to_value(output).map_err(|error| ApiError::internal(error.to_string()))
}

/// Members in header fields are texts, numbers or truth values.
fn with_bound<T: Serialize>(mut answer: HttpAnswer, binding: &HttpBinding, output: &T) -> Result<HttpAnswer, ApiError> {
    if binding.output.is_empty() {
        return Ok(answer);
    }
    let output = value(output)?;
    for bound in binding.output {
        match (bound.place, &output[bound.name]) {
            (_, Value::Null) => {}
            (Place::Header(name), Value::String(text)) => answer = answer.with_header(name, text.as_str()),
            (Place::Header(name), other) => answer = answer.with_header(name, other.to_string()),
            (Place::Status, status) => {
                let status = status.as_u64().and_then(|status| u16::try_from(status).ok());
                answer.status = status.unwrap_or(answer.status);
            }
            (Place::Query(_) | Place::Payload, _) => {}
        }
    }
    Ok(answer)
}

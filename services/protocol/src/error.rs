//! The error that every AWS operation can answer with.

use serde_json::{Map, Value};

use crate::Encoding;

/// Whose fault an error is; it decides the HTTP status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The request was wrong: status 400.
    Client,
    /// We failed: status 500.
    Server,
}

/// An AWS exception: its published name and a message in the caller's words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct ApiError {
    /// The exception's name in the service model, such as `ResourceNotFoundException`.
    pub code: &'static str,
    /// What was wrong, naming the field and the limit.
    pub message: String,
    /// Whose fault it is.
    pub fault: Fault,
    /// The exception's members besides its message, such as the `CancellationReasons` of
    /// DynamoDB's `TransactionCanceledException`. Mostly empty.
    pub details: Map<String, Value>,
}

impl ApiError {
    /// A mistake of the caller, answered with status 400.
    pub fn client(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), fault: Fault::Client, details: Map::new() }
    }

    /// A body that is not of the operation's shape.
    pub fn serialization(message: impl Into<String>) -> Self {
        Self::client("SerializationException", message)
    }

    /// A value that violates the service model's constraints.
    pub fn validation(message: impl Into<String>) -> Self {
        Self::client("ValidationException", message)
    }

    /// A target that names no operation of the service.
    pub fn unknown_operation(operation: &str) -> Self {
        Self::client("UnknownOperationException", format!("Unknown operation: {operation}"))
    }

    /// A failure of ours, answered with status 500. The cause belongs in the log.
    pub fn internal(message: impl Into<String>) -> Self {
        Self { code: "InternalFailure", message: message.into(), fault: Fault::Server, details: Map::new() }
    }

    /// The HTTP status that carries this error.
    pub fn status(&self) -> u16 {
        match self.fault {
            Fault::Client => 400,
            Fault::Server => 500,
        }
    }

    /// The same error with one more member beside its message.
    #[must_use]
    pub fn with_detail(mut self, member: &str, value: Value) -> Self {
        self.details.insert(member.to_string(), value);
        self
    }

    /// The body of the AWS JSON protocols: `{"__type": …, "message": …}` and the details.
    ///
    /// # Errors
    /// `InternalFailure` when the details have no form in it.
    pub fn to_body(&self, encoding: Encoding) -> Result<Vec<u8>, Self> {
        encoding.encode(&self.members())
    }

    /// AWS writes the message of a body that it can't read with a capital, before the service's own
    /// model comes into play; SDKs read both.
    fn message_member(&self) -> &'static str {
        if self.code.ends_with("SerializationException") { "Message" } else { "message" }
    }

    fn members(&self) -> Map<String, Value> {
        let mut members = self.details.clone();
        members.insert("__type".to_string(), Value::from(self.code));
        members.insert(self.message_member().to_string(), Value::from(self.message.as_str()));
        members
    }
}

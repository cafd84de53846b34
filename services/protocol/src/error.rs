//! The error that every AWS operation can answer with.

use serde_json::{Map, Value};

/// What went wrong, whatever a service calls it: what callers inside the program decide by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The request is wrong in itself, or asks for what can't be.
    Invalid,
    /// The body is not of the operation's shape.
    Serialization,
    /// What the request names does not exist.
    NotFound,
    /// What it names exists already, or is in a state that does not allow it.
    Conflict,
    /// The caller may not do it.
    AccessDenied,
    /// Too many calls or too much data at once; later it succeeds.
    Throttled,
    /// A quota is used up; waiting does not help.
    LimitExceeded,
    /// The request is larger than the operation takes.
    TooLarge,
    /// No such operation, or none that is offered here.
    Unsupported,
    /// We failed, and trying again may help: something that is needed does not answer, or is full.
    Unavailable,
    /// We failed.
    Internal,
}

impl ErrorKind {
    /// Whether the fault is ours, not the caller's.
    pub fn is_ours(self) -> bool {
        matches!(self, Self::Unavailable | Self::Internal)
    }
}

/// An AWS exception: its published name and a message in the caller's words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct ApiError {
    /// What went wrong. Decisions are made by it, never by the code or the message.
    pub kind: ErrorKind,
    /// The exception's name in the service model, such as `ResourceNotFoundException`.
    pub code: &'static str,
    /// What was wrong, naming the field and the limit.
    pub message: String,
    /// The exception's members besides its message, such as the `CancellationReasons` of
    /// DynamoDB's `TransactionCanceledException`. Mostly empty.
    pub details: Map<String, Value>,
}

impl ApiError {
    /// An error that the service model calls `code`.
    pub fn new(kind: ErrorKind, code: &'static str, message: impl Into<String>) -> Self {
        Self { kind, code, message: message.into(), details: Map::new() }
    }

    /// A request that is wrong in itself ([`ErrorKind::Invalid`]).
    pub fn invalid(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Invalid, code, message)
    }

    /// What the request names does not exist.
    pub fn not_found(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(ErrorKind::NotFound, code, message)
    }

    /// What the request names exists already, or its state does not allow it.
    pub fn conflict(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Conflict, code, message)
    }

    /// Too many calls or too much data at once.
    pub fn throttled(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Throttled, code, message)
    }

    /// A body that is not of the operation's shape.
    pub fn serialization(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Serialization, "SerializationException", message)
    }

    /// A value that violates the service model's constraints.
    pub fn validation(message: impl Into<String>) -> Self {
        Self::invalid("ValidationException", message)
    }

    /// A target that names no operation of the service.
    pub fn unknown_operation(operation: &str) -> Self {
        Self::new(ErrorKind::Unsupported, "UnknownOperationException", format!("Unknown operation: {operation}"))
    }

    /// A failure of ours, answered with status 500. The cause belongs in the log.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Internal, "InternalFailure", message)
    }

    /// The HTTP status that carries this error.
    pub fn status(&self) -> u16 {
        if self.kind.is_ours() { 500 } else { 400 }
    }

    /// The same error with one more member beside its message.
    #[must_use]
    pub fn with_detail(mut self, member: &str, value: Value) -> Self {
        self.details.insert(member.to_string(), value);
        self
    }

    /// AWS writes the message of a body that it can't read with a capital, before the service's own
    /// model comes into play; SDKs read both.
    fn message_member(&self) -> &'static str {
        if self.kind == ErrorKind::Serialization { "Message" } else { "message" }
    }

    /// The members of an answer of the AWS JSON protocols.
    pub(crate) fn members(&self) -> Map<String, Value> {
        let mut members = self.details.clone();
        members.insert("__type".to_string(), Value::from(self.code));
        members.insert(self.message_member().to_string(), Value::from(self.message.as_str()));
        members
    }
}

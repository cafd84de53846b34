//! Why another service did not do what it was asked for.

use std::borrow::Cow;

/// What a caller decides by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PortErrorKind {
    /// What was named does not exist.
    NotFound,
    /// Too much was asked for at once.
    Throttled,
    /// It can't be done now: a closed endpoint, a service that is shutting down.
    Unavailable,
    /// The request itself is wrong, and will be however often it is repeated.
    Refused,
    /// The other service failed: its disk, its state.
    Failed,
}

/// Another service's error: the kind, and its own words for it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct PortError {
    /// What to decide by.
    pub kind: PortErrorKind,
    /// The other service's error code, such as `NoSuchBucket`; for people only.
    pub code: Cow<'static, str>,
    /// Its message.
    pub message: String,
}

impl PortError {
    /// An error of `kind` that the other service calls `code`.
    pub fn new(kind: PortErrorKind, code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self { kind, code: code.into(), message: message.into() }
    }

    /// Whether the same request may succeed later without a change to it or to what it names.
    pub fn is_transient(&self) -> bool {
        match self.kind {
            PortErrorKind::Throttled | PortErrorKind::Unavailable | PortErrorKind::Failed => true,
            PortErrorKind::NotFound | PortErrorKind::Refused => false,
        }
    }
}

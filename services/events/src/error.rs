//! What can go wrong, and what it becomes on the wire.

use anabranch_control::ControlError;
use anabranch_delivery::AcceptError;
use anabranch_ports::{PortError, PortErrorKind};
use anabranch_protocol::{ApiError, ErrorKind};

/// Why EventBridge can't be opened.
#[derive(Debug, thiserror::Error)]
pub enum EventsError {
    /// The control store failed.
    #[error(transparent)]
    Control(#[from] ControlError),
    /// A stored rule can't be read by this program.
    #[error("rule {arn}: {reason}")]
    Rule {
        /// The rule.
        arn: String,
        /// Why.
        reason: String,
    },
}

/// What a request names does not exist.
pub(crate) fn not_found(message: impl Into<String>) -> ApiError {
    ApiError::not_found("ResourceNotFoundException", message)
}

/// What a request makes exists already.
pub(crate) fn already_exists(message: impl Into<String>) -> ApiError {
    ApiError::conflict("ResourceAlreadyExistsException", message)
}

/// A quota is used up.
pub(crate) fn limit_exceeded() -> ApiError {
    let message = "The requested resource exceeds the maximum number allowed.";
    ApiError::new(ErrorKind::LimitExceeded, "LimitExceededException", message)
}

/// An event pattern that is none.
pub(crate) fn invalid_pattern(error: &anabranch_pattern::PatternError) -> ApiError {
    ApiError::invalid("InvalidEventPatternException", error.to_string())
}

/// A member of the API that is not offered here.
pub(crate) fn unsupported(member: &str) -> ApiError {
    ApiError::validation(format!("{member} is not supported by Anabranch"))
}

/// The control store failed; SDKs send the request again.
pub(crate) fn store_failed(error: &ControlError) -> ApiError {
    tracing::error!(%error, "control store");
    unavailable("The state of EventBridge could not be stored; the server's log says why. Send the request again.")
}

/// Events were not accepted.
pub(crate) fn not_accepted(error: &AcceptError) -> ApiError {
    match error {
        AcceptError::Full { .. } => ApiError::throttled("ThrottlingException", error.to_string()),
        AcceptError::Store(error) => store_failed(error),
    }
}

/// The same, for who delivers to a bus.
pub(crate) fn port_not_accepted(error: &AcceptError) -> PortError {
    let kind = match error {
        AcceptError::Full { .. } => PortErrorKind::Throttled,
        AcceptError::Store(_) => PortErrorKind::Failed,
    };
    PortError::new(kind, "EventsNotAccepted", error.to_string())
}

fn unavailable(message: &str) -> ApiError {
    ApiError::new(ErrorKind::Unavailable, "InternalException", message)
}

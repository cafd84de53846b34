//! Lambda's exceptions.

use anabranch_control::ControlError;
use anabranch_protocol::{ApiError, ErrorKind, ModelledError};

/// Why the service could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The `lambda` folder.
    #[error("lambda folder: {0}")]
    Io(#[from] std::io::Error),
    /// What is stored of functions, mappings or events.
    #[error(transparent)]
    Control(#[from] ControlError),
}

/// A parameter the operation does not take, named in `message`.
pub(crate) fn invalid_parameter(message: impl Into<String>) -> ApiError {
    ApiError::invalid("InvalidParameterValueException", message)
}

/// A function or mapping that does not exist.
pub(crate) fn not_found(message: impl Into<String>) -> ApiError {
    ApiError::not_found("ResourceNotFoundException", message)
}

/// More invocations than the function's environments and their queue hold.
pub(crate) fn too_many_requests(message: impl Into<String>) -> ApiError {
    ApiError::throttled("TooManyRequestsException", message)
}

/// The function's reserved concurrency is used up, or none at all.
pub(crate) fn reserved_concurrency_exceeded() -> ApiError {
    let reason = "ReservedFunctionConcurrentInvocationLimitExceeded";
    too_many_requests("Rate Exceeded.").with_detail("Reason", reason.into())
}

/// What the caller wants changed is no longer what he knows.
pub(crate) fn precondition_failed() -> ApiError {
    ApiError::conflict(
        "PreconditionFailedException",
        "The Revision Id provided does not match the latest Revision Id. Call the GetFunction/GetAlias API to retrieve \
         the latest Revision Id",
    )
}

/// The policy that the caller wants changed is no longer what he knows.
pub(crate) fn policy_precondition_failed() -> ApiError {
    ApiError::conflict(
        "PreconditionFailedException",
        "The RevisionId provided does not match the latest RevisionId. Call the GetPolicy API to retrieve the latest \
         RevisionId for your resource.",
    )
}

/// No environments are kept ready.
pub(crate) fn provisioned_not_found() -> ApiError {
    ApiError::not_found(
        "ProvisionedConcurrencyConfigNotFoundException",
        "No Provisioned Concurrency Config found for this function",
    )
}

/// What AWS has and this program does not, named in `what`.
pub(crate) fn not_supported(what: &str) -> ApiError {
    invalid_parameter(format!("Anabranch does not support {what}."))
}

/// What is to be made exists already.
pub(crate) fn resource_conflict(message: impl Into<String>) -> ApiError {
    ApiError::conflict("ResourceConflictException", message)
}

/// What is to be changed is being changed already.
pub(crate) fn resource_in_use(message: impl Into<String>) -> ApiError {
    ApiError::conflict("ResourceInUseException", message)
}

/// A failure of ours, or of a remote Invoke endpoint. Callers may retry.
pub(crate) fn service_exception(message: impl Into<String>) -> ApiError {
    ApiError::new(ErrorKind::Unavailable, "ServiceException", message)
}

/// The exceptions of the service model that are answered here.
pub(crate) const EXCEPTIONS: &[ModelledError] = &[
    exception("InvalidParameterValueException", 400, "message"),
    exception("PolicyLengthExceededException", 400, "message"),
    exception("PreconditionFailedException", 412, "message"),
    exception("ProvisionedConcurrencyConfigNotFoundException", 404, "message"),
    exception("InvalidRequestContentException", 400, "message"),
    exception("RequestTooLargeException", 413, "message"),
    exception("ResourceConflictException", 409, "message"),
    exception("ResourceInUseException", 400, "Message"),
    exception("ResourceNotFoundException", 404, "Message"),
    exception("ServiceException", 500, "Message"),
    exception("TooManyRequestsException", 429, "message"),
];

const fn exception(code: &'static str, status: u16, message_member: &'static str) -> ModelledError {
    ModelledError { code, status, message_member }
}

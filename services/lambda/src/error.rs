//! Lambda's exceptions, and their REST-JSON form.

use anabranch_control::ControlError;
use anabranch_protocol::{ApiError, Clipped, ErrorKind};
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use serde_json::json;

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

/// An error on its way to a REST client.
pub(crate) struct RestError(pub(crate) ApiError);

impl From<ApiError> for RestError {
    fn from(error: ApiError) -> Self {
        Self(error)
    }
}

impl RestError {
    fn status(&self) -> u16 {
        match self.0.code {
            "ResourceNotFoundException" => 404,
            "ResourceConflictException" => 409,
            "RequestTooLargeException" => 413,
            "TooManyRequestsException" => 429,
            _ => self.0.status(),
        }
    }

    /// The model spells the member `Message` in some exceptions and `message` in others.
    fn message_member(&self) -> &'static str {
        match self.0.code {
            "ResourceNotFoundException" | "ResourceInUseException" | "ServiceException" => "Message",
            _ => "message",
        }
    }
}

impl IntoResponse for RestError {
    fn into_response(self) -> Response {
        let fault = if self.status() < 500 { "User" } else { "Service" };
        let mut body = json!({ "Type": fault });
        // Some messages repeat a name or an ARN of the request, however long.
        body[self.message_member()] = Clipped(&self.0.message).to_string().into();
        let mut response = Response::new(Body::from(body.to_string()));
        *response.status_mut() = http::StatusCode::from_u16(self.status()).unwrap_or_default();
        let headers = response.headers_mut();
        headers.insert("content-type", http::HeaderValue::from_static("application/json"));
        headers.insert("x-amzn-errortype", http::HeaderValue::from_static(self.0.code));
        response
    }
}

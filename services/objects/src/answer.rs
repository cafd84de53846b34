//! Answers that are not s3s', and the headers that every answer carries.

use std::borrow::Cow;
use std::time::{Duration, UNIX_EPOCH};

use axum::body::Body;
use http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderMap, HeaderName, Response, StatusCode};
use s3s::dto::Timestamp;
use s3s::{S3Error, s3_error};

/// A request that goes no further, with the S3 error to answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) status: u16,
    pub(crate) code: Cow<'static, str>,
    pub(crate) message: String,
    details: Vec<(&'static str, String)>,
}

impl Refused {
    pub(crate) fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code: code.into(), message: message.into(), details: Vec::new() }
    }

    /// Adds an element to the error document.
    pub(crate) fn with(mut self, element: &'static str, text: &str) -> Self {
        self.details.push((element, text.to_string()));
        self
    }

    pub(crate) fn response(&self) -> Response<Body> {
        let mut body = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{}</Code><Message>{}</Message>",
            self.code,
            escape(&self.message)
        );
        for (element, text) in &self.details {
            body += &format!("<{element}>{}</{element}>", escape(text));
        }
        body += "</Error>";
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = StatusCode::from_u16(self.status).unwrap_or(StatusCode::BAD_REQUEST);
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/xml"));
        response
    }
}

impl From<&S3Error> for Refused {
    fn from(error: &S3Error) -> Self {
        let status = error.status_code().map_or(500, |status| status.as_u16());
        let message = error.message().unwrap_or_default();
        Self { status, code: error.code().as_str().to_string().into(), message: message.into(), details: Vec::new() }
    }
}

/// Header fields in which an error of ours carries the argument that it is about; s3s writes no more
/// than code and message. They do not leave the service.
const ARGUMENT_NAME: HeaderName = HeaderName::from_static("x-argument-name");
const ARGUMENT_VALUE: HeaderName = HeaderName::from_static("x-argument-value");
/// The message of [`invalid_destination`].
const INVALID_DESTINATION: &str = "Unable to validate the following destination configurations";

/// A target of notifications that can't be one.
pub(crate) fn invalid_destination(arn: &str, reason: &'static str) -> S3Error {
    let mut error = s3_error!(InvalidArgument, "{INVALID_DESTINATION}");
    let mut headers = HeaderMap::new();
    if let Ok(arn) = HeaderValue::from_str(arn) {
        headers.insert(ARGUMENT_NAME, arn);
        headers.insert(ARGUMENT_VALUE, HeaderValue::from_static(reason));
    }
    error.set_headers(headers);
    error
}

/// The answer with its argument in the document, if it is [`invalid_destination`].
pub(crate) fn with_argument(mut response: Response<Body>) -> Response<Body> {
    let mut take = |name| response.headers_mut().remove(name).and_then(|value| value.to_str().ok().map(str::to_string));
    match (take(ARGUMENT_NAME), take(ARGUMENT_VALUE)) {
        (Some(name), Some(value)) => Refused::new(400, "InvalidArgument", INVALID_DESTINATION)
            .with("ArgumentName", &name)
            .with("ArgumentValue", &value)
            .response(),
        _ => response,
    }
}

/// What is stored may be a page, and pages of this origin could call every service. A sandboxed
/// one is shown, but has an origin of its own and runs no script; and no browser takes for a page
/// or a script what is not said to be one. Set last, whatever else sets headers.
pub(crate) fn confine(headers: &mut HeaderMap) {
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static("sandbox"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
}

/// A time in milliseconds since the Unix epoch, as s3s takes it.
pub(crate) fn timestamp(ms: u64) -> Timestamp {
    Timestamp::from(UNIX_EPOCH + Duration::from_millis(ms))
}

/// Text as it may stand in an XML document; characters that may not are left out.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped += "&amp;",
            '<' => escaped += "&lt;",
            '>' => escaped += "&gt;",
            '"' => escaped += "&quot;",
            '\t' | '\n' | '\r' => escaped.push(character),
            _ if character.is_control() || matches!(character, '\u{fffe}' | '\u{ffff}') => {}
            _ => escaped.push(character),
        }
    }
    escaped
}

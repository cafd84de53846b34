//! What goes into an invocation and what comes out of it.

use anabranch_protocol::{ApiError, Encoding, ErrorKind};
use bytes::Bytes;
use serde::de::IgnoredAny;
use serde_json::{Value, json};
use tokio::sync::mpsc;

/// Largest payload of a synchronous invocation, and of its answer (6 MB).
pub(crate) const PAYLOAD_BYTES_MAX: usize = 6 << 20;
/// Largest answer the Runtime API takes, as AWS counts it.
pub(crate) const RESPONSE_BYTES_MAX: usize = PAYLOAD_BYTES_MAX + 100;
/// Largest answer that is streamed (200 MB).
pub(crate) const STREAMED_BYTES_MAX: usize = 200 << 20;
/// Largest payload of an asynchronous invocation (1 MB).
pub(crate) const EVENT_BYTES_MAX: usize = 1 << 20;

/// Options of a synchronous invocation.
#[derive(Debug, Clone, Default)]
pub struct InvokeOptions {
    /// `X-Amz-Client-Context` as it came (base64 of JSON); given to the function decoded.
    pub client_context: Option<String>,
    /// Return the last 4 KB of the invocation's log.
    pub log_tail: LogTail,
    /// `X-Amzn-Trace-Id` of the request, which the function gets; a new trace if absent.
    pub trace_id: Option<String>,
    /// Given for InvokeWithResponseStream: if the function streams its answer, this gets it piece by
    /// piece, and the outcome that comes in the end has no payload, or the error the answer ended with.
    pub stream: Option<mpsc::Sender<AnswerPart>>,
}

/// Whether the caller wants the end of the log (`X-Amz-Log-Type`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LogTail {
    /// No log; the answer comes as soon as the function gave it.
    #[default]
    None,
    /// The last 4 KB.
    Last4Kb,
}

/// Where a streamed answer goes, piece by piece.
pub(crate) type AnswerStream = mpsc::Sender<AnswerPart>;

/// A piece of a streamed answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AnswerPart {
    /// Comes first: the type that the function gave its answer, if any. For function URLs it is
    /// `application/vnd.awslambda.http-integration-response`, and what follows begins with status and
    /// headers as JSON and eight zero bytes.
    ContentType(Option<String>),
    /// Bytes of the answer.
    Bytes(Bytes),
}

/// One event and how it is to be run.
#[derive(Debug, Clone)]
pub(crate) struct Invocation {
    pub(crate) request_id: String,
    pub(crate) payload: Bytes,
    /// JSON text.
    pub(crate) client_context: Option<String>,
    pub(crate) log_tail: LogTail,
    /// The caller's `X-Amzn-Trace-Id`; a new trace if absent.
    pub(crate) trace_id: Option<String>,
    /// See [`InvokeOptions::stream`].
    pub(crate) stream: Option<AnswerStream>,
    /// As the caller named the function; that of the function itself if absent.
    pub(crate) function_arn: Option<String>,
}

impl Invocation {
    /// An event without more to say about it.
    pub(crate) fn new(request_id: String, payload: Bytes) -> Self {
        Self {
            request_id,
            payload,
            client_context: None,
            log_tail: LogTail::None,
            trace_id: None,
            stream: None,
            function_arn: None,
        }
    }
}

/// What an invocation came to. A function's error is an outcome, not an [`ApiError`].
#[derive(Debug, Clone)]
pub struct InvokeOutcome {
    /// Given to the function as `Lambda-Runtime-Aws-Request-Id`.
    pub request_id: String,
    /// The function's answer, or `{"errorMessage": …, "errorType": …}`.
    pub payload: Bytes,
    /// `Unhandled` when the function failed (`X-Amz-Function-Error`).
    pub function_error: Option<String>,
    /// The end of the log, if it was asked for.
    pub log_tail: Option<Bytes>,
}

impl InvokeOutcome {
    /// A failure of the function that its runtime could not report itself.
    pub(crate) fn unhandled(request_id: &str, error_type: Option<&str>, message: String) -> Self {
        let payload = match error_type {
            Some(error_type) => json!({ "errorType": error_type, "errorMessage": message }),
            None => json!({ "errorMessage": message }),
        };
        Self {
            request_id: request_id.into(),
            payload: payload.to_string().into(),
            function_error: Some("Unhandled".into()),
            log_tail: None,
        }
    }
}

/// Checks a payload as Invoke does; an empty one stands for `{}`.
pub(crate) fn check_payload(payload: Bytes, bytes_max: usize) -> Result<Bytes, ApiError> {
    if payload.len() > bytes_max {
        return Err(ApiError::new(
            ErrorKind::TooLarge,
            "RequestTooLargeException",
            format!("Request must be smaller than {bytes_max} bytes for the InvokeFunction operation"),
        ));
    }
    if payload.is_empty() {
        return Ok(Bytes::from_static(b"{}"));
    }
    // What is only looked through is not read as text.
    if std::str::from_utf8(&payload).is_err() {
        return Err(not_json("it is not UTF-8"));
    }
    match Encoding::Json.decode::<IgnoredAny>(&payload) {
        Ok(_) => Ok(payload),
        Err(error) => Err(not_json(&error.message)),
    }
}

/// The answer to what is not JSON, or not of the form that it should have.
pub(crate) fn not_json(why: &str) -> ApiError {
    ApiError::invalid("InvalidRequestContentException", format!("Could not parse request body into json: {why}"))
}

/// A payload inside a record: as JSON if it is that.
pub(crate) fn json_or_text(payload: &[u8]) -> Value {
    serde_json::from_slice(payload).unwrap_or_else(|_| String::from_utf8_lossy(payload).into_owned().into())
}

//! Functions that another Invoke endpoint serves, such as `cargo lambda watch`.

use anabranch_protocol::ApiError;
use base64_simd::STANDARD;
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;
use std::time::Duration;

use crate::error::{service_exception, too_many_requests};
use crate::invoke::{Invocation, InvokeOutcome, LogTail, RESPONSE_BYTES_MAX};

/// An HTTP client that calls Invoke elsewhere.
#[derive(Debug, Clone)]
pub(crate) struct RemoteClient {
    client: Client<HttpConnector, Full<Bytes>>,
    timeout: Duration,
}

impl RemoteClient {
    pub(crate) fn new(timeout: Duration) -> Self {
        Self { client: Client::builder(TokioExecutor::new()).build_http(), timeout }
    }

    /// Invokes `function` at `base_url`. An endpoint that can't be reached or answers
    /// nonsense is a `ServiceException`, which event source mappings retry for free.
    pub(crate) async fn invoke(
        &self,
        base_url: &str,
        function: &str,
        invocation: Invocation,
    ) -> Result<InvokeOutcome, ApiError> {
        let url = format!("{}/2015-03-31/functions/{function}/invocations", base_url.trim_end_matches('/'));
        let failed = |reason: String| service_exception(format!("Invoking {function} at {url} failed: {reason}"));
        let mut request = Request::post(&url).header("content-type", "application/json");
        if let Some(context) = &invocation.client_context {
            request = request.header("x-amz-client-context", STANDARD.encode_to_string(context));
        }
        if invocation.log_tail == LogTail::Last4Kb {
            request = request.header("x-amz-log-type", "Tail");
        }
        let request = request.body(Full::new(invocation.payload)).map_err(|error| failed(error.to_string()))?;
        let exchange = async {
            let (parts, body) =
                self.client.request(request).await.map_err(|error| failed(describe(&error)))?.into_parts();
            let body = Limited::new(body, RESPONSE_BYTES_MAX).collect().await;
            let body = body.map_err(|error| failed(error.to_string()))?.to_bytes();
            Ok(Response::from_parts(parts, body))
        };
        let response = tokio::time::timeout(self.timeout, exchange)
            .await
            .unwrap_or_else(|_| Err(failed(format!("no answer within {} s", self.timeout.as_secs()))))?;
        outcome(&invocation.request_id, response).map_err(|error| match error {
            Refusal::Throttled => too_many_requests("Rate Exceeded."),
            Refusal::Other(reason) => failed(reason),
        })
    }
}

enum Refusal {
    Throttled,
    Other(String),
}

fn outcome(request_id: &str, response: Response<Bytes>) -> Result<InvokeOutcome, Refusal> {
    let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_string);
    let function_error = header("x-amz-function-error");
    let log_tail = header("x-amz-log-result").and_then(|text| STANDARD.decode_to_vec(text).ok()).map(Bytes::from);
    let status = response.status();
    let function_error = match function_error {
        Some(error) => Some(error),
        None if status.is_success() => None,
        None if status == StatusCode::TOO_MANY_REQUESTS => return Err(Refusal::Throttled),
        // `cargo lambda watch` answers a function's own error with a status of its own.
        None if is_function_error(response.body()) => Some("Unhandled".into()),
        None => {
            let text = String::from_utf8_lossy(response.body());
            let start: String = text.chars().take(200).collect();
            return Err(Refusal::Other(format!("status {status}: {start}")));
        }
    };
    let payload = response.into_body();
    Ok(InvokeOutcome { request_id: request_id.into(), payload, function_error, log_tail })
}

fn is_function_error(body: &[u8]) -> bool {
    let Ok(Value::Object(body)) = serde_json::from_slice(body) else { return false };
    body.contains_key("errorMessage") && body.contains_key("errorType")
}

fn describe(error: &hyper_util::client::legacy::Error) -> String {
    match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, header: Option<&'static str>, body: &'static str) -> Response<Bytes> {
        let mut response = Response::builder().status(status);
        if let Some(value) = header {
            response = response.header("x-amz-function-error", value);
        }
        response.body(Bytes::from(body)).unwrap()
    }

    #[test]
    fn errors_of_the_function_and_of_the_endpoint_are_told_apart() {
        let ok = |response| outcome("id", response).unwrap_or_else(|_| panic!("an outcome"));
        assert_eq!(ok(answer(200, None, "{}")).function_error, None);
        assert_eq!(ok(answer(200, Some("Unhandled"), "{}")).function_error.as_deref(), Some("Unhandled"));
        let reported = answer(500, None, r#"{"errorType":"E","errorMessage":"m"}"#);
        assert_eq!(ok(reported).function_error.as_deref(), Some("Unhandled"));
        assert!(matches!(outcome("id", answer(429, None, "")), Err(Refusal::Throttled)));
        assert!(matches!(outcome("id", answer(502, None, "no such function")), Err(Refusal::Other(_))));
    }
}

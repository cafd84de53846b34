//! The HTTP API as a client sees it: posting that survives a restart of the server.

use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};

/// How long a request is repeated while there is no server or the server fails.
const RETRY_TIME: Duration = Duration::from_secs(60);
/// The longest wait for one response: an HTTP API gives its function 30 s.
const ANSWER_TIME: Duration = Duration::from_secs(35);
/// Longest pause before the first retry; it doubles with each, up to [`PAUSE_MAX`].
const PAUSE_FIRST: Duration = Duration::from_millis(100);
/// Longest pause before any retry.
const PAUSE_MAX: Duration = Duration::from_secs(2);
/// The most bytes read of a response.
const ANSWER_BYTES_MAX: usize = 1024 * 1024;

/// A response that is not a server error.
#[derive(Debug)]
pub(crate) struct Answer {
    pub status: StatusCode,
    pub body: Bytes,
    /// How many times the request was repeated.
    pub retries: u32,
}

/// The API did not answer within [`RETRY_TIME`].
#[derive(Debug, thiserror::Error)]
#[error("{url} does not accept clicks: {reason}")]
pub(crate) struct ApiError {
    url: String,
    reason: String,
}

/// A client of the API. Cheap to clone; clones share connections.
#[derive(Clone)]
pub(crate) struct Api {
    client: Client<HttpConnector, Full<Bytes>>,
    url: String,
}

impl Api {
    /// A client that posts to `url`.
    pub(crate) fn new(url: &str) -> Self {
        Self { client: Client::builder(TokioExecutor::new()).build_http(), url: url.to_owned() }
    }

    /// Posts a body. Connection errors, 429 and 5xx are retried: the same events may be sent again,
    /// since every consumer recognizes them by `event_id`.
    ///
    /// # Errors
    /// [`ApiError`] when no response came within [`RETRY_TIME`].
    pub(crate) async fn post(&self, body: &Bytes) -> Result<Answer, ApiError> {
        let deadline = Instant::now() + RETRY_TIME;
        let mut pause = PAUSE_FIRST;
        let mut retries = 0;
        loop {
            let reason = match self.post_once(body.clone()).await {
                Ok((status, body)) if !status.is_server_error() && status != StatusCode::TOO_MANY_REQUESTS => {
                    return Ok(Answer { status, body, retries });
                }
                Ok((status, body)) => format!("{status} {}", String::from_utf8_lossy(&body)),
                Err(reason) => reason,
            };
            if Instant::now() >= deadline {
                return Err(ApiError { url: self.url.clone(), reason });
            }
            sleep(pause.mul_f64(0.5 + 0.5 * fastrand::f64())).await;
            pause = (pause * 2).min(PAUSE_MAX);
            retries += 1;
        }
    }

    async fn post_once(&self, body: Bytes) -> Result<(StatusCode, Bytes), String> {
        let request = Request::builder()
            .method(Method::POST)
            .uri(&self.url)
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::new(body))
            .map_err(|error| error.to_string())?;
        let exchange = async {
            let response = self.client.request(request).await.map_err(|error| chain(&error))?;
            let status = response.status();
            let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect().await;
            Ok((status, body.map_err(|error| error.to_string())?.to_bytes()))
        };
        timeout(ANSWER_TIME, exchange).await.unwrap_or_else(|_| Err("no answer in time".into()))
    }
}

/// An error with its causes; hyper's own text says only that something failed.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    #[tokio::test]
    async fn a_server_that_fails_first_is_asked_again() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let api = Api::new(&format!("http://{}/clicks", listener.local_addr().unwrap()));
        let server = tokio::spawn(async move {
            drop(listener.accept().await.unwrap());
            for answer in ["503 Service Unavailable", "200 OK"] {
                let (mut socket, _) = listener.accept().await.unwrap();
                let mut request = [0; 1024];
                let read = socket.read(&mut request).await.unwrap();
                assert!(String::from_utf8_lossy(&request[..read]).starts_with("POST /clicks HTTP/1.1"));
                let answer = format!("HTTP/1.1 {answer}\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{{}}");
                socket.write_all(answer.as_bytes()).await.unwrap();
            }
        });
        let answer = api.post(&Bytes::from_static(b"[]")).await.unwrap();
        assert_eq!((answer.status, &*answer.body), (StatusCode::OK, &b"{}"[..]));
        assert!(answer.retries >= 2, "{}", answer.retries);
        server.await.unwrap();
    }
}

//! Starting servers, and speaking HTTP to them byte by byte.

use anabranch::{App, Config, StartError};
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Longer than any answer takes, so that a hang fails the test instead of stopping it.
const PATIENCE: Duration = Duration::from_secs(30);

/// An authorization as SDKs send it.
pub(crate) const SIGNED: &str = "Authorization: AWS4-HMAC-SHA256 Credential=test/20261120/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0";

pub(crate) async fn try_start(data: &Path) -> Result<App, StartError> {
    App::start(Config { data: data.into(), listen: ([127, 0, 0, 1], 0).into(), ..Config::default() }).await
}

pub(crate) async fn start(data: &Path) -> App {
    try_start(data).await.unwrap()
}

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let line = self
            .head
            .lines()
            .find(|line| line.split_once(':').is_some_and(|(found, _)| found.eq_ignore_ascii_case(name)))?;
        line.split_once(':').map(|(_, value)| value.trim())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// Asserts an AWS JSON error.
    pub(crate) fn assert_error(&self, status: u16, code: &str, message: &str) {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(self.json()["__type"].as_str().unwrap().rsplit('#').next(), Some(code), "{self:?}");
        assert_eq!(self.header("x-amzn-errortype"), Some(code));
        // AWS writes it with a capital where it could not read the body.
        let body = self.json();
        let found = body.get("message").or_else(|| body.get("Message")).and_then(serde_json::Value::as_str).unwrap();
        assert!(found.contains(message), "{}", self.text());
        assert!(self.header("x-amzn-requestid").is_some_and(|id| id.len() == 36), "{self:?}");
        assert_eq!(self.header("x-amz-id-2").map(str::len), Some(76));
    }
}

/// Sends a request and reads the answer. `head` is the request line and headers without `Host`,
/// `Content-Length` and `Connection`.
pub(crate) async fn ask(address: SocketAddr, head: &str, body: &[u8]) -> Answer {
    let head = format!("{head}\r\nHost: {address}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    send(address, &[head.as_bytes(), body].concat()).await
}

/// Sends `bytes` as they are and reads until the server closes.
pub(crate) async fn send(address: SocketAddr, bytes: &[u8]) -> Answer {
    let exchange = async {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        answer
    };
    parse(&tokio::time::timeout(PATIENCE, exchange).await.expect("an answer in time"))
}

fn parse(answer: &[u8]) -> Answer {
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n").expect("an HTTP answer");
    let head = String::from_utf8(answer[..end].to_vec()).unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, head, body: answer[end + 4..].to_vec() }
}

/// A call of an AWS JSON operation with credentials.
pub(crate) async fn call(address: SocketAddr, target: &str, body: &str) -> Answer {
    let head =
        format!("POST / HTTP/1.1\r\nContent-Type: application/x-amz-json-1.0\r\nX-Amz-Target: {target}\r\n{SIGNED}");
    ask(address, &head, body.as_bytes()).await
}

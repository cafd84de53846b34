//! One kept-open HTTP/1.1 connection, with no more than Kinesis calls need.

use std::error::Error;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

/// How long a stream or table may take until it is ACTIVE.
const ACTIVE_WAIT_MAX: Duration = Duration::from_secs(30);

/// A whole request to Kinesis, ready to be sent.
pub(crate) fn request(operation: &str, body: &Value) -> Vec<u8> {
    to_service("kinesis", "Kinesis_20131202", operation, body)
}

/// A whole request to the service that is signed for by `scope` and addressed by `prefix`.
pub(crate) fn to_service(scope: &str, prefix: &str, operation: &str, body: &Value) -> Vec<u8> {
    let body = body.to_string();
    // DynamoDB and SQS speak JSON 1.0.
    let minor = u8::from(!matches!(scope, "dynamodb" | "sqs"));
    let head = format!(
        "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-amz-json-1.{minor}\r\n\
         X-Amz-Target: {prefix}.{operation}\r\nX-Amz-Date: 20260101T000000Z\r\n\
         Authorization: AWS4-HMAC-SHA256 Credential=load/20260101/us-east-1/{scope}/aws4_request, \
         SignedHeaders=host;x-amz-date, Signature=0\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    [head.into_bytes(), body.into_bytes()].concat()
}

/// A connection, opened anew where the server closes it after each answer.
pub(crate) struct Connection {
    address: SocketAddr,
    stream: BufReader<TcpStream>,
    is_closed: bool,
}

impl Connection {
    pub(crate) fn open(address: SocketAddr) -> io::Result<Self> {
        Ok(Self { address, stream: connect(address)?, is_closed: false })
    }

    /// Sends a request and reads the answer: its status and body.
    pub(crate) fn call(&mut self, request: &[u8]) -> io::Result<(u16, Vec<u8>)> {
        let Head { status, length, is_chunked } = self.begin(request)?;
        let mut body = Vec::new();
        if !is_chunked {
            body.resize(length, 0);
            self.stream.read_exact(&mut body)?;
            return Ok((status, body));
        }
        while self.read_chunk(&mut body)? {}
        Ok((status, body))
    }

    /// Asks by the request `describe` until the `thing` that it describes is ACTIVE.
    pub(crate) fn call_until_active(&mut self, describe: &[u8], thing: &str) -> Result<(), Box<dyn Error>> {
        let deadline = Instant::now() + ACTIVE_WAIT_MAX;
        loop {
            let (_, body) = self.call(describe)?;
            if String::from_utf8_lossy(&body).contains("\"ACTIVE\"") {
                return Ok(());
            }
            if Instant::now() > deadline {
                return Err(format!("the {thing} does not become ACTIVE").into());
            }
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Sends a request that is answered by an event stream.
    pub(crate) fn subscribe(mut self, request: &[u8]) -> io::Result<Subscription> {
        let head = self.begin(request)?;
        if head.status != 200 || !head.is_chunked {
            return Err(io::Error::other(format!("a subscription was answered with status {}", head.status)));
        }
        Ok(Subscription { connection: self, buffer: Vec::new() })
    }

    /// Sends a request and reads the head of the answer.
    fn begin(&mut self, request: &[u8]) -> io::Result<Head> {
        if self.is_closed {
            self.stream = connect(self.address)?;
            self.is_closed = false;
        }
        self.stream.get_mut().write_all(request)?;
        let mut head = Head { status: 0, length: 0, is_chunked: false };
        let mut line = String::new();
        loop {
            line.clear();
            if self.stream.read_line(&mut line)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let text = line.trim_end();
            if text.is_empty() {
                return Ok(head);
            }
            if let Some(rest) = text.strip_prefix("HTTP/1.1 ") {
                head.status = rest.get(..3).and_then(|code| code.parse().ok()).unwrap_or(0);
            } else if let Some((name, value)) = text.split_once(':') {
                if name.eq_ignore_ascii_case("content-length") {
                    head.length = value.trim().parse().map_err(|_| io::ErrorKind::InvalidData)?;
                } else if name.eq_ignore_ascii_case("transfer-encoding") {
                    head.is_chunked = value.trim().eq_ignore_ascii_case("chunked");
                } else if name.eq_ignore_ascii_case("connection") {
                    self.is_closed = value.trim().eq_ignore_ascii_case("close");
                }
            }
        }
    }

    /// Appends the next chunk to `body`; false at the last.
    fn read_chunk(&mut self, body: &mut Vec<u8>) -> io::Result<bool> {
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        let size = usize::from_str_radix(line.trim_end(), 16).map_err(|_| io::ErrorKind::InvalidData)?;
        let start = body.len();
        body.resize(start + size, 0);
        self.stream.read_exact(&mut body[start..])?;
        line.clear();
        self.stream.read_line(&mut line)?;
        Ok(size > 0)
    }
}

fn connect(address: SocketAddr) -> io::Result<BufReader<TcpStream>> {
    let stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    Ok(BufReader::with_capacity(64 << 10, stream))
}

/// What the head of an answer says.
struct Head {
    status: u16,
    length: usize,
    is_chunked: bool,
}

/// An event stream that goes on.
pub(crate) struct Subscription {
    connection: Connection,
    buffer: Vec<u8>,
}

impl Subscription {
    /// The next message, whole: a big-endian length of all of it comes first.
    pub(crate) fn next(&mut self) -> io::Result<Vec<u8>> {
        loop {
            if let Some((length, _)) = self.buffer.split_first_chunk::<4>() {
                let length = u32::from_be_bytes(*length) as usize;
                if self.buffer.len() >= length {
                    let rest = self.buffer.split_off(length);
                    return Ok(std::mem::replace(&mut self.buffer, rest));
                }
            }
            if !self.connection.read_chunk(&mut self.buffer)? {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }
}

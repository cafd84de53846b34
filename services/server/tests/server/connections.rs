//! Connections cost a bounded amount for a bounded time, whatever the client does or leaves undone.

use std::io::ErrorKind;
use std::time::Duration;

use anabranch::{App, Config, ConnectionLimits, Descriptors};
use anabranch_ports::{NewObject, ObjectWriter};
use axum::body::Bytes;
use axum::http::Request;
use http_body_util::{BodyExt, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::harness::{SIGNED, ask, call};

/// Longer than anything here takes, so that what never happens fails a test.
const PATIENCE: Duration = Duration::from_secs(30);
/// A limit that a test waits for.
const SOON: Duration = Duration::from_millis(300);
/// A limit that must not be met.
const NEVER: Duration = Duration::from_secs(3600);
/// More than the sockets' buffers take.
const LARGE: usize = 64 << 20;

fn patient() -> ConnectionLimits {
    ConnectionLimits {
        connections_max: 1000,
        first_byte_max: NEVER,
        handshake_max: NEVER,
        head_max: NEVER,
        idle_max: NEVER,
        body_part_max: NEVER,
        answer_stall_max: NEVER,
    }
}

async fn start(data: &std::path::Path, connections: ConnectionLimits) -> App {
    App::start(Config { data: data.into(), listen: ([127, 0, 0, 1], 0).into(), connections, ..Config::default() })
        .await
        .unwrap()
}

/// Sends `bytes`, and reads until the server closes.
async fn until_closed(app: &App, bytes: &[u8]) -> String {
    let mut socket = TcpStream::connect(app.address).await.unwrap();
    socket.write_all(bytes).await.unwrap();
    read_until_closed(&mut socket).await
}

async fn read_until_closed(socket: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    match tokio::time::timeout(PATIENCE, socket.read_to_end(&mut answer)).await.expect("the server closes") {
        Ok(_) => {}
        Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
    }
    String::from_utf8_lossy(&answer).into_owned()
}

async fn eventually(app: &App, line: &str) {
    let shown = async {
        loop {
            let metrics = ask(app.address, "GET /_anabranch/metrics HTTP/1.1", b"").await.text();
            if metrics.lines().any(|shown| shown == line) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, shown).await.unwrap_or_else(|_| panic!("never: {line}"));
}

#[tokio::test]
async fn who_says_nothing_is_closed() {
    let data = tempfile::tempdir().unwrap();
    let app = start(data.path(), ConnectionLimits { first_byte_max: SOON, ..patient() }).await;
    assert_eq!(until_closed(&app, b"").await, "");
    app.stop().await;
}

#[tokio::test]
async fn a_handshake_that_stops_is_closed() {
    let data = tempfile::tempdir().unwrap();
    let app = start(data.path(), ConnectionLimits { handshake_max: SOON, ..patient() }).await;
    assert_eq!(until_closed(&app, b"\x16\x03\x01\x02\x00\x01").await, "");
    app.stop().await;
}

#[tokio::test]
async fn a_head_that_stops_is_closed_first_or_later() {
    let data = tempfile::tempdir().unwrap();
    let app = start(data.path(), ConnectionLimits { head_max: SOON, ..patient() }).await;
    for begun in ["G", "GET /_anabranch/health HTTP/1.1\r\nHost: local"] {
        assert_eq!(until_closed(&app, begun.as_bytes()).await, "");
    }
    let whole = "GET /_anabranch/health HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let mut socket = TcpStream::connect(app.address).await.unwrap();
    socket.write_all(whole.as_bytes()).await.unwrap();
    assert!(socket.read_u8().await.unwrap() == b'H');
    socket.write_all(b"GET /_anab").await.unwrap();
    read_until_closed(&mut socket).await;
    app.stop().await;
}

#[tokio::test]
async fn a_connection_stays_open_for_the_next_request_and_not_for_ever() {
    let data = tempfile::tempdir().unwrap();
    let app = start(data.path(), ConnectionLimits { idle_max: SOON, ..patient() }).await;
    let request = "GET /_anabranch/health HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let answers = until_closed(&app, request.repeat(3).as_bytes()).await;
    assert_eq!(answers.matches("HTTP/1.1 200").count(), 3, "{answers}");
    app.stop().await;
}

#[tokio::test]
async fn a_body_that_stops_is_answered_and_closed() {
    let data = tempfile::tempdir().unwrap();
    let app = start(data.path(), ConnectionLimits { body_part_max: SOON, ..patient() }).await;
    app.services.objects.create_bucket("raw", "us-east-1").await.unwrap();
    let json = format!(
        "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-amz-json-1.0\r\n\
         X-Amz-Target: DynamoDB_20120810.ListTables\r\n{SIGNED}\r\nContent-Length: 100\r\n\r\n{{"
    );
    let answer = until_closed(&app, json.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 408") && answer.contains("RequestTimeoutException"), "{answer}");
    for request in ["PUT /raw/key", "POST /_aws/execute-api/a/b", "POST /2015-03-31/functions/f/invocations"] {
        let head = format!("{request} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nx");
        let answer = until_closed(&app, head.as_bytes()).await;
        assert!(!answer.starts_with("HTTP/1.1 2"), "{request}: {answer}");
    }
    app.stop().await;
}

async fn with_large_object(app: &App) {
    app.services.objects.create_bucket("raw", "us-east-1").await.unwrap();
    let new = NewObject { body: Bytes::from(vec![7; LARGE]), ..NewObject::default() };
    app.services.objects.put_object("raw", "large", new).await.unwrap();
}

#[tokio::test]
async fn an_answer_that_nobody_takes_is_cut_off() {
    let data = tempfile::tempdir().unwrap();
    let app = start(data.path(), ConnectionLimits { answer_stall_max: SOON, ..patient() }).await;
    with_large_object(&app).await;
    let mut socket = TcpStream::connect(app.address).await.unwrap();
    socket.write_all(b"GET /raw/large HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    // The connection that asks for the metrics is the only one left.
    eventually(&app, "anabranch_connections 1").await;
    let mut taken = Vec::new();
    let _ = socket.read_to_end(&mut taken).await;
    assert!(taken.len() < LARGE, "{} bytes", taken.len());
    app.stop().await;
}

async fn connect_http_2(app: &App) -> hyper::client::conn::http2::SendRequest<Full<Bytes>> {
    let socket = TokioIo::new(TcpStream::connect(app.address).await.unwrap());
    let (sender, connection) = hyper::client::conn::http2::handshake(TokioExecutor::new(), socket).await.unwrap();
    tokio::spawn(connection);
    sender
}

fn get(app: &App, path: &str) -> Request<Full<Bytes>> {
    Request::get(format!("{}{path}", app.base_url)).body(Full::default()).unwrap()
}

#[tokio::test]
async fn a_stream_that_nobody_takes_is_cut_off_and_its_neighbours_go_on() {
    let data = tempfile::tempdir().unwrap();
    let app = start(data.path(), ConnectionLimits { answer_stall_max: SOON, ..patient() }).await;
    with_large_object(&app).await;
    let mut sender = connect_http_2(&app).await;
    let mut unread = sender.send_request(get(&app, "/raw/large")).await.unwrap().into_body();
    unread.frame().await.unwrap().unwrap();
    // Some time later the client goes on: what it did not take in time is gone.
    tokio::time::sleep(4 * SOON).await;
    let neighbour = sender.send_request(get(&app, "/_anabranch/health")).await.unwrap();
    assert_eq!(neighbour.status(), 200);
    let rest = tokio::time::timeout(PATIENCE, unread.collect()).await.expect("an end");
    assert!(rest.is_err(), "the stream was reset");
    let whole = sender.send_request(get(&app, "/raw/large")).await.unwrap().into_body().collect().await.unwrap();
    assert_eq!(whole.to_bytes().len(), LARGE, "who reads gets all");
    app.stop().await;
}

#[tokio::test]
async fn idle_connections_of_http_2_end_too() {
    let data = tempfile::tempdir().unwrap();
    let app = start(data.path(), ConnectionLimits { idle_max: SOON, ..patient() }).await;
    let mut sender = connect_http_2(&app).await;
    for _ in 0..2 {
        let answer = sender.send_request(get(&app, "/_anabranch/health")).await.unwrap();
        answer.into_body().collect().await.unwrap();
    }
    eventually(&app, "anabranch_connections 1").await;
    assert!(sender.send_request(get(&app, "/_anabranch/health")).await.is_err());
    app.stop().await;
}

#[tokio::test]
async fn idle_connections_make_room_for_new_ones() {
    let data = tempfile::tempdir().unwrap();
    let app = start(data.path(), ConnectionLimits { connections_max: 4, ..patient() }).await;
    let mut sockets = Vec::new();
    for _ in 0..20 {
        let mut socket = TcpStream::connect(app.address).await.unwrap();
        socket.write_all(b"GET /_anabranch/health HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
        assert_eq!(tokio::time::timeout(PATIENCE, socket.read_u8()).await.unwrap().unwrap(), b'H');
        sockets.push(socket);
    }
    // The first was idle for longest.
    read_until_closed(&mut sockets[0]).await;
    app.stop().await;
}

#[tokio::test]
async fn with_busy_connections_only_a_new_one_is_told_so() {
    let data = tempfile::tempdir().unwrap();
    let app = start(data.path(), ConnectionLimits { connections_max: 2, ..patient() }).await;
    let busy = format!(
        "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-amz-json-1.0\r\n\
         X-Amz-Target: DynamoDB_20120810.ListTables\r\n{SIGNED}\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"
    );
    let mut sockets = Vec::new();
    for _ in 0..2 {
        let mut socket = TcpStream::connect(app.address).await.unwrap();
        socket.write_all(busy.as_bytes()).await.unwrap();
        assert_eq!(socket.read_u8().await.unwrap(), b'H', "it is waited for the body");
        sockets.push(socket);
    }
    let refused = until_closed(&app, b"GET /_anabranch/health HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    assert!(refused.starts_with("HTTP/1.1 503") && refused.contains("Connection: close"), "{refused}");
    sockets[0].write_all(b"{}").await.unwrap();
    sockets.truncate(1);
    let mut answer = vec![0; 4096];
    let length = sockets[0].read(&mut answer).await.unwrap();
    assert!(length > 0);
    assert_eq!(call(app.address, "DynamoDB_20120810.ListTables", "{}").await.status, 200);
    app.stop().await;
}

#[tokio::test]
async fn connections_have_a_share_of_the_descriptors_only() {
    let data = tempfile::tempdir().unwrap();
    let descriptors = Descriptors { connections_max: 1, ..Descriptors::of(1024) };
    let config = Config {
        data: data.path().into(),
        listen: ([127, 0, 0, 1], 0).into(),
        connections: patient(),
        descriptors,
        ..Config::default()
    };
    let app = App::start(config).await.unwrap();
    let mut first = TcpStream::connect(app.address).await.unwrap();
    first.write_all(b"GET /_anabranch/health HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    first.read_u8().await.unwrap();
    assert_eq!(ask(app.address, "GET /_anabranch/health HTTP/1.1", b"").await.status, 200);
    read_until_closed(&mut first).await;
    app.stop().await;
}

#[tokio::test]
async fn stopping_waits_for_answers_and_for_nobody_idle() {
    let data = tempfile::tempdir().unwrap();
    let app = start(data.path(), patient()).await;
    let silent = TcpStream::connect(app.address).await.unwrap();
    let mut begun = TcpStream::connect(app.address).await.unwrap();
    begun.write_all(b"GET /").await.unwrap();
    let _http_2 = connect_http_2(&app).await;
    call(app.address, "DynamoDB_20120810.ListTables", "{}").await;
    tokio::time::timeout(Duration::from_secs(9), app.stop()).await.expect("before answers would be cut off");
    drop((silent, begun));
}

#[tokio::test]
async fn streams_that_are_reset_at_once_end_the_connection() {
    let data = tempfile::tempdir().unwrap();
    let app = start(data.path(), patient()).await;
    let mut socket = TcpStream::connect(app.address).await.unwrap();
    let mut flood = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00".to_vec();
    for stream in (1..2001_u32).step_by(2) {
        // GET http / of a host that the table has no entry for: HPACK's static indexes 2, 6 and 4.
        let fields = b"\x82\x86\x84\x41\x09localhost";
        flood.extend([0, 0, fields.len() as u8, 1, 5]);
        flood.extend(stream.to_be_bytes());
        flood.extend(fields);
        flood.extend([0, 0, 4, 3, 0]);
        flood.extend(stream.to_be_bytes());
        flood.extend(8_u32.to_be_bytes());
    }
    // It may be closed before all is written.
    let _ = socket.write_all(&flood).await;
    read_until_closed(&mut socket).await;
    assert_eq!(call(app.address, "DynamoDB_20120810.ListTables", "{}").await.status, 200);
    app.stop().await;
}

#[tokio::test]
async fn large_requests_are_answered_as_small_ones_are() {
    let data = tempfile::tempdir().unwrap();
    let app = start(data.path(), patient()).await;
    let body = format!("{{\"Limit\": 10{}}}", " ".repeat(1 << 20));
    let answers = futures::future::join_all((0..16).map(|_| call(app.address, "DynamoDB_20120810.ListTables", &body)));
    for answer in answers.await {
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    let wrong = format!("{{\"Limit\": \"many\"{}}}", " ".repeat(1 << 20));
    call(app.address, "DynamoDB_20120810.ListTables", &wrong).await.assert_error(400, "SerializationException", "");
    app.stop().await;
}

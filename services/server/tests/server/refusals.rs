//! Requests that are wrong get the AWS exception that a client expects, and never a hang.

use crate::harness::{SIGNED, ask, call, send, start};

const JSON: &str = "Content-Type: application/x-amz-json-1.0";

#[tokio::test]
async fn malformed_json() {
    let data = tempfile::tempdir().unwrap();
    let app = start(data.path()).await;
    for body in ["{", "{\"TableName\":", "[]", "nonsense", "\"text\"", "{\"Limit\": \"many\"}", "\u{0}"] {
        let answer = call(app.address, "DynamoDB_20120810.ListTables", body).await;
        assert_eq!(answer.status, 400, "{body}: {answer:?}");
        assert!(answer.json()["__type"].as_str().unwrap().ends_with("Exception"), "{body}: {answer:?}");
    }
    app.stop().await;
}

#[tokio::test]
async fn wrong_targets() {
    let data = tempfile::tempdir().unwrap();
    let app = start(data.path()).await;
    for target in ["DynamoDB_20120810.MakeTable", "Nothing_20200101.List", "ListTables", ".", "DynamoDB_20120810."] {
        call(app.address, target, "{}").await.assert_error(400, "UnknownOperationException", "");
    }
    let without = ask(app.address, &format!("POST / HTTP/1.1\r\n{JSON}\r\n{SIGNED}"), b"{}").await;
    without.assert_error(400, "UnknownOperationException", "X-Amz-Target");
    let target = "X-Amz-Target: DynamoDB_20120810.ListTables";
    let get = ask(app.address, &format!("GET / HTTP/1.1\r\n{JSON}\r\n{target}\r\n{SIGNED}"), b"").await;
    get.assert_error(400, "UnknownOperationException", "POST");
    app.stop().await;
}

#[tokio::test]
async fn missing_credentials() {
    let data = tempfile::tempdir().unwrap();
    let app = start(data.path()).await;
    let head = format!("POST / HTTP/1.1\r\n{JSON}\r\nX-Amz-Target: DynamoDB_20120810.ListTables");
    let answer = ask(app.address, &head, b"{}").await;
    answer.assert_error(400, "MissingAuthenticationTokenException", "Missing Authentication Token");
    app.stop().await;
}

#[tokio::test]
async fn encodings_that_are_not_offered_are_named() {
    let data = tempfile::tempdir().unwrap();
    let app = start(data.path()).await;
    let target = "X-Amz-Target: DynamoDB_20120810.ListTables";
    for (headers, named) in [
        ("Content-Type: application/x-amz-cbor-1.1", "application/x-amz-cbor-1.1"),
        ("Content-Type: text/plain; charset=utf-8", "text/plain"),
        ("Accept: */*", "no Content-Type"),
        ("Content-Type: application/x-amz-json-1.0\r\nContent-Encoding: br", "Content-Encoding br"),
    ] {
        let answer = ask(app.address, &format!("POST / HTTP/1.1\r\n{headers}\r\n{target}\r\n{SIGNED}"), b"{}").await;
        answer.assert_error(400, "SerializationException", named);
    }
    app.stop().await;
}

#[tokio::test]
async fn what_aws_does_not_take_for_a_request() {
    let data = tempfile::tempdir().unwrap();
    let app = start(data.path()).await;
    let post = |target: &str, content_type: &str| {
        format!("POST / HTTP/1.1\r\nContent-Type: {content_type}\r\nX-Amz-Target: {target}\r\n{SIGNED}")
    };
    for target in
        ["DynamoDB_20120810.ListTables", "Kinesis_20131202.ListStreams", "Firehose_20150804.ListDeliveryStreams"]
    {
        let without = ask(app.address, &post(target, "application/x-amz-json-1.1"), b"").await;
        without.assert_error(400, "SerializationException", "no body");
    }
    let plain = post("Kinesis_20131202.ListStreams", "application/json");
    for body in [&b"{}"[..], b""] {
        ask(app.address, &plain, body).await.assert_error(400, "SerializationException", "application/json");
    }
    let plain = post("DynamoDB_20120810.ListTables", "application/json");
    assert_eq!(ask(app.address, &plain, b"{}").await.status, 200);
    app.stop().await;
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_with_an_answer() {
    let data = tempfile::tempdir().unwrap();
    let app = start(data.path()).await;
    let body = vec![b' '; (16 << 20) + 1];
    let head = format!("POST / HTTP/1.1\r\n{JSON}\r\nX-Amz-Target: DynamoDB_20120810.ListTables\r\n{SIGNED}");
    let answer = ask(app.address, &head, &body).await;
    answer.assert_error(413, "RequestEntityTooLargeException", "16777216 bytes");
    let mut chunked =
        format!("{head}\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n").into_bytes();
    for part in body.chunks(1 << 20) {
        chunked.extend_from_slice(format!("{:x}\r\n", part.len()).as_bytes());
        chunked.extend_from_slice(part);
        chunked.extend_from_slice(b"\r\n");
    }
    chunked.extend_from_slice(b"0\r\n\r\n");
    let answer = send(app.address, &chunked).await;
    answer.assert_error(413, "RequestEntityTooLargeException", "16777216 bytes");
    app.stop().await;
}

#[tokio::test]
async fn a_body_that_breaks_off_leaves_the_server_well() {
    let data = tempfile::tempdir().unwrap();
    let app = start(data.path()).await;
    let head = format!(
        "POST / HTTP/1.1\r\nHost: localhost\r\n{JSON}\r\nX-Amz-Target: DynamoDB_20120810.ListTables\r\n{SIGNED}\r\nContent-Length: 100\r\n\r\n{{"
    );
    let mut stream = tokio::net::TcpStream::connect(app.address).await.unwrap();
    tokio::io::AsyncWriteExt::write_all(&mut stream, head.as_bytes()).await.unwrap();
    drop(stream);
    assert_eq!(call(app.address, "DynamoDB_20120810.ListTables", "{}").await.status, 200);
    app.stop().await;
}

#[tokio::test]
async fn services_that_are_not_offered_are_named() {
    let data = tempfile::tempdir().unwrap();
    let app = start(data.path()).await;
    let authorization = SIGNED.replace("dynamodb", "iam");
    let head = format!("POST / HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded\r\n{authorization}");
    let answer = ask(app.address, &head, b"Action=ListUsers&Version=2010-05-08").await;
    assert_eq!(answer.status, 400);
    assert!(answer.text().contains("does not offer the service iam"), "{answer:?}");
    app.stop().await;
}

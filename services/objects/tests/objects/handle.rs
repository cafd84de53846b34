//! Literal requests to the service and their answers.

use std::sync::Arc;

use crate::common::{data_files, get, open, put, send, text, until_no_data_files};
use anabranch_control::{ControlStore, Stored, Table};
use anabranch_objects::{NotificationRule, Notifications, Objects};
use anabranch_ports::{Delivery, PortError, PortErrorKind, Target};
use anabranch_protocol::{ManualClock, ProblemKind};
use async_trait::async_trait;
use axum::body::Body;
use http::{Method, Request};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tokio::sync::{mpsc, watch};

#[tokio::test]
async fn a_read_in_flight_survives_replacing_and_deleting() {
    let directory = tempfile::tempdir().unwrap();
    let objects = open(directory.path(), None);
    put(&objects, "/bucket", b"").await;
    let old = vec![b'o'; 3 << 20];
    assert_eq!(put(&objects, "/bucket/key", &old).await, 200);
    let replaced = send(&objects, Method::GET, "/bucket/key", &[], b"").await;
    assert_eq!(put(&objects, "/bucket/key", b"new").await, 200);
    assert_eq!(replaced.into_body().collect().await.unwrap().to_bytes(), old);
    let deleted = send(&objects, Method::GET, "/bucket/key", &[], b"").await;
    assert_eq!(send(&objects, Method::DELETE, "/bucket/key", &[], b"").await.status(), 204);
    assert_eq!(text(deleted).await.1, "new");
    until_no_data_files(directory.path()).await;
}

#[tokio::test]
async fn ranges_and_conditions() {
    let directory = tempfile::tempdir().unwrap();
    let objects = open(directory.path(), None);
    put(&objects, "/bucket", b"").await;
    put(&objects, "/bucket/key", b"0123456789").await;
    put(&objects, "/bucket/empty", b"").await;
    for (range, status, expected) in
        [("bytes=2-4", 206, "234"), ("bytes=-3", 206, "789"), ("bytes=7-", 206, "789"), ("bytes=8-99", 206, "89")]
    {
        assert_eq!(get(&objects, "/bucket/key", &[("range", range)]).await, (status, expected.into()), "{range}");
    }
    for (uri, range) in [("/bucket/key", "bytes=10-"), ("/bucket/empty", "bytes=-1"), ("/bucket/empty", "bytes=0-")] {
        assert_eq!(get(&objects, uri, &[("range", range)]).await.0, 416, "{uri} {range}");
    }
    let etag = "\"781e5e245d69b566979b86e28d23f2c7\"";
    assert_eq!(get(&objects, "/bucket/key", &[("if-none-match", etag)]).await.0, 304);
    assert_eq!(get(&objects, "/bucket/key", &[("if-match", "\"other\"")]).await.0, 412);
    let copy = [("x-amz-copy-source", "/bucket/key"), ("x-amz-copy-source-if-none-match", etag)];
    assert_eq!(send(&objects, Method::PUT, "/bucket/copy", &copy, b"").await.status(), 412);
}

#[tokio::test]
async fn what_is_not_supported_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let objects = open(directory.path(), None);
    put(&objects, "/bucket", b"").await;
    let cases: [(&str, &[(&str, &str)]); 3] = [
        ("/bucket/key", &[("x-amz-tagging", "a=b")]),
        ("/bucket/key", &[("x-amz-object-lock-legal-hold", "ON")]),
        ("/bucket/key?tagging", &[]),
    ];
    for (uri, headers) in cases {
        let (status, body) = text(send(&objects, Method::PUT, uri, headers, b"x").await).await;
        assert!(status >= 400 && body.contains("<Error>"), "{uri}: {status} {body}");
    }
    let form = [("content-type", "multipart/form-data; boundary=b")];
    let fields = b"--b\r\nContent-Disposition: form-data; name=\"key\"\r\n\r\nkey\r\n--b\r\n\
                   Content-Disposition: form-data; name=\"file\"; filename=\"f\"\r\n\r\nx\r\n--b--\r\n";
    let (status, body) = text(send(&objects, Method::POST, "/bucket", &form, fields).await).await;
    assert!(status == 501 && body.contains("HTML forms"), "{status} {body}");
    assert_eq!(get(&objects, "/bucket/key", &[]).await.0, 404);
    put(&objects, "/bucket/key", b"x").await;
    let (status, body) = get(&objects, "/bucket/key?versionId=1", &[]).await;
    assert!(status == 501 && body.contains("versions"), "{status} {body}");
}

#[tokio::test]
async fn a_body_cut_short_leaves_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let objects = open(directory.path(), None);
    put(&objects, "/bucket", b"").await;
    let body = futures::stream::iter([Ok("part"), Err(std::io::Error::other("gone"))]);
    let request =
        Request::put("/bucket/key").header("host", "x").header("content-length", 99).body(Body::from_stream(body));
    assert!(objects.handle(request.unwrap()).await.status().as_u16() >= 400);
    let pending = Request::put("/bucket/key").header("host", "x").header("content-length", 99);
    let pending = pending.body(Body::from_stream(futures::stream::pending::<Result<&str, std::io::Error>>())).unwrap();
    let waited = tokio::time::timeout(std::time::Duration::from_millis(100), objects.handle(pending)).await;
    assert!(waited.is_err(), "it waits for the body");
    assert_eq!(data_files(directory.path()), 0);
    assert_eq!(get(&objects, "/bucket/key", &[]).await.0, 404);
}

struct Channel(mpsc::UnboundedSender<Value>);

#[async_trait]
impl Target for Channel {
    async fn check(&self, _: &str) -> Result<(), PortError> {
        Ok(())
    }

    async fn deliver(&self, _: &str, delivery: Delivery) -> Result<(), PortError> {
        self.0.send(serde_json::from_slice(&delivery.payload).unwrap()).unwrap();
        Ok(())
    }
}

#[tokio::test]
async fn notifications_wait_over_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let objects = open(directory.path(), None);
    objects.create_bucket("bucket", "us-east-1").await.unwrap();
    let rule = NotificationRule {
        id: "rule".into(),
        target_arn: "arn:aws:lambda:us-east-1:000000000000:function:transform".into(),
        events: vec!["s3:ObjectCreated:*".into()],
        prefix: "raw/".into(),
        suffix: String::new(),
    };
    objects
        .put_notification_configuration("bucket", Notifications { rules: vec![rule], event_bridge: false })
        .await
        .unwrap();
    for key in ["raw/1", "other", "raw/2"] {
        assert_eq!(put(&objects, &format!("/bucket/{key}"), b"x").await, 200);
    }
    objects.shutdown().await;
    drop(objects);
    let (sender, mut events) = mpsc::unbounded_channel();
    let objects = open(directory.path(), Some(Arc::new(Channel(sender))));
    let mut key = async || events.recv().await.unwrap()["Records"][0]["s3"]["object"]["key"].clone();
    let both = [key().await, key().await];
    assert!(both.contains(&"raw/1".into()) && both.contains(&"raw/2".into()), "none lost, none else: {both:?}");
    assert_eq!(put(&objects, "/bucket/raw/3", b"x").await, 200);
    assert_eq!(key().await, "raw/3");
}

#[tokio::test]
async fn what_an_earlier_version_left_is_delivered() {
    let directory = tempfile::tempdir().unwrap();
    open(directory.path(), None).shutdown().await;
    let index = ControlStore::open(&directory.path().join("index.redb")).unwrap();
    let event = json!({ "Records": [{ "s3": { "bucket": { "name": "bucket" } } }] });
    let arn = "arn:aws:lambda:us-east-1:000000000000:function:f";
    let row = OldEntry { target_arn: arn.into(), event: event.clone() };
    index.put(Table("outbox"), "00000000000000000001/000", &row).unwrap();
    index.close();
    let (sender, mut events) = mpsc::unbounded_channel();
    let objects = open(directory.path(), Some(Arc::new(Channel(sender))));
    assert_eq!(events.recv().await.unwrap(), event);
    objects.shutdown().await;
}

/// A notification as version 1 of the program kept it.
#[derive(serde::Serialize, serde::Deserialize)]
struct OldEntry {
    target_arn: String,
    event: Value,
}

impl Stored for OldEntry {
    const KIND: &'static str = "outbox_entry";
    const VERSION: u32 = 1;
}

#[tokio::test]
async fn stored_pages_are_confined_and_cors_rules_answered() {
    let directory = tempfile::tempdir().unwrap();
    let objects = open(directory.path(), None);
    put(&objects, "/bucket", b"").await;
    let page = [("content-type", "text/html"), ("x-amz-meta-content-security-policy", "none")];
    assert_eq!(send(&objects, Method::PUT, "/bucket/page.html", &page, b"<script>").await.status(), 200);
    for uri in ["/bucket/page.html", "/bucket/page.html?response-content-type=text/html", "/bucket/absent", "/absent/x"]
    {
        for method in [Method::GET, Method::HEAD] {
            let answer = send(&objects, method.clone(), uri, &[], b"").await;
            assert_eq!(answer.headers()["content-security-policy"], "sandbox", "{method} {uri}");
            assert_eq!(answer.headers()["x-content-type-options"], "nosniff", "{method} {uri}");
        }
    }
    assert!(get(&objects, "/bucket?cors", &[]).await.1.contains("NoSuchCORSConfiguration"));
    let rules = "<CORSConfiguration><CORSRule><AllowedOrigin>https://a.example</AllowedOrigin>\
                 <AllowedMethod>GET</AllowedMethod><ExposeHeader>ETag</ExposeHeader></CORSRule></CORSConfiguration>";
    assert_eq!(put(&objects, "/bucket?cors", rules.as_bytes()).await, 200);
    assert!(get(&objects, "/bucket?cors", &[]).await.1.contains("<AllowedOrigin>https://a.example</AllowedOrigin>"));
    let from = ("origin", "https://a.example");
    let read = send(&objects, Method::GET, "/bucket/page.html", &[from], b"").await;
    assert_eq!(read.headers()["access-control-allow-origin"], "https://a.example");
    assert_eq!(read.headers()["access-control-expose-headers"], "ETag");
    let other = send(&objects, Method::GET, "/bucket/page.html", &[("origin", "https://b.example")], b"").await;
    assert!(!other.headers().contains_key("access-control-allow-origin"));
    let asked = [from, ("access-control-request-method", "GET")];
    assert_eq!(send(&objects, Method::OPTIONS, "/bucket/page.html", &asked, b"").await.status(), 200);
    let asked = [from, ("access-control-request-method", "PUT")];
    let (status, body) = text(send(&objects, Method::OPTIONS, "/bucket/page.html", &asked, b"").await).await;
    assert!(status == 403 && body.contains("<ResourceType>OBJECT</ResourceType>"), "{status} {body}");
    assert!(objects.allows_origin("bucket", "https://a.example", "GET").await);
    assert!(!objects.allows_origin("bucket", "https://a.example", "PUT").await);
    assert!(!objects.allows_origin("absent", "https://a.example", "GET").await);
    assert_eq!(send(&objects, Method::DELETE, "/bucket?cors", &[], b"").await.status(), 204);
    assert!(!objects.allows_origin("bucket", "https://a.example", "GET").await);
}

/// Takes events once it is let.
struct Gate(watch::Receiver<bool>);

#[async_trait]
impl Target for Gate {
    async fn check(&self, _: &str) -> Result<(), PortError> {
        Ok(())
    }

    async fn deliver(&self, _: &str, _: Delivery) -> Result<(), PortError> {
        let busy = || PortError::new(PortErrorKind::Unavailable, "ServiceUnavailable", "no room for it");
        if *self.0.borrow() { Ok(()) } else { Err(busy()) }
    }
}

#[tokio::test]
async fn a_notification_that_waits_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let (open_gate, gate) = watch::channel(false);
    let clock = Arc::new(ManualClock::new(1_763_000_000_000));
    let objects = Objects::open(directory.path(), clock.clone(), Some(Arc::new(Gate(gate)))).unwrap();
    objects.create_bucket("bucket", "us-east-1").await.unwrap();
    let rule = NotificationRule {
        id: "rule".into(),
        target_arn: "arn:aws:lambda:us-east-1:000000000000:function:gone".into(),
        events: vec!["s3:ObjectCreated:*".into()],
        prefix: String::new(),
        suffix: String::new(),
    };
    objects
        .put_notification_configuration("bucket", Notifications { rules: vec![rule], event_bridge: false })
        .await
        .unwrap();
    assert!(objects.problems().is_empty());
    put(&objects, "/bucket/key", b"x").await;
    let until = async |count: usize| {
        while objects.problems().len() != count {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        objects.problems()
    };
    let problem = until(1).await.remove(0);
    assert_eq!(problem.kind, ProblemKind::StuckDelivery);
    for part in ["2025-11-13T02:13:20Z", "function:gone", "no room for it"] {
        assert!(problem.to_string().contains(part), "{problem}");
    }
    open_gate.send_replace(true);
    clock.fast_forward(std::time::Duration::from_millis(100), until(0)).await;
}

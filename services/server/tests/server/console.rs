//! Health, metrics and the console page.

use anabranch::{App, Config};
use anabranch_ports::{NewObject, ObjectWriter};
use anabranch_storage::FlushPolicy;
use axum::body::Bytes;
use axum::http::Version;
use http_body_util::Empty;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

use crate::harness::{ask, call, start};

#[tokio::test]
async fn health_names_every_service_and_what_can_be_lost() {
    let data = tempfile::tempdir().unwrap();
    let config = Config {
        data: data.path().into(),
        listen: ([127, 0, 0, 1], 0).into(),
        flush: FlushPolicy::Interval(std::time::Duration::from_millis(50)),
        ..Config::default()
    };
    let app = App::start(config).await.unwrap();
    let answer = ask(app.address, "GET /_anabranch/health HTTP/1.1", b"").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let health = answer.json();
    assert_eq!(health["status"], "running");
    assert_eq!(health["flush"]["policy"], "interval=50");
    assert!(health["flush"]["power_loss"].as_str().unwrap().contains("last 50 ms"));
    for service in ["kinesis", "firehose", "lambda", "apigateway", "s3", "dynamodb"] {
        assert_eq!(health["services"][service]["status"], "running", "{service}");
    }
    app.stop().await;
}

#[tokio::test]
async fn what_is_wrong_shows_everywhere() {
    let data = tempfile::tempdir().unwrap();
    let app = start(data.path()).await;
    app.services.objects.create_bucket("raw", "us-east-1").await.unwrap();
    let new = NewObject { body: Bytes::from(vec![7; 100_000]), ..NewObject::default() };
    app.services.objects.put_object("raw", "key", new).await.unwrap();
    let page = ask(app.address, "GET /_anabranch/ HTTP/1.1", b"").await.text();
    assert!(page.contains("all well"), "{page}");

    // The object's bytes go, as on a disk that loses them.
    remove_files(&data.path().join("objects/data"));
    let lost = ask(app.address, "GET /raw/key HTTP/1.1", b"").await;
    assert_eq!(lost.status, 500, "{lost:?}");
    let health = ask(app.address, "GET /_anabranch/health HTTP/1.1", b"").await;
    assert_eq!(health.status, 503, "{health:?}");
    let health = health.json();
    assert_eq!((&health["status"], &health["services"]["s3"]["status"]), (&"failing".into(), &"failing".into()));
    let problem = &health["services"]["s3"]["problems"][0];
    assert_eq!((&problem["kind"], &problem["resource"]), (&"missing".into(), &"raw/key".into()), "{health}");
    assert!(health["services"]["s3"]["reason"].as_str().unwrap().starts_with("raw/key: "), "{health}");
    assert_eq!(health["services"]["kinesis"]["status"], "running");
    let metrics = ask(app.address, "GET /_anabranch/metrics HTTP/1.1", b"").await.text();
    for line in [
        r#"anabranch_problems{service="s3",kind="missing"} 1"#,
        r#"anabranch_problems{service="s3",kind="poisoned"} 0"#,
        r#"anabranch_problems{service="kinesis",kind="missing"} 0"#,
    ] {
        assert!(metrics.lines().any(|shown| shown == line), "{line}: {metrics}");
    }
    let page = ask(app.address, "GET /_anabranch/ HTTP/1.1", b"").await.text();
    assert!(page.contains("Problems") && page.contains("raw/key") && page.contains("missing"), "{page}");
    app.stop().await;
}

fn remove_files(directory: &std::path::Path) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            remove_files(&entry.path());
        } else {
            std::fs::remove_file(entry.path()).unwrap();
        }
    }
}

#[tokio::test]
async fn http_2_is_spoken_on_the_same_port() {
    let data = tempfile::tempdir().unwrap();
    let app = start(data.path()).await;
    let client: Client<HttpConnector, Empty<Bytes>> =
        Client::builder(TokioExecutor::new()).http2_only(true).build_http();
    let response = client.get(format!("{}/_anabranch/health", app.base_url).parse().unwrap()).await.unwrap();
    assert_eq!((response.version(), response.status().as_u16()), (Version::HTTP_2, 200));
    app.stop().await;
}

#[tokio::test]
async fn metrics_count_by_service_operation_and_status() {
    let data = tempfile::tempdir().unwrap();
    let app = start(data.path()).await;
    call(app.address, "DynamoDB_20120810.ListTables", "{}").await;
    call(app.address, "DynamoDB_20120810.MadeUp7", "{}").await;
    call(app.address, "MadeUp8_20200101.List", "{}").await;
    let text = ask(app.address, "GET /_anabranch/metrics HTTP/1.1", b"").await.text();
    let counted = r#"anabranch_requests_total{service="dynamodb",operation="ListTables",status="200"}"#;
    assert!(text.contains(counted), "{text}");
    assert!(
        text.contains(r#"anabranch_request_duration_seconds_bucket{service="dynamodb",operation="ListTables",le="#)
    );
    assert!(text.contains("process_resident_memory_bytes "));
    assert!(!text.contains("MadeUp"), "what clients make up is no label: {text}");
    app.stop().await;
}

#[tokio::test]
async fn the_console_lists_what_there_is() {
    let data = tempfile::tempdir().unwrap();
    let app = start(data.path()).await;
    let table = r#"{"TableName": "sessions", "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}]}"#;
    call(app.address, "DynamoDB_20120810.CreateTable", table).await;
    let page = ask(app.address, "GET /_anabranch/ HTTP/1.1", b"").await;
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")));
    assert!(page.text().contains("sessions") && page.text().contains(&app.base_url));
    let root = ask(app.address, "GET / HTTP/1.1\r\nAccept: text/html", b"").await;
    assert_eq!((root.status, root.header("location")), (303, Some("/_anabranch/")));
    assert_eq!(ask(app.address, "GET /_anabranch/nothing HTTP/1.1", b"").await.status, 404);
    app.stop().await;
}

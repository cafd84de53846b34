//! A new service moves in by a file of its own (`notes.rs`) and a line in the list of services.

use std::net::SocketAddr;
use std::sync::Arc;

use anabranch::{App, Config};

use crate::harness::{Answer, SIGNED, ask, call};
use crate::notes::Notes;

async fn start_with_notes(data: &std::path::Path) -> App {
    let config = Config { data: data.into(), listen: ([127, 0, 0, 1], 0).into(), ..Config::default() };
    App::start_with(config, vec![Arc::new(Notes::default())]).await.unwrap()
}

async fn query(address: SocketAddr, form: &str) -> Answer {
    let signed = SIGNED.replace("dynamodb", "notes");
    let head = format!("POST / HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded; charset=utf-8\r\n{signed}");
    ask(address, &head, form.as_bytes()).await
}

#[tokio::test]
async fn what_is_put_by_one_wire_is_read_by_the_other() {
    let data = tempfile::tempdir().unwrap();
    let app = start_with_notes(data.path()).await;
    let put =
        call(app.address, "Notes_20261121.PutNote", r#"{"Name": "a", "Text": "<one>", "Labels": ["x", "y"]}"#).await;
    assert_eq!((put.status, put.body.len()), (200, 0), "{put:?}");
    let put = query(app.address, "Action=PutNote&Version=2026-11-21&Name=b&Text=two&Labels.member.1=z").await;
    assert_eq!((put.status, put.header("content-type")), (200, Some("text/xml")), "{put:?}");
    assert!(put.text().contains("<PutNoteResponse xmlns=\"http://notes.test/doc/\"><ResponseMetadata><RequestId>"));

    let listed = query(app.address, "Action=ListNotes&Version=2026-11-21").await.text();
    let expected = "<ListNotesResult><Notes>\
        <member><Name>a</Name><Text>&lt;one&gt;</Text><Labels><member>x</member><member>y</member></Labels></member>\
        <member><Name>b</Name><Text>two</Text><Labels><member>z</member></Labels></member></Notes></ListNotesResult>";
    assert!(listed.contains(expected), "{listed}");
    let got = call(app.address, "Notes_20261121.GetNote", r#"{"Name": "b"}"#).await;
    assert_eq!(got.json(), serde_json::json!({"Name": "b", "Text": "two", "Labels": ["z"]}));
    app.stop().await;
}

#[tokio::test]
async fn errors_have_the_form_of_the_wire() {
    let data = tempfile::tempdir().unwrap();
    let app = start_with_notes(data.path()).await;
    call(app.address, "Notes_20261121.GetNote", r#"{"Name": "b"}"#).await.assert_error(400, "NoSuchNote", "no note b");
    call(app.address, "Notes_20261121.DeleteNote", "{}").await.assert_error(
        400,
        "UnknownOperationException",
        "does not support the operation DeleteNote of Notes",
    );
    call(app.address, "Notes_20261121.Sing", "{}").await.assert_error(400, "UnknownOperationException", "Sing");
    for (form, code) in [
        ("Action=GetNote&Version=2026-11-21&Name=b", "NoSuchNote"),
        ("Action=DeleteNote&Version=2026-11-21", "InvalidAction"),
        ("Action=Sing&Version=2026-11-21", "InvalidAction"),
        ("Version=2026-11-21", "MissingAction"),
        ("Action=PutNote&Version=2026-11-21&Name=b&Text.x=1", "MalformedInput"),
    ] {
        let refused = query(app.address, form).await;
        assert_eq!(refused.status, 400, "{form}: {refused:?}");
        assert!(refused.text().contains(&format!("<Type>Sender</Type><Code>{code}</Code>")), "{form}: {refused:?}");
        assert!(refused.header("x-amzn-requestid").is_some());
    }
    app.stop().await;
}

#[tokio::test]
async fn calls_are_counted_by_service_and_operation() {
    let data = tempfile::tempdir().unwrap();
    let app = start_with_notes(data.path()).await;
    query(app.address, "Action=ListNotes&Version=2026-11-21").await;
    call(app.address, "Notes_20261121.ListNotes", "{}").await;
    let metrics = ask(app.address, "GET /_anabranch/metrics HTTP/1.1", b"").await.text();
    let counted = r#"anabranch_requests_total{service="notes",operation="ListNotes",status="200"} 2"#;
    assert!(metrics.contains(counted), "{metrics}");
    app.stop().await;
}

#[tokio::test]
async fn sts_tells_who_calls() {
    let data = tempfile::tempdir().unwrap();
    let app = start_with_notes(data.path()).await;
    let signed = SIGNED.replace("dynamodb", "sts").replace("=test/", "=123456789012/");
    let head = format!("POST / HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded\r\n{signed}");
    let told = ask(app.address, &head, b"Action=GetCallerIdentity&Version=2011-06-15").await.text();
    assert!(told.contains("<Account>123456789012</Account>"), "{told}");
    // Not signed, it is still told apart by its version, and refused in its form.
    let head = "POST / HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded";
    let told = ask(app.address, head, b"Action=GetCallerIdentity&Version=2011-06-15").await.text();
    assert!(told.contains("<Code>MissingAuthenticationToken</Code>"), "{told}");
    app.stop().await;
}

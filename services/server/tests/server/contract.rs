//! A new service moves in by a file of its own (`notes.rs`) and a line in the list of services.

use std::net::SocketAddr;
use std::sync::Arc;

use anabranch::{App, Config};

use crate::harness::{Answer, SIGNED, ask, call};
use crate::notes::{Notes, XmlNotes};

async fn start_with_notes(data: &std::path::Path) -> App {
    let config = Config { data: data.into(), listen: ([127, 0, 0, 1], 0).into(), ..Config::default() };
    let notes = Notes::default();
    App::start_with(config, vec![Arc::new(notes.clone()), Arc::new(XmlNotes(notes))]).await.unwrap()
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

async fn rest(address: SocketAddr, request: &str, body: &str) -> Answer {
    ask(address, &format!("{request} HTTP/1.1"), body.as_bytes()).await
}

#[tokio::test]
async fn rest_in_json_and_xml_reach_the_same_operations() {
    let data = tempfile::tempdir().unwrap();
    let app = start_with_notes(data.path()).await;
    let put = rest(app.address, "PUT /2026-11-21/notes/a%2Fb?Labels=x&Labels=y", r#"{"Text": "<one>"}"#).await;
    assert_eq!((put.status, put.body.len()), (201, 0), "{put:?}");
    let xml = "<PutNoteRequest><Text>two</Text><Labels><member>z</member></Labels></PutNoteRequest>";
    let put = rest(app.address, "PUT /2026-11-22/note/c", xml).await;
    assert_eq!((put.status, put.body.len()), (201, 0), "{put:?}");

    let got = rest(app.address, "GET /2026-11-21/notes/c", "").await;
    assert_eq!((got.status, got.header("content-type")), (200, Some("application/json")), "{got:?}");
    assert_eq!(got.json(), serde_json::json!({"Name": "c", "Text": "two", "Labels": ["z"]}));
    let got = rest(app.address, "GET /2026-11-22/note/a%2Fb", "").await;
    assert_eq!((got.status, got.header("content-type")), (200, Some("application/xml")), "{got:?}");
    assert_eq!(got.header("x-note-text"), Some("<one>"));
    let expected = "<GetNoteResponse xmlns=\"http://notes.test/xml/\"><Name>a/b</Name>\
        <Labels><member>x</member><member>y</member></Labels></GetNoteResponse>";
    assert!(got.text().ends_with(expected), "{got:?}");
    let listed = query(app.address, "Action=ListNotes&Version=2026-11-21").await.text();
    assert!(listed.contains("<Name>a/b</Name>") && listed.contains("<Name>c</Name>"), "{listed}");

    for (request, status, code) in [
        ("GET /2026-11-21/notes/none", 404, "NoSuchNote"),
        ("DELETE /2026-11-21/notes/c", 400, "UnknownOperationException"),
        ("POST /2026-11-21/elsewhere", 400, "UnknownOperationException"),
        ("PUT /2026-11-21/notes/%ff", 400, "ValidationException"),
        ("PUT /2026-11-21/notes/c", 400, "SerializationException"),
    ] {
        let refused = rest(app.address, request, "{").await;
        assert_eq!((refused.status, refused.header("x-amzn-errortype")), (status, Some(code)), "{refused:?}");
        assert_eq!(refused.json()["Type"], "User");
        assert!(refused.header("x-amzn-requestid").is_some());
    }
    let refused = rest(app.address, "GET /2026-11-22/note/none", "").await;
    assert_eq!(refused.status, 404, "{refused:?}");
    assert!(refused.text().contains("<Error><Code>NoSuchNote</Code>"), "{refused:?}");
    let malformed = rest(app.address, "PUT /2026-11-22/note/c", "<a>").await;
    assert!(malformed.status == 400 && malformed.text().contains("<Code>MalformedXML</Code>"), "{malformed:?}");
    app.stop().await;
}

#[tokio::test]
async fn what_a_service_measures_is_in_the_metrics() {
    let data = tempfile::tempdir().unwrap();
    let app = start_with_notes(data.path()).await;
    rest(app.address, "PUT /2026-11-21/notes/a", r#"{"Text": "one"}"#).await;
    let metrics = ask(app.address, "GET /_anabranch/metrics HTTP/1.1", b"").await.text();
    for line in [
        "# TYPE notes_kept gauge",
        r#"notes_kept{book="the \"first\""} 1"#,
        r#"anabranch_requests_total{service="notes",operation="PutNote",status="201"} "#,
    ] {
        assert!(metrics.contains(line), "{line}: {metrics}");
    }
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

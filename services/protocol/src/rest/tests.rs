use std::collections::BTreeMap;

use bytes::Bytes;
use http::Request;
use proptest::prelude::*;
use serde::{Deserialize, Serialize};

use super::*;
use crate::service::{BoundMember, Matched, Operation, ServiceModel};
use crate::{Answer, ApiError, Blob, Call, ErrorKind, RequestContext, Timestamp};

const MODEL: ServiceModel = ServiceModel {
    operations: &[
        Operation::new("PutThing").at("PUT", "/v1/things/{Name}").answered_with(201).bound(
            &[BoundMember::query("Sizes"), BoundMember::header("Token", "x-token"), BoundMember::query("Count")],
            &[BoundMember::status("Status"), BoundMember::header("Version", "x-version")],
        ),
        Operation::new("PutPayload").at("POST", "/v1/things/{Name}").bound(&[BoundMember::payload("Data")], &[]),
    ],
    ..ServiceModel::new("things", "Things")
};
const XML: RestStyle = RestStyle::xml("http://things.test/doc/");

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Thing {
    name: String,
    #[serde(default)]
    sizes: Vec<u32>,
    token: Option<String>,
    count: Option<i64>,
    #[serde(default)]
    labels: Vec<String>,
    #[serde(default)]
    attributes: BTreeMap<String, String>,
    since: Option<Timestamp>,
    data: Option<Blob>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Put {
    status: u16,
    version: Option<u64>,
    labels: Vec<&'static str>,
    since: Timestamp,
}

fn call(style: RestStyle, method: &str, uri: &str, token: Option<&str>, body: &[u8]) -> Result<Call, ApiError> {
    let mut request = Request::builder().method(method).uri(uri);
    if let Some(token) = token {
        request = request.header("X-Token", token);
    }
    let (head, ()) = request.body(()).unwrap().into_parts();
    let matched: Matched =
        MODEL.matching(method, head.uri.path(), head.uri.query().unwrap_or_default()).unwrap().expect("an operation");
    let operation = matched.operation;
    let request = RestRequest::read(style, matched, &head, Bytes::copy_from_slice(body))?;
    Ok(Call::rest(RequestContext::default(), operation, request))
}

fn expected() -> Thing {
    Thing {
        name: "a/b".into(),
        sizes: vec![1, 2],
        token: Some("t".into()),
        count: Some(-3),
        labels: vec!["x".into(), "<y>".into()],
        attributes: [("k".to_string(), "v".to_string())].into(),
        since: Some(Timestamp(1_500)),
        data: Some(Blob(Bytes::from_static(b"\xff"))),
    }
}

const ADDRESS: &str = "/v1/things/a%2Fb?Sizes=1&Count=-3&Sizes=2&Other=4";

#[test]
fn members_come_from_path_query_header_and_body() {
    let json = br#"{"Labels": ["x", "<y>"], "Attributes": {"k": "v"}, "Since": 1.5, "Data": "/w=="}"#;
    let read = call(RestStyle::JSON, "PUT", ADDRESS, Some("t"), json).unwrap();
    assert_eq!(read.input::<Thing>().unwrap(), expected());
    let xml = b"<?xml version=\"1.0\"?><PutThingRequest xmlns=\"http://things.test/doc/\">\
        <Labels><member>x</member><member>&lt;y&#62;</member></Labels><!-- a comment -->\
        <Attributes><entry><key>k</key><value><![CDATA[v]]></value></entry></Attributes>\
        <Since>1970-01-01T00:00:01.5Z</Since><Data>/w==</Data></PutThingRequest>";
    let read = call(XML, "PUT", ADDRESS, Some("t"), xml).unwrap();
    assert_eq!(read.input::<Thing>().unwrap(), expected());
}

#[test]
fn a_body_may_be_left_out() {
    for style in [RestStyle::JSON, XML] {
        let thing: Thing = call(style, "PUT", "/v1/things/a", None, b"").unwrap().input().unwrap();
        assert_eq!((thing.name.as_str(), thing.token, thing.labels.len()), ("a", None, 0));
    }
}

#[test]
fn a_payload_is_the_body_as_it_is() {
    let read = call(RestStyle::JSON, "POST", "/v1/things/a", None, b"\xff not JSON").unwrap();
    assert_eq!(read.body(), &b"\xff not JSON"[..]);
    assert_eq!(read.input::<Thing>().unwrap().name, "a");
}

#[test]
fn what_does_not_fit_is_refused_by_its_place() {
    let refused = |style, uri: &str, body: &str| {
        let call = call(style, "PUT", uri, None, body.as_bytes());
        let error = call.and_then(|call| call.input::<Thing>().map(drop)).unwrap_err();
        (error.code, error.message)
    };
    let (code, message) = refused(RestStyle::JSON, "/v1/things/a?Count=ten", "{}");
    assert_eq!((code, message.as_str()), ("ValidationException", "The parameter Count must be a whole number."));
    for body in ["{", "[]", "7", "{\"Labels\": {}}", "{} {}", &"[".repeat(10_000)] {
        let (code, message) = refused(RestStyle::JSON, "/v1/things/a", body);
        assert_eq!(code, "SerializationException", "{body}: {message}");
        assert!(message.starts_with("Could not parse request body into json: "), "{message}");
    }
    for body in ["<a>", "<a/><b/>", "text", "</a>", "<a>&made-up;</a>", "<!DOCTYPE a []><a/>", &"<a>".repeat(100)] {
        assert_eq!(refused(XML, "/v1/things/a", body).0, "MalformedXML", "{body}");
    }
    assert_eq!(refused(XML, "/v1/things/a", "<a><Since>x</Since></a>").0, "InvalidInput");
}

#[test]
fn an_answer_is_status_headers_and_body() {
    let put = Put { status: 202, version: Some(7), labels: vec!["x"], since: Timestamp(1_500) };
    let answer = |style| match call(style, "PUT", "/v1/things/a", None, b"").unwrap().answer(&put).unwrap() {
        Answer::Http(answer) => answer,
        _ => panic!("not an answer in HTTP"),
    };
    let json = answer(RestStyle::JSON);
    assert_eq!((json.status, &*json.body), (202, &br#"{"Labels":["x"],"Since":1.5}"#[..]));
    let headers = [("content-type", "application/json".to_string()), ("x-version", "7".to_string())];
    assert_eq!(json.headers, headers);
    let xml = answer(XML);
    let expected = "<?xml version=\"1.0\" encoding=\"UTF-8\"?><PutThingResponse xmlns=\"http://things.test/doc/\">\
        <Labels><member>x</member></Labels><Since>1970-01-01T00:00:01.5Z</Since></PutThingResponse>";
    assert_eq!((xml.status, std::str::from_utf8(&xml.body).unwrap()), (202, expected));
    let Answer::Http(empty) = call(XML, "PUT", "/v1/things/a", None, b"").unwrap().done().unwrap() else { panic!() };
    assert_eq!((empty.status, empty.body.len(), empty.headers.len()), (201, 0, 0));
}

#[test]
fn errors_have_the_form_of_their_wire() {
    let error = ApiError::not_found("NoSuchThing", "no <such> thing").with_detail("Name", "a".into());
    let json = rest_error(&RestStyle::JSON, &error, "id");
    assert_eq!(json.status, 404);
    assert!(json.headers.contains(&("x-amzn-errortype", "NoSuchThing".into())));
    let body: serde_json::Value = serde_json::from_slice(&json.body).unwrap();
    assert_eq!(body, serde_json::json!({"Type": "User", "message": "no <such> thing", "Name": "a"}));
    let xml = rest_error(&XML, &error, "id");
    let expected = "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>NoSuchThing</Code>\
        <Message>no &lt;such&gt; thing</Message><RequestId>id</RequestId></Error>";
    assert_eq!((xml.status, std::str::from_utf8(&xml.body).unwrap()), (404, expected));

    const EXCEPTIONS: &[ModelledError] =
        &[ModelledError { code: "NoSuchThing", status: 410, message_member: "Message" }];
    let modelled = rest_error(&RestStyle { exceptions: EXCEPTIONS, ..RestStyle::JSON }, &error, "id");
    assert_eq!((modelled.status, String::from_utf8_lossy(&modelled.body).contains("\"Message\"")), (410, true));
    let ours = rest_error(&RestStyle::JSON, &ApiError::new(ErrorKind::Unavailable, "Down", "later"), "id");
    assert_eq!((ours.status, String::from_utf8_lossy(&ours.body).contains("\"Service\"")), (503, true));
}

proptest! {
    #[test]
    fn any_document_is_read_or_refused(document in "[<>/ab&;!?=\" \\[\\]-]{0,80}") {
        let _ = xml::read(document.as_bytes());
    }

    #[test]
    fn what_is_written_in_xml_is_read_back(
        labels in proptest::collection::vec("[ -~]{0,8}", 0..4),
        attributes in proptest::collection::btree_map("[a-z]{1,4}", "[ -~äß]{0,8}", 0..4),
    ) {
        let thing = Thing { labels, attributes, sizes: vec![], token: None, count: None, ..expected() };
        let document = crate::query::xml_document("", "Root", &thing, &["Sizes"]).unwrap();
        let read = call(XML, "PUT", "/v1/things/a%2Fb", None, &document).unwrap();
        prop_assert_eq!(read.input::<Thing>().unwrap(), thing);
    }
}

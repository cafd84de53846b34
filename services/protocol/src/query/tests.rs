use std::collections::BTreeMap;

use proptest::prelude::*;
use serde::{Deserialize, Serialize};

use super::*;
use crate::{Blob, Timestamp};

const WRAPPED: QueryStyle = QueryStyle { namespace: "http://example.test/doc/", is_flattened: false, renamed: &[] };
const FLATTENED: QueryStyle =
    QueryStyle { is_flattened: true, renamed: &[("Messages", "Message"), ("Attributes", "Attribute")], ..WRAPPED };

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Topic {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u32>,
    #[serde(default)]
    is_fifo: bool,
    #[serde(default)]
    attributes: BTreeMap<String, String>,
    #[serde(default)]
    tags: Vec<Tag>,
    #[serde(default)]
    names: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Tag {
    key: String,
    value: String,
}

fn decode<'a, T: Deserialize<'a>>(request: &'a QueryRequest) -> T {
    request.decode().unwrap()
}

#[test]
fn a_form_is_read_by_the_type_it_is_for() {
    let form = "Action=CreateTopic&Version=2010-03-31&Name=a%26b&Size=7&IsFifo=true\
        &Attributes.entry.2.key=b&Attributes.entry.2.value=2&Attributes.entry.1.key=a&Attributes.entry.1.value=\
        &Tags.member.10.Key=x&Tags.member.10.Value=10&Tags.member.9.Key=w&Tags.member.9.Value=9&Names.1=one&Names.2=two";
    let request = QueryRequest::parse(form.as_bytes()).unwrap();
    assert_eq!((request.action.as_str(), request.version.as_str()), ("CreateTopic", "2010-03-31"));
    let tag = |key: &str, value: &str| Tag { key: key.into(), value: value.into() };
    let expected = Topic {
        name: "a&b".into(),
        size: Some(7),
        is_fifo: true,
        attributes: [("a", ""), ("b", "2")].map(|(key, value)| (key.to_string(), value.to_string())).into(),
        tags: vec![tag("w", "9"), tag("x", "10")],
        names: vec!["one".into(), "two".into()],
    };
    assert_eq!(decode::<Topic>(&request), expected);
}

#[test]
fn flattened_maps_and_lists_are_read() {
    let form = "Action=SetQueueAttributes&Name=q&Attributes.1.Name=DelaySeconds&Attributes.1.Value=5&Names.1=a";
    let topic: Topic = decode(&QueryRequest::parse(form.as_bytes()).unwrap());
    assert_eq!(topic.attributes["DelaySeconds"], "5");
    assert_eq!(topic.names, ["a"]);
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Since {
    at: Option<Timestamp>,
}

#[test]
fn moments_are_in_iso_8601() {
    let request = |at: &str| QueryRequest::parse(format!("Action=A&At={at}").as_bytes()).unwrap();
    assert_eq!(decode::<Since>(&request("1970-01-01T00:00:01.5Z")).at, Some(Timestamp(1_500)));
    let error = request("1.5").decode::<Since>().unwrap_err();
    assert_eq!(error.message, "The parameter At must be a time such as 2026-11-21T14:25:00Z.");
}

#[test]
fn what_does_not_fit_is_named() {
    let refused = |form: &str| QueryRequest::parse(form.as_bytes()).unwrap().decode::<Topic>().unwrap_err().message;
    assert_eq!(refused("Action=A&Name=n&Size=x"), "The parameter Size must be a whole number of at least 0.");
    assert_eq!(refused("Action=A&Name=n&IsFifo=maybe"), "The parameter IsFifo must be true or false.");
    assert_eq!(refused("Action=A&Name.x=n"), "The parameter Name has no value.");
    assert_eq!(
        refused("Action=A&Name=n&Attributes.entry.1.key=k"),
        "The entry k of the parameter Attributes has no value."
    );
    let code = |form: &str| QueryRequest::parse(form.as_bytes()).unwrap_err().code;
    assert_eq!(code("Name=n"), "MissingAction");
    assert_eq!(code("Action=A&Name=n&Name=m"), "MalformedQueryString");
    assert_eq!(code(&format!("Action=A&{}=1", "a.".repeat(PARAMETER_DEPTH_MAX))), "MalformedQueryString");
    assert_eq!(code(&(0..=PARAMETERS_MAX).map(|n| format!("p{n}=1&")).collect::<String>()), "MalformedQueryString");
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Received {
    messages: Vec<Message>,
    at: Timestamp,
    data: Blob,
    nothing: Option<u8>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Message {
    body: &'static str,
    attributes: BTreeMap<&'static str, u8>,
}

fn received() -> Received {
    let message = |body| Message { body, attributes: [("n", 1)].into() };
    Received {
        messages: vec![message("<a>"), message("b")],
        at: Timestamp(1_500),
        data: Blob(bytes::Bytes::from_static(b"\xff")),
        nothing: None,
    }
}

#[test]
fn an_answer_is_wrapped_as_the_style_says() {
    let text = |style| String::from_utf8(query_answer(style, "Receive", Some(&received()), "id").unwrap()).unwrap();
    let head =
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><ReceiveResponse xmlns=\"http://example.test/doc/\"><ReceiveResult>";
    let tail = "<At>1970-01-01T00:00:01.5Z</At><Data>/w==</Data></ReceiveResult>\
        <ResponseMetadata><RequestId>id</RequestId></ResponseMetadata></ReceiveResponse>";
    let wrapped = "<Messages><member><Body>&lt;a&gt;</Body><Attributes><entry><key>n</key><value>1</value></entry></Attributes></member>\
        <member><Body>b</Body><Attributes><entry><key>n</key><value>1</value></entry></Attributes></member></Messages>";
    assert_eq!(text(&WRAPPED), format!("{head}{wrapped}{tail}"));
    let flattened = "<Message><Body>&lt;a&gt;</Body><Attribute><Name>n</Name><Value>1</Value></Attribute></Message>\
        <Message><Body>b</Body><Attribute><Name>n</Name><Value>1</Value></Attribute></Message>";
    assert_eq!(text(&FLATTENED), format!("{head}{flattened}{tail}"));
}

#[test]
fn flattened_tags_have_keys() {
    let tags = BTreeMap::from([("Tags", BTreeMap::from([("team", "a")]))]);
    let style = QueryStyle { is_flattened: false, ..FLATTENED };
    let text = |style| String::from_utf8(query_answer(style, "List", Some(&tags), "id").unwrap()).unwrap();
    assert!(text(&style).contains("<entry><key>team</key><value>a</value></entry>"), "{}", text(&style));
    #[derive(Serialize)]
    #[serde(rename_all = "PascalCase")]
    struct Tagged {
        tag: BTreeMap<&'static str, &'static str>,
    }
    let tagged = Tagged { tag: [("team", "a")].into() };
    let text = String::from_utf8(query_answer(&FLATTENED, "List", Some(&tagged), "id").unwrap()).unwrap();
    assert!(text.contains("<Tag><Key>team</Key><Value>a</Value></Tag>"), "{text}");
}

#[test]
fn a_parameter_that_is_left_out_may_be_given() {
    let mut request = QueryRequest::parse(b"Action=A&Name=n").unwrap();
    request.set_default("Name", "other".into());
    request.set_default("Size", "7".into());
    let topic: Topic = decode(&request);
    assert_eq!((topic.name.as_str(), topic.size), ("n", Some(7)));
}

#[test]
fn an_answer_without_output_has_its_id() {
    let text = String::from_utf8(query_answer::<()>(&WRAPPED, "DeleteTopic", None, "id").unwrap()).unwrap();
    assert!(
        text.ends_with("<ResponseMetadata><RequestId>id</RequestId></ResponseMetadata></DeleteTopicResponse>"),
        "{text}"
    );
}

#[test]
fn an_error_says_whose_fault_it_is() {
    let error = ApiError::invalid("NotFound", "no <such> topic");
    let text = String::from_utf8(query_error(&WRAPPED, &error, "id").unwrap()).unwrap();
    assert!(
        text.contains("<Type>Sender</Type><Code>NotFound</Code><Message>no &lt;such&gt; topic</Message>"),
        "{text}"
    );
    let text = String::from_utf8(query_error(&WRAPPED, &ApiError::internal("x"), "id").unwrap()).unwrap();
    assert!(text.contains("<Type>Receiver</Type>"), "{text}");
}

proptest! {
    #[test]
    fn any_form_is_read_or_refused(form in "[a-zA-Z0-9.=&%]{0,200}") {
        if let Ok(request) = QueryRequest::parse(format!("Action=A&{form}").as_bytes()) {
            let _ = request.decode::<Topic>();
        }
    }

    #[test]
    fn lists_and_maps_come_back(
        name in "\\PC*",
        attributes in proptest::collection::btree_map("\\PC*", "\\PC*", 0..4),
        names in proptest::collection::vec("\\PC*", 0..4),
    ) {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("Action", "A").append_pair("Name", &name);
        for (number, (key, value)) in attributes.iter().enumerate() {
            form.append_pair(&format!("Attributes.entry.{}.key", number + 1), key);
            form.append_pair(&format!("Attributes.entry.{}.value", number + 1), value);
        }
        for (number, name) in names.iter().enumerate() {
            form.append_pair(&format!("Names.member.{}", number + 1), name);
        }
        let request = QueryRequest::parse(form.finish().as_bytes()).unwrap();
        let topic: Topic = decode(&request);
        prop_assert_eq!((topic.name, topic.attributes, topic.names), (name, attributes, names));
    }
}

//! Bodies that are not of a request's shape: refused in the words that recordings of AWS have, the
//! same ones in JSON and CBOR.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed step is a failed test")]

use std::borrow::Cow;
use std::collections::BTreeMap;

use anabranch_protocol::{Blob, BoundedList, BoundedMap, Encoding, Timestamp};
use proptest::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

#[derive(Debug, PartialEq, Deserialize)]
struct Inner<'a> {
    #[serde(borrow, rename = "Key")]
    key: Option<Cow<'a, str>>,
    #[serde(rename = "Data")]
    data: Option<Blob>,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Request<'a> {
    name: Option<String>,
    count: Option<i64>,
    enforce: Option<bool>,
    data: Option<Blob>,
    at: Option<Timestamp>,
    #[serde(borrow)]
    inner: Option<Inner<'a>>,
    #[serde(borrow)]
    records: Option<BoundedList<Inner<'a>, 3>>,
    keys: Option<Vec<String>>,
    tags: Option<BoundedMap<String, 3>>,
    others: Option<BTreeMap<String, String>>,
}

/// What the request is refused with, in the body's encoding.
fn refused(encoding: Encoding, request: &Value) -> String {
    let body = encoding.encode(request).unwrap();
    let error = encoding.decode::<Request<'_>>(&body).unwrap_err();
    assert_eq!(error.code, "SerializationException", "{request}");
    error.message
}

const LIST: &str = "Start of list found where not expected";
const MAP: &str = "Start of structure or map found where not expected.";
const NUMBER: &str = "class com.amazon.coral.value.json.numbers.TruncatingBigNumber";
const BOOLEAN: &str = "class java.lang.Boolean";
const STRING: &str = "class java.lang.String";

#[test]
fn members_of_a_wrong_type_are_refused_in_the_words_of_aws() {
    let mut cases = Vec::new();
    for number in [json!(23), json!(-2_147_483_648_i64), json!(2_147_483_648_i64), json!(34.56)] {
        for member in ["Keys", "Records"] {
            cases.push((json!({ member: number }), "Expected list or null".to_string()));
        }
        for member in ["Tags", "Others"] {
            cases.push((json!({ member: number }), "Expected map or null".to_string()));
        }
        cases.push((json!({ "Inner": number }), "Expected null".into()));
        cases.push((json!({ "Records": [number] }), "Expected null".into()));
        cases.push((json!({ "Name": number }), format!("{NUMBER} can not be converted to an String")));
        cases.push((json!({ "Enforce": number }), format!("{NUMBER} can not be converted to an Boolean")));
        cases.push((json!({ "Records": [{ "Data": number }] }), format!("{NUMBER} can not be converted to a Blob")));
        cases.push((json!({ "Records": [{ "Key": number }] }), format!("{NUMBER} can not be converted to an String")));
    }
    for (member, scalar) in [("Name", true), ("Count", true), ("Enforce", true), ("Data", true), ("At", true)] {
        assert!(scalar);
        cases.push((json!({ member: [] }), LIST.into()));
        cases.push((json!({ member: {} }), MAP.into()));
    }
    cases.extend([
        (json!({ "Keys": {} }), MAP.into()),
        (json!({ "Records": {} }), MAP.into()),
        (json!({ "Tags": [] }), LIST.into()),
        (json!({ "Inner": [] }), LIST.into()),
        (json!({ "Records": [[]] }), LIST.into()),
        (json!({ "Keys": [{}] }), MAP.into()),
        (json!([]), LIST.into()),
        (json!({ "Keys": "23" }), "Expected list or null".into()),
        (json!({ "Keys": true }), "Expected list or null".into()),
        (json!({ "Tags": "23" }), "Expected map or null".into()),
        (json!({ "Inner": "23" }), "Expected null".into()),
        (json!({ "Inner": true }), "Expected null".into()),
        (json!({ "Enforce": "yes" }), "'YES' can not be converted to an Boolean".into()),
        (json!({ "Name": true }), format!("{BOOLEAN} can not be converted to an String")),
        (json!({ "Keys": [true] }), format!("{BOOLEAN} can not be converted to an String")),
        (json!({ "Tags": { "a": 1 } }), format!("{NUMBER} can not be converted to an String")),
        (json!({ "Count": "23" }), format!("{STRING} can not be converted to an Integer")),
        (json!({ "Count": true }), format!("{BOOLEAN} can not be converted to an Integer")),
        (json!({ "Data": true }), format!("{BOOLEAN} can not be converted to a Blob")),
        (json!({ "At": "now" }), format!("{STRING} can not be converted to milliseconds since epoch")),
    ]);
    for (request, words) in cases {
        for encoding in [Encoding::Json, Encoding::Cbor] {
            assert_eq!(refused(encoding, &request), words, "{request} in {encoding:?}");
        }
    }
}

#[test]
fn blobs_that_are_not_base64_are_refused_in_the_words_of_aws() {
    let cases = [
        ("23456", "Base64 encoded length is expected a multiple of 4 bytes but found: 5"),
        ("=+/=", "Invalid Base64 character: '='"),
        ("+/+=", "Invalid last non-pad Base64 character dectected"),
        ("a-b_", "Invalid Base64 character: '-'"),
    ];
    for (text, why) in cases {
        let words = format!("'{text}' can not be converted to a Blob: {why}");
        assert_eq!(refused(Encoding::Json, &json!({ "Records": [{ "Data": text }] })), words);
    }
}

#[test]
fn what_is_no_json_is_not_explained_in_words_of_a_library() {
    let deep = format!("{{\"Other\":{}", "[".repeat(100_000));
    for body in ["hello", "{\"Name\":", "{} {}", "{\"Name\": \"\\ud800\"}", "{\"Count\": 1e999}", &deep] {
        let error = Encoding::Json.decode::<Request<'_>>(body.as_bytes()).unwrap_err();
        assert_eq!(error.message, "The body is not JSON, or nested too deeply", "{}", &body[..5]);
    }
    let error = Encoding::Json.decode::<Request<'_>>(br#"{"Name": "a", "Name": "b"}"#).unwrap_err();
    assert_eq!(error.message, "The member Name is given more than once");
    let body: &[u8] = &[b"{\"Count\": \"".as_slice(), &vec![0x7f; 1 << 20], b"\"}"].concat();
    assert!(Encoding::Json.decode::<Request<'_>>(body).unwrap_err().message.len() < 100);
}

/// Any value that JSON and CBOR can both hold.
fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-1e9..1e9f64).prop_map(Value::from),
        "[ -~]{0,6}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        let name = prop_oneof![
            Just("Name"),
            Just("Count"),
            Just("Enforce"),
            Just("Inner"),
            Just("Records"),
            Just("Keys"),
            Just("Tags"),
            Just("Others"),
            Just("Key"),
            Just("Unknown"),
        ];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((name, inner), 0..6)
                .prop_map(|members| { members.into_iter().map(|(name, value)| (name.to_string(), value)).collect() }),
        ]
    })
}

proptest! {
    #[test]
    fn both_encodings_come_to_the_same(request in any_value()) {
        let (json, cbor) = (Encoding::Json.encode(&request).unwrap(), Encoding::Cbor.encode(&request).unwrap());
        let outcomes = [Encoding::Json.decode::<Request<'_>>(&json), Encoding::Cbor.decode::<Request<'_>>(&cbor)];
        prop_assert_eq!(&outcomes[0], &outcomes[1], "{}", request);
        if let Err(error) = &outcomes[0] {
            for word in ["invalid type", "expected a ", "line ", "Text(", "struct ", "i64", "sequence"] {
                prop_assert!(!error.message.contains(word), "{}: {}", request, error.message);
            }
        }
    }

    #[test]
    fn a_changed_byte_does_not_panic(request in any_value(), at: prop::sample::Index, byte: u8) {
        for encoding in [Encoding::Json, Encoding::Cbor] {
            let mut body = encoding.encode(&request).unwrap();
            let at = at.index(body.len());
            body[at] = byte;
            let _ = encoding.decode::<Request<'_>>(&body);
        }
    }

    #[test]
    fn lists_are_counted_and_no_more_is_kept(length in 0..9usize) {
        #[derive(Serialize)]
        struct Lists { #[serde(rename = "Records")] records: Vec<BTreeMap<String, String>>,
            #[serde(rename = "Tags")] tags: BTreeMap<String, String> }
        let tags = (0..length).map(|number| (number.to_string(), "v".to_string())).collect();
        let lists = Lists { records: vec![BTreeMap::new(); length], tags };
        for encoding in [Encoding::Json, Encoding::Cbor] {
            let body = encoding.encode(&lists).unwrap();
            let request: Request<'_> = encoding.decode(&body).unwrap();
            let (records, tags) = (request.records.unwrap(), request.tags.unwrap());
            prop_assert_eq!((records.len(), records.count()), (length.min(3), length));
            prop_assert_eq!((tags.len(), tags.count()), (length.min(3), length));
        }
    }
}

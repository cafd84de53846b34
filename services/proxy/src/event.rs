//! The event a function gets, payload format 2.0. (API Gateway Developer Guide, "Working with
//! AWS Lambda proxy integrations for HTTP APIs"; Lambda Developer Guide, "Invoking Lambda function
//! URLs".)

use std::collections::BTreeMap;

use base64_simd::STANDARD;
use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, COOKIE, HOST, USER_AGENT};
use http::request::Parts;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

/// What the event says besides the request itself.
pub struct Integration<'a> {
    /// The first label of the API's host name.
    pub api_id: &'a str,
    /// Whose it is; `anonymous` for function URLs without authentication.
    pub account: &'a str,
    /// `$default`, or the stage's name.
    pub stage: &'a str,
    /// Such as `GET /clicks/{id}`, or `$default`.
    pub route_key: &'a str,
    /// The path of the request, with a named stage before it.
    pub raw_path: &'a str,
    /// What the route's variables stand for.
    pub path_parameters: &'a BTreeMap<String, String>,
    /// The request's id.
    pub request_id: &'a str,
    /// When it came, in ms since the Unix epoch.
    pub now_ms: u64,
}

/// Text is passed on as it is, everything else as base64.
fn is_text(head: &Parts) -> bool {
    let content_type = head.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let is_plain = head.headers.get(CONTENT_ENCODING).is_none_or(|encoding| encoding == "identity");
    let names = ["application/json", "application/javascript", "application/xml", "application/x-www-form-urlencoded"];
    is_plain
        && (kind.is_empty()
            || kind.starts_with("text/")
            || kind.ends_with("+json")
            || kind.ends_with("+xml")
            || names.contains(&kind.as_str()))
}

/// The event for a request.
pub fn event(head: &Parts, body: &Bytes, at: &Integration<'_>) -> Value {
    let header = |name| head.headers.get(name).and_then(|value: &http::HeaderValue| value.to_str().ok());
    let query = head.uri.query().unwrap_or_default();
    let method = head.method.as_str();
    let time = Timestamp::from_millisecond(at.now_ms as i64).unwrap_or(Timestamp::UNIX_EPOCH);
    let domain = header(HOST).unwrap_or("localhost");
    // API Gateway leaves absent members out.
    let mut event = json!({
        "version": "2.0",
        "routeKey": at.route_key,
        "rawPath": at.raw_path,
        "rawQueryString": query,
        "headers": headers(head),
        "requestContext": {
            "accountId": at.account,
            "apiId": at.api_id,
            "domainName": domain,
            "domainPrefix": domain.split('.').next().unwrap_or_default(),
            "http": {
                "method": method,
                "path": at.raw_path,
                "protocol": format!("{:?}", head.version),
                "sourceIp": "127.0.0.1",
                "userAgent": header(USER_AGENT).unwrap_or_default(),
            },
            "requestId": at.request_id,
            "routeKey": at.route_key,
            "stage": at.stage,
            "time": time.strftime("%d/%b/%Y:%H:%M:%S +0000").to_string(),
            "timeEpoch": at.now_ms,
        },
        "isBase64Encoded": false,
    });
    let cookies: Vec<&str> = head
        .headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .map(str::trim)
        .filter(|cookie| !cookie.is_empty())
        .collect();
    if !cookies.is_empty() {
        event["cookies"] = json!(cookies);
    }
    if !query.is_empty() {
        event["queryStringParameters"] = Value::Object(query_parameters(query));
    }
    if !at.path_parameters.is_empty() {
        event["pathParameters"] = json!(at.path_parameters);
    }
    if !body.is_empty() {
        match std::str::from_utf8(body).ok().filter(|_| is_text(head)) {
            Some(text) => event["body"] = json!(text),
            None => {
                event["body"] = json!(STANDARD.encode_to_string(body));
                event["isBase64Encoded"] = json!(true);
            }
        }
    }
    event
}

/// Names in small letters, several values joined by commas; cookies have a member of their own.
fn headers(head: &Parts) -> Map<String, Value> {
    let mut headers = Map::new();
    for name in head.headers.keys().filter(|name| **name != COOKIE) {
        let values: Vec<&str> = head.headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).collect();
        headers.insert(name.as_str().into(), json!(values.join(",")));
    }
    headers
}

fn query_parameters(query: &str) -> Map<String, Value> {
    let mut parameters = Map::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (name, value) = (form_decode(name), form_decode(value));
        let joined = match parameters.get(&name).and_then(Value::as_str) {
            Some(earlier) => format!("{earlier},{value}"),
            None => value,
        };
        parameters.insert(name, json!(joined));
    }
    parameters
}

fn form_decode(text: &str) -> String {
    percent_encoding::percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned()
}

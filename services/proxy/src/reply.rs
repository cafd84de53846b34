//! What a function's result becomes.

use axum::body::Body;
use base64_simd::STANDARD;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, SET_COOKIE};
use http::{HeaderName, HeaderValue, Response, StatusCode};
use serde_json::{Map, Value, json};

/// A plain answer of the gateway's own.
pub fn message(status: StatusCode, text: &str) -> Response<Body> {
    json_answer(status, Bytes::from(json!({ "message": text }).to_string()))
}

fn json_answer(status: StatusCode, body: Bytes) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// A result with a `statusCode` is a whole response; any other valid JSON is a body, answered
/// with 200. A result that is neither is the API's failure.
pub fn reply(result: &Bytes) -> Response<Body> {
    let Ok(value) = serde_json::from_slice::<Value>(result) else {
        return message(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error");
    };
    match value {
        Value::Object(members) if members.contains_key("statusCode") => {
            whole(&members).unwrap_or_else(|| message(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error"))
        }
        _ => json_answer(StatusCode::OK, result.clone()),
    }
}

fn whole(members: &Map<String, Value>) -> Option<Response<Body>> {
    let body = match members.get("body") {
        None | Some(Value::Null) => Bytes::new(),
        Some(Value::String(text)) if members.get("isBase64Encoded") == Some(&Value::Bool(true)) => {
            Bytes::from(STANDARD.decode_to_vec(text).ok()?)
        }
        Some(Value::String(text)) => Bytes::from(text.clone()),
        Some(_) => return None,
    };
    let mut response = head(members)?;
    *response.body_mut() = Body::from(body);
    response.headers_mut().entry(CONTENT_TYPE).or_insert(HeaderValue::from_static("text/plain; charset=utf-8"));
    Some(response)
}

/// The response that `members` (`statusCode`, `headers`, `cookies`) describe, without its body; none
/// if they describe none.
pub fn head(members: &Map<String, Value>) -> Option<Response<Body>> {
    let status = match members.get("statusCode")? {
        Value::Number(number) => number.as_u64()?,
        Value::String(text) => text.parse().ok()?,
        _ => return None,
    };
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::from_u16(u16::try_from(status).ok()?).ok()?;
    for (name, value) in members.get("headers").and_then(Value::as_object).into_iter().flatten() {
        add(&mut response, name, value, false)?;
    }
    for (name, values) in members.get("multiValueHeaders").and_then(Value::as_object).into_iter().flatten() {
        for value in values.as_array()? {
            add(&mut response, name, value, true)?;
        }
    }
    for cookie in members.get("cookies").and_then(Value::as_array).into_iter().flatten() {
        response.headers_mut().append(SET_COOKIE, HeaderValue::from_str(cookie.as_str()?).ok()?);
    }
    Some(response)
}

fn add(response: &mut Response<Body>, name: &str, value: &Value, appends: bool) -> Option<()> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(_) | Value::Bool(_) => value.to_string(),
        _ => return None,
    };
    let (name, value) = (name.parse::<HeaderName>().ok()?, HeaderValue::from_str(&text).ok()?);
    // The length is that of the body as it is sent.
    if name == http::header::CONTENT_LENGTH {
        return Some(());
    }
    if appends {
        response.headers_mut().append(name, value);
    } else {
        response.headers_mut().insert(name, value);
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt;

    async fn parts(result: Value) -> (u16, String, String) {
        let response = reply(&Bytes::from(result.to_string()));
        let status = response.status().as_u16();
        let kind = response.headers()[CONTENT_TYPE].to_str().unwrap().to_string();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, kind, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn results_become_responses() {
        let whole = json!({ "statusCode": 201, "headers": { "content-type": "text/html" }, "body": "<p>" });
        assert_eq!(parts(whole).await, (201, "text/html".into(), "<p>".into()));
        assert_eq!(parts(json!({ "a": 1 })).await, (200, "application/json".into(), "{\"a\":1}".into()));
        assert_eq!(parts(json!("text")).await, (200, "application/json".into(), "\"text\"".into()));
        let encoded = json!({ "statusCode": "200", "body": "aGk=", "isBase64Encoded": true });
        assert_eq!(parts(encoded).await.2, "hi");
        for bad in
            [json!({ "statusCode": 9999 }), json!({ "statusCode": 200, "body": {} }), json!({ "statusCode": null })]
        {
            assert_eq!(parts(bad).await.0, 500);
        }
        assert_eq!(reply(&Bytes::from_static(b"not json")).status(), 500);
    }
}

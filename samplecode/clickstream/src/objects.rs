//! Reads buckets: lists, objects, and what this pipeline's objects hold.

use crate::place::Clients;
use crate::read_error::ReadError;
use aws_sdk_s3::error::DisplayErrorContext;
use base64_simd::STANDARD;
use bytes::Bytes;
use click::{Click, Step};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// An object in a list.
#[derive(Debug, Clone)]
pub(crate) struct Listed {
    pub key: String,
    pub bytes: u64,
}

/// A record that a function could not take, found in the failures bucket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct FailedRecord {
    /// The click's id, if it is a click.
    pub event_id: Option<String>,
    /// The function that refused it.
    pub function: String,
    /// Why it was given up: the event source mapping's condition.
    pub condition: String,
    /// What is wrong with it.
    pub reason: String,
    /// Where it is, as `s3://bucket/key`.
    pub place: String,
}

/// A line that could not be read as a click, found under the error prefix.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct ErrorLine {
    /// Its number in the raw object.
    pub line: u64,
    /// What is wrong with it.
    pub reason: String,
    /// The line.
    pub raw: String,
    /// Where it is, as `s3://bucket/key`.
    pub place: String,
}

/// All objects under a prefix.
pub(crate) async fn list(clients: &Clients, bucket: &str, prefix: &str) -> Result<Vec<Listed>, ReadError> {
    let mut pages = clients.s3.list_objects_v2().bucket(bucket).prefix(prefix).into_paginator().send();
    let mut objects = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| failed(bucket, &DisplayErrorContext(error)))?;
        objects.extend(page.contents.into_iter().flatten().filter_map(|object| {
            let bytes = object.size.and_then(|size| u64::try_from(size).ok()).unwrap_or(0);
            Some(Listed { key: object.key?, bytes })
        }));
    }
    Ok(objects)
}

/// One object's content.
pub(crate) async fn get(clients: &Clients, bucket: &str, key: &str) -> Result<Bytes, ReadError> {
    let place = || format!("s3://{bucket}/{key}");
    let output = clients.s3.get_object().bucket(bucket).key(key).send().await;
    let output = output.map_err(|error| failed(&place(), &DisplayErrorContext(error)))?;
    Ok(output.body.collect().await.map_err(|error| failed(&place(), &error))?.into_bytes())
}

fn failed(place: &str, error: &dyn std::fmt::Display) -> ReadError {
    ReadError { place: place.to_owned(), reason: error.to_string() }
}

/// The ids of a curated object's rows.
pub(crate) fn curated_ids(content: &[u8]) -> Vec<String> {
    #[derive(Deserialize)]
    struct Row {
        event_id: String,
    }
    lines(content).filter_map(|line| serde_json::from_slice(line).ok()).map(|row: Row| row.event_id).collect()
}

/// The lines of an error object.
pub(crate) fn error_lines(place: &str, content: &[u8]) -> Vec<ErrorLine> {
    let read = |line: &[u8]| {
        let value: Value = serde_json::from_slice(line).ok()?;
        let raw = value["raw"].as_str()?;
        let raw = match value["encoding"].as_str() {
            Some("base64") => String::from_utf8_lossy(&STANDARD.decode_to_vec(raw).ok()?).into_owned(),
            _ => raw.to_owned(),
        };
        let reason = value["reason"].as_str().unwrap_or_default().to_owned();
        Some(ErrorLine { line: value["line"].as_u64().unwrap_or(0), reason, raw, place: place.to_owned() })
    };
    lines(content).filter_map(read).collect()
}

fn lines(content: &[u8]) -> impl Iterator<Item = &[u8]> {
    content.split(|&byte| byte == b'\n').filter(|line| !line.is_empty())
}

/// The records of an object that an event source mapping wrote on failure. In S3's form it holds the
/// batch itself, under `payload`, as text or as JSON.
pub(crate) fn failed_records(place: &str, content: &[u8]) -> Vec<FailedRecord> {
    let Ok(invocation) = serde_json::from_slice::<Value>(content) else { return Vec::new() };
    let context = &invocation["requestContext"];
    let function = context["functionArn"].as_str().and_then(|arn| arn.split(':').nth(6)).unwrap_or("?");
    let told = invocation["responsePayload"]["errorMessage"].as_str();
    let batch = match &invocation["payload"] {
        Value::String(text) => serde_json::from_str(text).unwrap_or_default(),
        batch => batch.clone(),
    };
    let records = batch["Records"].as_array().cloned().unwrap_or_default();
    let failed = |record: &Value| {
        let data = record["kinesis"]["data"].as_str().and_then(|data| STANDARD.decode_to_vec(data).ok());
        let click = Click::from_json(&data.unwrap_or_default());
        let found = match &click {
            Err(error) => Some(error.to_string()),
            Ok(click) => Step::reached_by(click).err().map(|error| error.to_string()),
        };
        FailedRecord {
            event_id: click.ok().map(|click| click.event_id),
            function: function.to_owned(),
            condition: context["condition"].as_str().unwrap_or("?").to_owned(),
            reason: found.or(told.map(str::to_owned)).unwrap_or_else(|| "no reason given".into()),
            place: place.to_owned(),
        }
    };
    records.iter().map(failed).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn failure_objects_are_read_in_both_forms() {
        let click = json!({"event_id": "e1", "session_id": "s", "timestamp": "2026-06-15T10:00:00Z",
                           "type": "purchase", "page": "/"});
        let batch = json!({"Records": [{"kinesis": {"data": STANDARD.encode_to_string(click.to_string())}}]});
        for payload in [batch.clone(), json!(batch.to_string())] {
            let object = json!({
                "requestContext": {
                    "functionArn": "arn:aws:lambda:us-east-1:000000000000:function:funnel:$LATEST",
                    "condition": "RetryAttemptsExhausted"
                },
                "payload": payload
            });
            let expected = FailedRecord {
                event_id: Some("e1".into()),
                function: "funnel".into(),
                condition: "RetryAttemptsExhausted".into(),
                reason: "purchase without amount_cents".into(),
                place: "s3://b/k".into(),
            };
            assert_eq!(failed_records("s3://b/k", object.to_string().as_bytes()), [expected]);
        }
        assert_eq!(failed_records("s3://b/k", b"no json"), []);
    }

    #[test]
    fn error_lines_are_decoded() {
        let content = b"{\"line\":3,\"reason\":\"not JSON\",\"raw\":\"//4=\",\"encoding\":\"base64\"}\n";
        assert_eq!(error_lines("p", content)[0].raw, "\u{fffd}\u{fffd}");
    }
}

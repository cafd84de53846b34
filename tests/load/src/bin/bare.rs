//! The limit to measure beside: a server that reads and parses the bodies of PutRecords, and keeps
//! nothing. Argument: the port.

use std::borrow::Cow;
use std::error::Error;

use axum::Router;
use axum::body::Bytes;
use axum::http::HeaderMap;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PutRecords<'a> {
    #[serde(borrow, default)]
    records: Vec<Record<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Record<'a> {
    #[serde(borrow)]
    data: Cow<'a, str>,
    #[serde(borrow)]
    partition_key: Cow<'a, str>,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let port = std::env::args().nth(1).ok_or("the port is missing")?;
    let listener = tokio::net::TcpListener::bind(format!("127.0.0.1:{port}")).await?;
    axum::serve(listener, Router::new().fallback(answer)).await?;
    Ok(())
}

async fn answer(headers: HeaderMap, body: Bytes) -> String {
    let operation = headers.get("x-amz-target").map_or(&b""[..], |target| target.as_bytes());
    if !operation.ends_with(b".PutRecords") {
        return r#"{"StreamDescriptionSummary":{"StreamStatus":"ACTIVE"}}"#.into();
    }
    let Ok(request) = serde_json::from_slice::<PutRecords<'_>>(&body) else { return "{}".into() };
    let mut records = String::new();
    for record in &request.records {
        let bytes = STANDARD.decode(record.data.as_bytes()).map_or(0, |data| data.len() + record.partition_key.len());
        // Of the length that a real answer has.
        records.push_str(&format!(r#"{{"SequenceNumber":"{bytes:056}","ShardId":"shardId-000000000000"}},"#));
    }
    format!(r#"{{"FailedRecordCount":0,"Records":[{}]}}"#, records.trim_end_matches(','))
}

//! `anabranch tail`: a stream's records, read from a running server by the public API.

use std::io::{self, Write};
use std::time::Duration;

use base64_simd::STANDARD;
use bytes::Bytes;
use clap::Args;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde::Deserialize;
use serde_json::{Value, json};

use super::failure::Failure;
use super::runtime::runtime;

/// Pause between two looks at shards that had nothing new. AWS allows five a second and shard.
const POLL_PAUSE: Duration = Duration::from_millis(500);
/// Longest wait for an answer.
const ANSWER_WAIT_MAX: Duration = Duration::from_secs(30);

#[derive(Debug, Args)]
pub(super) struct TailArguments {
    /// The stream's name
    stream: String,
    /// Where to start: trim-horizon (the oldest record), latest, or a time such as 2026-11-20T08:00:00Z
    #[arg(long, default_value = "trim-horizon", value_name = "PLACE")]
    from: String,
    /// Go on and print records as they arrive, until interrupted
    #[arg(long, short)]
    follow: bool,
    /// Print each record as a line of JSON with its shard, sequence number, key and time
    #[arg(long)]
    json: bool,
    /// The server
    #[arg(long, env = "AWS_ENDPOINT_URL", default_value = "http://127.0.0.1:4566", value_name = "URL")]
    endpoint_url: String,
    /// The stream's region
    #[arg(long, env = "AWS_REGION", default_value = anabranch_protocol::DEFAULT_REGION)]
    region: String,
    /// The stream's account, if it is another than the server's own: twelve digits
    #[arg(long, env = "AWS_ACCESS_KEY_ID", default_value = anabranch_protocol::DEFAULT_ACCOUNT_ID)]
    account: String,
}

pub(super) fn run(arguments: &TailArguments) -> Result<(), Failure> {
    let from = Start::parse(&arguments.from)?;
    runtime()?.block_on(tail(arguments, from))
}

/// Where to start, in the words of `GetShardIterator`.
#[derive(Debug, Clone, PartialEq)]
struct Start(Value);

impl Start {
    fn parse(text: &str) -> Result<Self, Failure> {
        match text {
            "trim-horizon" => Ok(Self(json!({"ShardIteratorType": "TRIM_HORIZON"}))),
            "latest" => Ok(Self(json!({"ShardIteratorType": "LATEST"}))),
            time => match time.parse::<jiff::Timestamp>() {
                Ok(time) => {
                    let seconds = time.as_millisecond() as f64 / 1000.0;
                    Ok(Self(json!({"ShardIteratorType": "AT_TIMESTAMP", "Timestamp": seconds})))
                }
                Err(error) => {
                    let message =
                        format!("--from takes trim-horizon, latest or a time in RFC 3339, not {text:?}: {error}");
                    Err(Failure { message, exit_code: 2 })
                }
            },
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListShardsOutput {
    shards: Vec<Shard>,
    next_token: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Shard {
    shard_id: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GetShardIteratorOutput {
    shard_iterator: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GetRecordsOutput {
    records: Vec<Record>,
    next_shard_iterator: Option<String>,
    millis_behind_latest: Option<u64>,
    #[serde(default)]
    child_shards: Vec<Shard>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Record {
    sequence_number: String,
    partition_key: String,
    data: anabranch_protocol::Blob,
    approximate_arrival_timestamp: f64,
}

/// A shard being read.
struct Cursor {
    shard_id: String,
    /// `None` once the shard is closed and read to its end.
    iterator: Option<String>,
}

async fn tail(arguments: &TailArguments, from: Start) -> Result<(), Failure> {
    let kinesis = Kinesis::new(arguments);
    let mut cursors = Vec::new();
    for shard_id in kinesis.shards().await? {
        cursors.push(kinesis.cursor(shard_id, &from).await?);
    }
    loop {
        let mut at_tip = true;
        let mut children: Vec<String> = Vec::new();
        for cursor in &mut cursors {
            let Some(iterator) = cursor.iterator.take() else { continue };
            let output: GetRecordsOutput = kinesis.call("GetRecords", json!({"ShardIterator": iterator})).await?;
            if !print(&cursor.shard_id, &output.records, arguments.json)? {
                return Ok(());
            }
            at_tip &= output.next_shard_iterator.is_none() || output.millis_behind_latest.unwrap_or(0) == 0;
            cursor.iterator = output.next_shard_iterator;
            children.extend(output.child_shards.into_iter().map(|child| child.shard_id));
        }
        for child in children {
            // Both parents of a merged shard name it.
            if cursors.iter().all(|cursor| cursor.shard_id != child) {
                at_tip = false;
                cursors.push(kinesis.cursor(child, &Start(json!({"ShardIteratorType": "TRIM_HORIZON"}))).await?);
            }
        }
        cursors.retain(|cursor| cursor.iterator.is_some());
        match (at_tip, arguments.follow) {
            (true, false) => return Ok(()),
            (true, true) => tokio::time::sleep(POLL_PAUSE).await,
            (false, _) => {}
        }
    }
}

/// Prints records; false once nobody reads them any more.
fn print(shard_id: &str, records: &[Record], as_json: bool) -> Result<bool, Failure> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    let write = |out: &mut dyn Write| -> io::Result<()> {
        for record in records {
            match as_json {
                true => writeln!(out, "{}", to_json(shard_id, record))?,
                false => {
                    out.write_all(record.data.0.strip_suffix(b"\n").unwrap_or(&record.data.0))?;
                    out.write_all(b"\n")?;
                }
            }
        }
        out.flush()
    };
    match write(&mut out) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(Failure::new(error)),
    }
}

fn to_json(shard_id: &str, record: &Record) -> Value {
    let mut line = json!({
        "shardId": shard_id,
        "sequenceNumber": record.sequence_number,
        "partitionKey": record.partition_key,
        "approximateArrivalTimestamp": record.approximate_arrival_timestamp,
    });
    match std::str::from_utf8(&record.data.0) {
        Ok(text) => line["data"] = text.into(),
        Err(_) => line["dataBase64"] = STANDARD.encode_to_string(&record.data.0).into(),
    }
    line
}

/// Kinesis on the server.
struct Kinesis<'a> {
    arguments: &'a TailArguments,
    client: Client<HttpConnector, Full<Bytes>>,
}

impl<'a> Kinesis<'a> {
    fn new(arguments: &'a TailArguments) -> Self {
        Self { arguments, client: Client::builder(TokioExecutor::new()).build_http() }
    }

    async fn shards(&self) -> Result<Vec<String>, Failure> {
        let mut request = json!({"StreamName": self.arguments.stream});
        let mut shards = Vec::new();
        loop {
            let page: ListShardsOutput = self.call("ListShards", request).await?;
            shards.extend(page.shards.into_iter().map(|shard| shard.shard_id));
            match page.next_token {
                Some(token) => request = json!({"NextToken": token}),
                None => return Ok(shards),
            }
        }
    }

    async fn cursor(&self, shard_id: String, start: &Start) -> Result<Cursor, Failure> {
        let mut request = start.0.clone();
        request["StreamName"] = self.arguments.stream.clone().into();
        request["ShardId"] = shard_id.clone().into();
        let output: GetShardIteratorOutput = self.call("GetShardIterator", request).await?;
        Ok(Cursor { shard_id, iterator: Some(output.shard_iterator) })
    }

    async fn call<T: for<'de> Deserialize<'de>>(&self, operation: &str, request: Value) -> Result<T, Failure> {
        let endpoint = self.arguments.endpoint_url.trim_end_matches('/');
        let unreachable = |reason: String| Failure::new(format_args!("can't reach a server at {endpoint}: {reason}"));
        // The server takes any signature; account and region are all it reads.
        let scope = format!("{}/20260101/{}/kinesis/aws4_request", self.arguments.account, self.arguments.region);
        let request = axum::http::Request::post(format!("{endpoint}/"))
            .header("content-type", "application/x-amz-json-1.1")
            .header("x-amz-target", format!("Kinesis_20131202.{operation}"))
            .header("authorization", format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"))
            .body(Full::new(Bytes::from(request.to_string())))
            .map_err(|error| unreachable(error.to_string()))?;
        let answered = tokio::time::timeout(ANSWER_WAIT_MAX, self.client.request(request)).await;
        let response = answered
            .map_err(|_| unreachable(format!("no answer within {ANSWER_WAIT_MAX:?}")))?
            .map_err(|error| unreachable(root_cause(&error)))?;
        let status = response.status();
        let body = response.into_body().collect().await.map_err(|error| unreachable(error.to_string()))?.to_bytes();
        if status.is_success() {
            return serde_json::from_slice(&body)
                .map_err(|error| Failure::new(format_args!("{operation}: the answer can't be read: {error}")));
        }
        let error: Value = serde_json::from_slice(&body).unwrap_or_default();
        let reason = error["message"].as_str().map_or_else(|| status.to_string(), str::to_string);
        Err(Failure::new(format_args!("{operation}: {reason}")))
    }
}

/// The innermost error says what happened; the outer ones say that something did.
fn root_cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_to_start_from() {
        assert_eq!(Start::parse("latest").ok(), Some(Start(json!({"ShardIteratorType": "LATEST"}))));
        let at = Start::parse("2026-11-20T08:00:00.5Z").ok();
        assert_eq!(at, Some(Start(json!({"ShardIteratorType": "AT_TIMESTAMP", "Timestamp": 1_795_161_600.5}))));
        assert!(Start::parse("yesterday").is_err_and(|failure| failure.exit_code == 2));
    }
}

//! `anabranch tail`: a stream's records, read from a running server by the public API.

use std::error::Error;
use std::io::{self, Write};
use std::time::Duration;

use aws_sdk_kinesis::Client;
use aws_sdk_kinesis::config::timeout::TimeoutConfig;
use aws_sdk_kinesis::config::{Credentials, Region};
use aws_sdk_kinesis::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_kinesis::primitives::DateTime;
use aws_sdk_kinesis::types::{Record, ShardIteratorType};
use base64_simd::STANDARD;
use clap::Args;
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
    /// Keep printing records as they arrive, until interrupted
    #[arg(long, short)]
    follow: bool,
    /// Print each record as a line of JSON with its shard, sequence number, key and time
    #[arg(long)]
    json: bool,
    /// The server
    #[arg(long, env = "AWS_ENDPOINT_URL", default_value = "http://127.0.0.1:4566", value_name = "URL")]
    endpoint_url: String,
    /// The stream's region
    #[arg(long, env = "AWS_REGION", default_value = anabranch_protocol::Region::DEFAULT_NAME)]
    region: String,
    /// The stream's account, if it is not the server's own: twelve digits
    #[arg(long, env = "AWS_ACCESS_KEY_ID", default_value_t = anabranch_protocol::Account::DEFAULT.to_string())]
    account: String,
}

pub(super) fn run(arguments: &TailArguments) -> Result<(), Failure> {
    let from = Start::parse(&arguments.from)?;
    runtime()?.block_on(tail(arguments, from))
}

/// Where to start reading a shard.
#[derive(Debug, Clone, PartialEq)]
enum Start {
    TrimHorizon,
    Latest,
    At(DateTime),
}

impl Start {
    fn parse(text: &str) -> Result<Self, Failure> {
        match text {
            "trim-horizon" => Ok(Self::TrimHorizon),
            "latest" => Ok(Self::Latest),
            time => match time.parse::<jiff::Timestamp>() {
                Ok(time) => Ok(Self::At(DateTime::from_millis(time.as_millisecond()))),
                Err(error) => {
                    let message =
                        format!("--from takes trim-horizon, latest or a time in RFC 3339, not {text:?}: {error}");
                    Err(Failure { message, exit_code: 2 })
                }
            },
        }
    }
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
            let output = kinesis.client.get_records().shard_iterator(iterator).send().await;
            let output = output.map_err(|error| kinesis.failure("GetRecords", &error))?;
            if !print(&cursor.shard_id, output.records(), arguments.json)? {
                return Ok(());
            }
            at_tip &= output.next_shard_iterator().is_none() || output.millis_behind_latest().unwrap_or(0) == 0;
            children.extend(output.child_shards().iter().map(|child| child.shard_id().to_string()));
            cursor.iterator = output.next_shard_iterator;
        }
        for child in children {
            // Both parents of a merged shard name it.
            if cursors.iter().all(|cursor| cursor.shard_id != child) {
                at_tip = false;
                cursors.push(kinesis.cursor(child, &Start::TrimHorizon).await?);
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
                    let data = record.data().as_ref();
                    out.write_all(data.strip_suffix(b"\n").unwrap_or(data))?;
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
    let data = record.data().as_ref();
    let mut line = json!({
        "shardId": shard_id,
        "sequenceNumber": record.sequence_number(),
        "partitionKey": record.partition_key(),
        "approximateArrivalTimestamp": record.approximate_arrival_timestamp().map(DateTime::as_secs_f64),
    });
    match std::str::from_utf8(data) {
        Ok(text) => line["data"] = text.into(),
        Err(_) => line["dataBase64"] = STANDARD.encode_to_string(data).into(),
    }
    line
}

/// Kinesis on the server.
struct Kinesis<'a> {
    arguments: &'a TailArguments,
    client: Client,
}

impl<'a> Kinesis<'a> {
    fn new(arguments: &'a TailArguments) -> Self {
        // The server takes any signature; account and region are all it reads.
        let credentials = Credentials::new(&arguments.account, "any", None, None, "anabranch tail");
        let config = aws_sdk_kinesis::Config::builder()
            .endpoint_url(&arguments.endpoint_url)
            .region(Region::new(arguments.region.clone()))
            .credentials_provider(credentials)
            .timeout_config(TimeoutConfig::builder().operation_timeout(ANSWER_WAIT_MAX).build());
        Self { arguments, client: Client::from_conf(config.build()) }
    }

    async fn shards(&self) -> Result<Vec<String>, Failure> {
        let mut shards = Vec::new();
        let mut request = self.client.list_shards().stream_name(&self.arguments.stream);
        loop {
            let page = request.send().await.map_err(|error| self.failure("ListShards", &error))?;
            shards.extend(page.shards().iter().map(|shard| shard.shard_id().to_string()));
            match page.next_token {
                Some(token) => request = self.client.list_shards().next_token(token),
                None => return Ok(shards),
            }
        }
    }

    async fn cursor(&self, shard_id: String, start: &Start) -> Result<Cursor, Failure> {
        let request = self.client.get_shard_iterator().stream_name(&self.arguments.stream).shard_id(&shard_id);
        let request = match start {
            Start::TrimHorizon => request.shard_iterator_type(ShardIteratorType::TrimHorizon),
            Start::Latest => request.shard_iterator_type(ShardIteratorType::Latest),
            Start::At(time) => request.shard_iterator_type(ShardIteratorType::AtTimestamp).timestamp(*time),
        };
        let output = request.send().await.map_err(|error| self.failure("GetShardIterator", &error))?;
        Ok(Cursor { shard_id, iterator: output.shard_iterator })
    }

    /// In the server's words, if it answered.
    fn failure<E, R>(&self, operation: &str, error: &SdkError<E, R>) -> Failure
    where
        E: ProvideErrorMetadata + Error + 'static,
        R: std::fmt::Debug,
    {
        match error.as_service_error() {
            Some(refused) => {
                let reason = refused.message().or(refused.code()).unwrap_or("the server failed");
                Failure::new(format_args!("{operation}: {reason}"))
            }
            None => {
                let endpoint = &self.arguments.endpoint_url;
                Failure::new(format_args!("can't reach a server at {endpoint}: {}", root_cause(error)))
            }
        }
    }
}

/// The innermost error says what happened; the outer ones say that something did.
fn root_cause(error: &dyn Error) -> String {
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
        assert_eq!(Start::parse("latest").ok(), Some(Start::Latest));
        let at = Start::parse("2026-11-20T08:00:00.5Z").ok();
        assert_eq!(at, Some(Start::At(DateTime::from_secs_f64(1_795_161_600.5))));
        assert!(Start::parse("yesterday").is_err_and(|failure| failure.exit_code == 2));
    }
}

//! `anabranch logs`: what a function writes, read from a running server by the public API.
//!
//! Of CloudWatch Logs one operation is called, so the call is made by hand: its SDK would take longer
//! to build than the rest of the program.

use std::collections::HashSet;
use std::io::{self, Write};
use std::time::Duration;

use axum::body::Bytes;
use clap::Args;
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};

use super::failure::Failure;
use super::runtime::runtime;

/// Pause between two looks at a log that had nothing new.
const POLL_PAUSE: Duration = Duration::from_millis(500);
/// Longest wait for an answer.
const ANSWER_WAIT_MAX: Duration = Duration::from_secs(30);

#[derive(Debug, Args)]
pub(super) struct LogsArguments {
    /// The function's name, or a log group's, which begins with a slash
    function: String,
    /// Keep printing lines as they are written, until interrupted
    #[arg(long, short)]
    follow: bool,
    /// How far to look back, such as 10m or 2h
    #[arg(long, default_value = "10m", value_name = "TIME")]
    since: SignedDuration,
    /// Print what matches a filter pattern only, such as ERROR or '{ $.level = "ERROR" }'
    #[arg(long, value_name = "PATTERN")]
    filter: Option<String>,
    /// The server, by http
    #[arg(long, env = "AWS_ENDPOINT_URL", default_value = "http://127.0.0.1:4566", value_name = "URL")]
    endpoint_url: String,
    /// The function's region
    #[arg(long, env = "AWS_REGION", default_value = anabranch_protocol::Region::DEFAULT_NAME)]
    region: String,
    /// The function's account, if it is not the server's own: twelve digits
    #[arg(long, env = "AWS_ACCESS_KEY_ID", default_value_t = anabranch_protocol::Account::DEFAULT.to_string())]
    account: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page {
    events: Vec<Event>,
    next_token: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    event_id: String,
    timestamp: i64,
    message: String,
}

pub(super) fn run(arguments: &LogsArguments) -> Result<(), Failure> {
    runtime()?.block_on(print_all(arguments))
}

async fn print_all(arguments: &LogsArguments) -> Result<(), Failure> {
    let server = Server { client: Client::builder(TokioExecutor::new()).build_http(), arguments };
    let mut start = (Timestamp::now() - arguments.since).as_millisecond();
    // Events of the millisecond from which the next look begins come again.
    let mut seen = HashSet::new();
    loop {
        let mut token = None;
        loop {
            let page = server.page(start, token).await?;
            let new = page.events.iter().filter(|event| !seen.contains(&event.event_id));
            if !print(new)? {
                return Ok(());
            }
            for event in page.events {
                if event.timestamp > start {
                    start = event.timestamp;
                    seen.clear();
                }
                seen.insert(event.event_id);
            }
            token = page.next_token;
            if token.is_none() {
                break;
            }
        }
        if !arguments.follow {
            return Ok(());
        }
        tokio::time::sleep(POLL_PAUSE).await;
    }
}

/// Prints events; false once nobody reads them any more.
fn print<'a>(mut events: impl Iterator<Item = &'a Event>) -> Result<bool, Failure> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    let written = events.try_for_each(|event| writeln!(out, "{}", line(event)));
    match written.and_then(|()| out.flush()) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(Failure::new(error)),
    }
}

/// The time and the message, without the newline that functions' lines end with.
fn line(event: &Event) -> String {
    let time = Timestamp::from_millisecond(event.timestamp).unwrap_or_default();
    format!("{} {}", time.strftime("%Y-%m-%dT%H:%M:%S%.3fZ"), event.message.trim_end())
}

/// CloudWatch Logs on the server.
struct Server<'a> {
    client: Client<HttpConnector, Full<Bytes>>,
    arguments: &'a LogsArguments,
}

impl Server<'_> {
    async fn page(&self, start: i64, token: Option<String>) -> Result<Page, Failure> {
        let LogsArguments { function, filter, endpoint_url, region, account, .. } = self.arguments;
        let group = if function.starts_with('/') { function.clone() } else { format!("/aws/lambda/{function}") };
        let mut body = json!({ "logGroupName": group, "startTime": start });
        if let Some(pattern) = filter {
            body["filterPattern"] = pattern.as_str().into();
        }
        if let Some(token) = token {
            body["nextToken"] = token.into();
        }
        // The server takes any signature; account and region are all it reads.
        let scope = format!(
            "AWS4-HMAC-SHA256 Credential={account}/20260101/{region}/logs/aws4_request, SignedHeaders=host, Signature=any"
        );
        let request = Request::post(endpoint_url)
            .header("Content-Type", "application/x-amz-json-1.1")
            .header("X-Amz-Target", "Logs_20140328.FilterLogEvents")
            .header("Authorization", scope)
            .body(Full::from(body.to_string()))
            .map_err(Failure::new)?;
        let unreachable = |error: &dyn std::fmt::Display| {
            Failure::new(format_args!("can't reach a server at {endpoint_url}: {error}"))
        };
        let answer = tokio::time::timeout(ANSWER_WAIT_MAX, self.client.request(request)).await;
        let answer = answer.map_err(|error| unreachable(&error))?.map_err(|error| unreachable(&error))?;
        let is_success = answer.status().is_success();
        let body = answer.into_body().collect().await.map_err(|error| unreachable(&error))?.to_bytes();
        if is_success {
            return serde_json::from_slice(&body).map_err(Failure::new);
        }
        let error: Value = serde_json::from_slice(&body).unwrap_or_default();
        if self.arguments.follow && error["__type"] == "ResourceNotFoundException" {
            // A function's log group is there once the function has run.
            return Ok(Page::default());
        }
        let reason = error["message"].as_str().unwrap_or("the server failed");
        Err(Failure::new(format_args!("log group {group}: {reason}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_have_their_time_and_one_newline() {
        let event = Event { event_id: "1".into(), timestamp: 1_573_691_886_021, message: "a line\n".into() };
        assert_eq!(line(&event), "2019-11-14T00:38:06.021Z a line");
    }
}

//! Draining a stream by GetRecords.

use std::sync::Barrier;
use std::time::Instant;

use serde_json::{Value, json};

use crate::connection::{Connection, request};
use crate::measure::Measured;
use crate::options::Options;

/// Drains shards, one after the other, until the time is up; connections begin at different ones.
pub(crate) fn get(options: &Options, number: usize, start: &Barrier) -> Result<Measured, String> {
    let failed = |error: std::io::Error| error.to_string();
    let mut connection = Connection::open(options.endpoint).map_err(failed)?;
    start.wait();
    let began = Instant::now();
    let mut measured = Measured::default();
    for shard in (0..options.shards as usize).cycle().skip(number) {
        let from = json!({ "StreamName": options.stream, "ShardId": format!("shardId-{shard:012}"),
            "ShardIteratorType": "TRIM_HORIZON" });
        let (_, body) = connection.call(&request("GetShardIterator", &from)).map_err(failed)?;
        let answer: Value = serde_json::from_slice(&body).map_err(|error| error.to_string())?;
        let mut iterator = answer["ShardIterator"].as_str().ok_or_else(|| answer.to_string())?.to_string();
        loop {
            let before = Instant::now();
            let call = request("GetRecords", &json!({ "ShardIterator": iterator, "Limit": 10_000 }));
            let (status, body) = connection.call(&call).map_err(failed)?;
            let after = Instant::now();
            if status != 200 {
                return Err(format!("status {status}: {}", String::from_utf8_lossy(&body)));
            }
            let records = occurrences(&body, b"\"PartitionKey\"");
            if before.duration_since(began).as_secs_f64() >= options.warm_up && records > 0 {
                measured.latencies.push(after - before);
                measured.records += records;
            }
            if after.duration_since(began).as_secs_f64() >= options.warm_up + options.seconds {
                return Ok(measured);
            }
            match text_of(&body, "\"NextShardIterator\"") {
                Some(next) if records > 0 => iterator = next,
                _ => break,
            }
        }
    }
    Ok(measured)
}

/// How often `what` occurs, without parsing what may be ten megabytes.
pub(crate) fn occurrences(body: &[u8], what: &[u8]) -> u64 {
    memchr::memmem::find_iter(body, what).count() as u64
}

/// The text behind a member's name.
fn text_of(body: &[u8], name: &str) -> Option<String> {
    let at = memchr::memmem::rfind(body, name.as_bytes())? + name.len();
    let rest = std::str::from_utf8(body.get(at..(at + 1024).min(body.len()))?).ok()?;
    rest.split('"').nth(1).map(String::from)
}

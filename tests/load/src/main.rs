//! Measures a Kinesis endpoint: puts from several connections, each waiting for its answer, and
//! prints records a second with the latencies of the calls. The requests are made before the
//! clock runs, so that the client costs little.
//!
//! `cargo run --release -p anabranch-load -- --endpoint 127.0.0.1:4566 --connections 8 --batch 100`

mod connection;

use std::error::Error;
use std::net::SocketAddr;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clap::Parser;
use serde_json::json;

use connection::{Connection, request};

/// Load on a Kinesis endpoint
#[derive(Debug, Clone, Parser)]
struct Options {
    /// Where the endpoint listens
    #[arg(long, default_value = "127.0.0.1:4566")]
    endpoint: SocketAddr,
    /// Connections, each with one call at a time
    #[arg(long, default_value_t = 8)]
    connections: usize,
    /// Records a call; 1 calls PutRecord, more call PutRecords
    #[arg(long, default_value_t = 100)]
    batch: usize,
    /// Bytes of a record's data
    #[arg(long, default_value_t = 512)]
    bytes: usize,
    /// Shards of the stream
    #[arg(long, default_value_t = 4)]
    shards: u32,
    /// Seconds that are measured
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
    /// Seconds before that
    #[arg(long, default_value_t = 1.0)]
    warm_up: f64,
    /// Stream to put to; made if absent
    #[arg(long, default_value = "load")]
    stream: String,
    /// Stop after so many records instead of by time
    #[arg(long)]
    records: Option<u64>,
}

/// What one connection measured.
#[derive(Debug, Default)]
struct Measured {
    latencies: Vec<Duration>,
    failed_records: u64,
}

fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::parse();
    make_stream(&options)?;
    let start = Barrier::new(options.connections);
    let began = Instant::now();
    let measured = thread::scope(|scope| {
        let threads: Vec<_> = (0..options.connections)
            .map(|number| {
                scope.spawn({
                    let (options, start) = (&options, &start);
                    move || put(options, number, start)
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().map_err(|_| "a connection panicked".to_string())?).collect()
    });
    let measured: Result<Vec<Measured>, String> = measured;
    let measured = measured?;
    let elapsed = match options.records {
        Some(_) => began.elapsed().as_secs_f64(),
        None => options.seconds,
    };
    let mut latencies: Vec<Duration> = measured.iter().flat_map(|one| one.latencies.iter().copied()).collect();
    latencies.sort_unstable();
    let at =
        |share: f64| latencies.get((latencies.len() as f64 * share) as usize).map_or(0.0, |it| it.as_secs_f64() * 1e3);
    let failed: u64 = measured.iter().map(|one| one.failed_records).sum();
    let records = (latencies.len() * options.batch) as u64 - failed;
    println!(
        "{}",
        json!({
            "records_per_second": (records as f64 / elapsed).round(),
            "calls": latencies.len(),
            "failed_records": failed,
            "p50_ms": at(0.5),
            "p99_ms": at(0.99),
        })
    );
    Ok(())
}

fn make_stream(options: &Options) -> Result<(), Box<dyn Error>> {
    let mut connection = Connection::open(options.endpoint)?;
    let create = json!({ "StreamName": options.stream, "ShardCount": options.shards });
    // It may be there from a run before.
    connection.call(&request("CreateStream", &create))?;
    let describe = request("DescribeStreamSummary", &json!({ "StreamName": options.stream }));
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let (_, body) = connection.call(&describe)?;
        if String::from_utf8_lossy(&body).contains("\"ACTIVE\"") {
            return Ok(());
        }
        if Instant::now() > deadline {
            return Err("the stream does not become ACTIVE".into());
        }
        thread::sleep(Duration::from_millis(20));
    }
}

fn put(options: &Options, number: usize, start: &Barrier) -> Result<Measured, String> {
    let data = STANDARD.encode(vec![b'x'; options.bytes]);
    let record = |key: usize| json!({ "Data": data, "PartitionKey": format!("key-{number}-{key}") });
    let requests: Vec<Vec<u8>> = (0..16)
        .map(|variant| match options.batch {
            1 => {
                let mut body = record(variant);
                body["StreamName"] = json!(options.stream);
                request("PutRecord", &body)
            }
            batch => {
                let records: Vec<_> = (0..batch).map(|key| record(variant * batch + key)).collect();
                request("PutRecords", &json!({ "StreamName": options.stream, "Records": records }))
            }
        })
        .collect();
    let mut connection = Connection::open(options.endpoint).map_err(|error| error.to_string())?;
    start.wait();
    let began = Instant::now();
    let mut measured = Measured::default();
    for call in 0.. {
        let before = Instant::now();
        let (status, body) = connection.call(&requests[call % requests.len()]).map_err(|error| error.to_string())?;
        let after = Instant::now();
        if status != 200 {
            return Err(format!("status {status}: {}", String::from_utf8_lossy(&body)));
        }
        let is_counted = options.records.is_some() || before.duration_since(began).as_secs_f64() >= options.warm_up;
        if is_counted {
            measured.latencies.push(after - before);
            measured.failed_records += failed_records(&body);
        }
        let is_over = match options.records {
            Some(records) => (call + 1) as u64 * (options.batch * options.connections) as u64 >= records,
            None => after.duration_since(began).as_secs_f64() >= options.warm_up + options.seconds,
        };
        if is_over {
            return Ok(measured);
        }
    }
    Ok(measured)
}

/// `FailedRecordCount`, found without parsing the whole answer.
fn failed_records(body: &[u8]) -> u64 {
    let text = String::from_utf8_lossy(body);
    let Some((_, rest)) = text.split_once("\"FailedRecordCount\":") else { return 0 };
    let digits: String = rest.trim_start().chars().take_while(char::is_ascii_digit).collect();
    digits.parse().unwrap_or(0)
}

//! Measures a Kinesis endpoint: puts or gets from several connections, each waiting for its answer,
//! or subscriptions by enhanced fan-out. Or a DynamoDB endpoint: updates of items. Prints records a second with the latencies of the calls.
//! Requests are made before the clock runs, so that the client costs little.
//!
//! `cargo run --release -p anabranch-load -- --endpoint 127.0.0.1:4566 --connections 8 --batch 100`

mod connection;
mod fan_out;
mod get;
mod put;
mod update;

use std::error::Error;
use std::net::SocketAddr;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use clap::{Parser, ValueEnum};
use serde_json::json;

use connection::{Connection, request};

/// Load on a Kinesis endpoint
#[derive(Debug, Clone, Parser)]
struct Options {
    /// What to do
    #[arg(long, value_enum, default_value_t = Work::Put)]
    work: Work,
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
    /// Stream to put to, or table to update; made if absent
    #[arg(long, default_value = "load")]
    stream: String,
    /// Stop after so many records instead of by time
    #[arg(long)]
    records: Option<u64>,
    /// Streams, for `subscribers`
    #[arg(long, default_value_t = 50)]
    streams: usize,
    /// Consumers of each stream, for `subscribers`
    #[arg(long, default_value_t = 20)]
    consumers: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Work {
    /// Put records
    Put,
    /// Drain the stream by GetRecords, again and again
    Get,
    /// Put single records and take the time until a subscriber has each
    Delivery,
    /// Update items of a table, each of which counts a click
    Update,
    /// Have many subscribers each get every record
    Subscribers,
}

/// What one connection measured.
#[derive(Debug, Default)]
struct Measured {
    latencies: Vec<Duration>,
    records: u64,
    failed_records: u64,
    took: Duration,
}

fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::parse();
    match options.work {
        Work::Put => {
            make_stream(&options, &options.stream, options.shards)?;
            report(&options, &measure(&options, put::put)?);
        }
        Work::Get => report(&options, &measure(&options, get::get)?),
        Work::Update => {
            update::make_table(&options)?;
            report(&options, &measure(&options, update::update)?);
        }
        Work::Delivery => println!("{}", fan_out::delivery(&options)?),
        Work::Subscribers => println!("{}", fan_out::subscribers(&options)?),
    }
    Ok(())
}

/// Runs `work` on all connections at once; it is told the number of its connection.
fn measure(
    options: &Options,
    work: fn(&Options, usize, &Barrier) -> Result<Measured, String>,
) -> Result<Vec<Measured>, String> {
    let start = Barrier::new(options.connections);
    thread::scope(|scope| {
        let start = &start;
        let threads: Vec<_> =
            (0..options.connections).map(|number| scope.spawn(move || work(options, number, start))).collect();
        threads.into_iter().map(|thread| thread.join().map_err(|_| "a connection panicked".to_string())?).collect()
    })
}

fn report(options: &Options, measured: &[Measured]) {
    let latencies = measured.iter().flat_map(|one| one.latencies.iter().copied()).collect();
    let records: u64 = measured.iter().map(|one| one.records).sum();
    let seconds = match options.records {
        Some(_) => measured.iter().map(|one| one.took.as_secs_f64()).fold(0.0, f64::max),
        None => options.seconds,
    };
    let rate = records as f64 / seconds;
    let [p50, p99] = percentiles(latencies);
    println!(
        "{}",
        json!({
            "records_per_second": rate.round(),
            "mb_per_second": (rate * options.bytes as f64 / 1e6).round(),
            "records": records,
            "failed_records": measured.iter().map(|one| one.failed_records).sum::<u64>(),
            "p50_ms": p50,
            "p99_ms": p99,
        })
    );
}

/// Median and 99th percentile in milliseconds.
fn percentiles(mut latencies: Vec<Duration>) -> [f64; 2] {
    latencies.sort_unstable();
    let at = |share: f64| latencies.get((latencies.len() as f64 * share) as usize);
    [0.5, 0.99].map(|share| at(share).map_or(0.0, |latency| latency.as_secs_f64() * 1e3))
}

fn make_stream(options: &Options, stream: &str, shards: u32) -> Result<(), Box<dyn Error>> {
    let mut connection = Connection::open(options.endpoint)?;
    let create = json!({ "StreamName": stream, "ShardCount": shards });
    // It may be there from a run before.
    connection.call(&request("CreateStream", &create))?;
    let describe = request("DescribeStreamSummary", &json!({ "StreamName": stream }));
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

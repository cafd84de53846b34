//! Subscriptions by enhanced fan-out: how soon a record is delivered, and many of them at once.

use std::error::Error;
use std::io;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::connection::{Connection, Subscription, request};
use crate::get::occurrences;
use crate::measure::percentiles;
use crate::options::Options;
use crate::stream::make_stream;

type Outcome = Result<Value, Box<dyn Error>>;

/// Stack of a thread that only reads a socket.
const STACK_BYTES: usize = 256 << 10;

/// Puts single records, one at a time, and takes the time until a subscriber has each: from the
/// call on, and beyond the answer to it, which comes when the record is flushed.
pub(crate) fn delivery(options: &Options) -> Outcome {
    make_stream(options, &options.stream, 1)?;
    let mut connection = Connection::open(options.endpoint)?;
    let arn = register(&mut connection, &options.stream, "delivery")?;
    let mut subscription = subscribe(options, &arn)?;
    let (sender, delivered) = mpsc::channel();
    thread::spawn(move || {
        while let Ok(message) = subscription.next() {
            let now = Instant::now();
            if occurrences(&message, b"\"PartitionKey\"") > 0 && sender.send(now).is_err() {
                return;
            }
        }
    });
    let data = STANDARD.encode(vec![b'x'; options.bytes]);
    let put = request("PutRecord", &json!({ "StreamName": options.stream, "Data": data, "PartitionKey": "key" }));
    let (mut answers, mut deliveries, mut beyond) = (Vec::new(), Vec::new(), Vec::new());
    let began = Instant::now();
    while began.elapsed().as_secs_f64() < options.seconds {
        let before = Instant::now();
        let (status, body) = connection.call(&put)?;
        let answered = Instant::now();
        if status != 200 {
            return Err(String::from_utf8_lossy(&body).into());
        }
        let delivered = delivered.recv_timeout(Duration::from_secs(10))?;
        answers.push(answered - before);
        deliveries.push(delivered - before);
        beyond.push(delivered.saturating_duration_since(answered));
        thread::sleep(Duration::from_millis(2));
    }
    let count = answers.len();
    Ok(json!({
        "records": count,
        "put_p50_p99_ms": percentiles(answers),
        "delivery_p50_p99_ms": percentiles(deliveries),
        "delivery_beyond_answer_p50_p99_ms": percentiles(beyond),
    }))
}

/// Subscribes all consumers of all streams, puts records to each stream and counts what came.
pub(crate) fn subscribers(options: &Options) -> Outcome {
    let records = options.records.unwrap_or(100);
    let mut connection = Connection::open(options.endpoint)?;
    let streams: Vec<String> = (0..options.streams).map(|number| format!("{}-{number}", options.stream)).collect();
    let mut threads = Vec::new();
    for stream in &streams {
        make_stream(options, stream, 1)?;
        for consumer in 0..options.consumers {
            let arn = register(&mut connection, stream, &format!("consumer-{consumer}"))?;
            let mut subscription = subscribe(options, &arn)?;
            let thread = thread::Builder::new().stack_size(STACK_BYTES).spawn(move || {
                let mut found = 0;
                while found < records {
                    match subscription.next() {
                        Ok(message) => found += occurrences(&message, b"\"PartitionKey\""),
                        Err(_) => break,
                    }
                }
                found
            })?;
            threads.push(thread);
        }
    }
    let (subscriptions, began) = (threads.len(), Instant::now());
    let data = STANDARD.encode(vec![b'x'; options.bytes]);
    let batch: Vec<_> =
        (0..options.batch).map(|key| json!({ "Data": data, "PartitionKey": key.to_string() })).collect();
    for _ in 0..records / options.batch as u64 {
        for stream in &streams {
            connection.call(&request("PutRecords", &json!({ "StreamName": stream, "Records": batch })))?;
        }
    }
    let found: Vec<u64> = threads.into_iter().map(|thread| thread.join().unwrap_or(0)).collect();
    let seconds = began.elapsed().as_secs_f64();
    let delivered: u64 = found.iter().sum();
    Ok(json!({
        "subscriptions": subscriptions,
        "complete": found.iter().filter(|count| **count >= records).count(),
        "delivered": delivered,
        "delivered_per_second": (delivered as f64 / seconds).round(),
    }))
}

/// Registers a consumer, which only some may be at a time, and waits until it is ACTIVE.
fn register(connection: &mut Connection, stream: &str, name: &str) -> Result<String, Box<dyn Error>> {
    let arn = format!("arn:aws:kinesis:us-east-1:000000000000:stream/{stream}");
    let named = json!({ "StreamARN": arn, "ConsumerName": name });
    let deadline = Instant::now() + Duration::from_secs(60);
    while Instant::now() < deadline {
        // It may be there already, or have to wait for others.
        connection.call(&request("RegisterStreamConsumer", &named))?;
        let (_, body) = connection.call(&request("DescribeStreamConsumer", &named))?;
        let described: Value = serde_json::from_slice(&body)?;
        let consumer = &described["ConsumerDescription"];
        if consumer["ConsumerStatus"] == "ACTIVE" {
            return Ok(consumer["ConsumerARN"].as_str().unwrap_or_default().to_string());
        }
        thread::sleep(Duration::from_millis(5));
    }
    Err("the consumer does not become ACTIVE".into())
}

fn subscribe(options: &Options, consumer_arn: &str) -> io::Result<Subscription> {
    let start = json!({ "ConsumerARN": consumer_arn, "ShardId": "shardId-000000000000",
        "StartingPosition": { "Type": "LATEST" } });
    Connection::open(options.endpoint)?.subscribe(&request("SubscribeToShard", &start))
}

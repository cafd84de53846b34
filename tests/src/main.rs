//! The crash test: kills the server with SIGKILL again and again while eight clients put records,
//! and checks after each restart that nothing acknowledged is lost or out of order within its
//! shard, and that nothing is there twice.
//!
//! `cargo run --release -p anabranch-tests -- --server target/release/anabranch --rounds 200`

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed step is a failed test")]

mod http;

use std::collections::{HashMap, HashSet};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use base64_simd::STANDARD;
use serde_json::{Value, json};

use http::Kinesis;

const CLIENTS: u64 = 8;
const SHARDS: u64 = 4;
const STREAM: &str = "crash";

/// A record that was acknowledged.
struct Acknowledged {
    shard: String,
    sequence_number: String,
    data: String,
    /// Its place among what its client had acknowledged.
    order: (u64, u64),
}

fn main() {
    let (server, rounds) = arguments();
    let directory = tempfile::tempdir().expect("a directory for the data");
    let address = free_address();
    let next_id = AtomicU64::new(0);
    let mut acknowledged: Vec<Acknowledged> = Vec::new();
    let began = Instant::now();
    let mut child = start(&server, directory.path(), address);
    create_stream(address);
    for round in 0..rounds {
        acknowledged.extend(put_until_killed(address, &mut child, &next_id, round));
        child = start(&server, directory.path(), address);
        let found = check(address, &acknowledged);
        if round % 20 == 19 || round + 1 == rounds {
            println!(
                "round {}: {} records acknowledged, {found} found, {:.0} s",
                round + 1,
                acknowledged.len(),
                began.elapsed().as_secs_f64()
            );
        }
    }
    child.kill().expect("the server ends");
    child.wait().expect("the server ends");
    println!("{rounds} kills: {} acknowledged records, none lost, none out of order, none twice", acknowledged.len());
}

fn arguments() -> (PathBuf, u64) {
    let (mut server, mut rounds) = (PathBuf::from("target/release/anabranch"), 200);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let value = arguments.next().expect("each option has a value");
        match argument.as_str() {
            "--server" => server = value.into(),
            "--rounds" => rounds = value.parse().expect("--rounds takes a number"),
            _ => panic!("unknown option {argument}; there are --server FILE and --rounds N"),
        }
    }
    (server, rounds)
}

fn free_address() -> SocketAddr {
    TcpListener::bind(("127.0.0.1", 0)).and_then(|listener| listener.local_addr()).expect("a free port")
}

fn start(server: &Path, data: &Path, address: SocketAddr) -> Child {
    let child = Command::new(server)
        .args(["serve", "--limits", "off", "--listen", &address.to_string(), "--data"])
        .arg(data.join("data"))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the server can be started");
    let deadline = Instant::now() + Duration::from_secs(30);
    while Kinesis::connect(address).and_then(|mut kinesis| kinesis.call("ListStreams", &json!({}))).is_err() {
        assert!(Instant::now() < deadline, "the server does not answer");
        thread::sleep(Duration::from_millis(5));
    }
    child
}

fn create_stream(address: SocketAddr) {
    let mut kinesis = Kinesis::connect(address).expect("a connection");
    let (status, answer) =
        kinesis.call("CreateStream", &json!({ "StreamName": STREAM, "ShardCount": SHARDS })).expect("an answer");
    assert_eq!(status, 200, "{answer}");
    let summary = json!({ "StreamName": STREAM });
    while kinesis.call("DescribeStreamSummary", &summary).expect("an answer").1["StreamDescriptionSummary"]["StreamStatus"]
        != "ACTIVE"
    {
        thread::sleep(Duration::from_millis(5));
    }
}

/// Puts from all clients until the server is killed, after a time that differs from round to round.
fn put_until_killed(address: SocketAddr, child: &mut Child, next_id: &AtomicU64, round: u64) -> Vec<Acknowledged> {
    let killed = AtomicBool::new(false);
    thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|client| {
                let killed = &killed;
                scope.spawn(move || put(address, client, next_id, killed, round))
            })
            .collect();
        thread::sleep(Duration::from_millis(20 + round * 37 % 180));
        child.kill().expect("the server is killed");
        child.wait().expect("the server is gone");
        killed.store(true, Ordering::Release);
        clients.into_iter().flat_map(|client| client.join().expect("the client ends")).collect()
    })
}

fn put(address: SocketAddr, client: u64, next_id: &AtomicU64, killed: &AtomicBool, round: u64) -> Vec<Acknowledged> {
    let mut acknowledged = Vec::new();
    let Ok(mut kinesis) = Kinesis::connect(address) else { return acknowledged };
    let mut calls = 0;
    while !killed.load(Ordering::Acquire) {
        calls += 1;
        let data: Vec<String> = (0..1 + calls % 20)
            .map(|_| {
                let id = next_id.fetch_add(1, Ordering::Relaxed);
                format!("{id} {}", "x".repeat((id % 700) as usize))
            })
            .collect();
        // One partition key a client, so that a shard's order is the order of its calls.
        let records: Vec<Value> = data
            .iter()
            .map(|data| json!({ "Data": STANDARD.encode_to_string(data), "PartitionKey": format!("client-{client}") }))
            .collect();
        let request = json!({ "StreamName": STREAM, "Records": records });
        // Without an answer it is not known what was stored: either is right.
        let Ok((200, answer)) = kinesis.call("PutRecords", &request) else { break };
        for (number, (data, result)) in data.into_iter().zip(answer["Records"].as_array().expect("results")).enumerate()
        {
            if let (Some(number_text), Some(shard)) = (result["SequenceNumber"].as_str(), result["ShardId"].as_str()) {
                acknowledged.push(Acknowledged {
                    shard: shard.into(),
                    sequence_number: number_text.into(),
                    data,
                    order: (round * CLIENTS + client, calls * 1000 + number as u64),
                });
            }
        }
    }
    acknowledged
}

/// Reads all shards and compares. Returns the number of records found.
fn check(address: SocketAddr, acknowledged: &[Acknowledged]) -> usize {
    let mut kinesis = Kinesis::connect(address).expect("a connection");
    let mut places: HashMap<String, (String, String, usize)> = HashMap::new();
    let mut seen = HashSet::new();
    let mut count = 0;
    for shard in 0..SHARDS {
        let shard = format!("shardId-{shard:012}");
        let mut last = String::new();
        let request = json!({ "StreamName": STREAM, "ShardId": shard, "ShardIteratorType": "TRIM_HORIZON" });
        let mut iterator = kinesis.call("GetShardIterator", &request).expect("an answer").1["ShardIterator"].clone();
        loop {
            let (status, answer) =
                kinesis.call("GetRecords", &json!({ "ShardIterator": iterator })).expect("an answer");
            assert_eq!(status, 200, "{answer}");
            let records = answer["Records"].as_array().expect("records");
            for record in records {
                let number = record["SequenceNumber"].as_str().expect("a number").to_string();
                assert!(
                    (last.len(), &last) < (number.len(), &number),
                    "{shard}: sequence numbers increase: {last} then {number}"
                );
                last.clone_from(&number);
                let data = STANDARD.decode_to_vec(record["Data"].as_str().expect("data")).expect("base64");
                let data = String::from_utf8(data).expect("text");
                let id = data.split(' ').next().expect("an id").to_string();
                assert!(seen.insert(id.clone()), "record {id} is there twice");
                places.insert(number, (shard.clone(), data, count));
                count += 1;
            }
            if records.is_empty() && answer["MillisBehindLatest"] == 0 {
                break;
            }
            iterator = answer["NextShardIterator"].clone();
        }
    }
    let mut latest: HashMap<u64, usize> = HashMap::new();
    let mut in_order: Vec<&Acknowledged> = acknowledged.iter().collect();
    in_order.sort_by_key(|record| record.order);
    for record in in_order {
        let Some((shard, data, place)) = places.get(&record.sequence_number) else {
            panic!("lost: {} of {}", record.sequence_number, record.shard);
        };
        assert_eq!((shard, data), (&record.shard, &record.data), "{} holds what was put", record.sequence_number);
        let before = latest.insert(record.order.0, *place);
        assert!(before.is_none_or(|before| before < *place), "a client's records are in the order it put them");
    }
    count
}

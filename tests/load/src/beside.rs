//! Putting beside the control plane: how long a put takes while others create and delete streams.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::connection::{Connection, request};
use crate::measure::{measure, percentiles};
use crate::options::Options;
use crate::put;

/// Clients that create and delete streams.
const CLIENTS: usize = 3;
/// How often it is measured alone, and beside them: one after the other, so that what else the
/// machine does meets both.
const ROUNDS: usize = 3;

/// Numbers the streams, so that one left behind is in nobody's way.
static STREAMS: AtomicU64 = AtomicU64::new(0);

/// Puts alone and beside them in turn, for `seconds` each time.
pub(crate) fn put(options: &Options) -> Result<Value, String> {
    let (mut alone, mut beside) = (Vec::new(), Vec::new());
    let calls = AtomicU64::new(0);
    for _ in 0..ROUNDS {
        alone.extend(latencies(options)?);
        let is_over = AtomicBool::new(false);
        let put = thread::scope(|scope| {
            let (is_over, calls) = (&is_over, &calls);
            let clients: Vec<_> = (0..CLIENTS).map(|_| scope.spawn(move || change(options, is_over, calls))).collect();
            let put = latencies(options);
            is_over.store(true, Ordering::Relaxed);
            for client in clients {
                client.join().map_err(|_| "a client panicked".to_string())??;
            }
            put
        });
        beside.extend(put?);
    }
    let (alone, beside) = (percentiles(alone), percentiles(beside));
    Ok(json!({
        "alone_p50_p99_ms": alone,
        "beside_p50_p99_ms": beside,
        "beside_by_alone_p50_p99": [beside[0] / alone[0], beside[1] / alone[1]],
        "streams_made_and_deleted": calls.into_inner(),
    }))
}

fn latencies(options: &Options) -> Result<Vec<Duration>, String> {
    Ok(measure(options, put::put)?.into_iter().flat_map(|measured| measured.latencies).collect())
}

/// Creates and deletes streams until it is over.
fn change(options: &Options, is_over: &AtomicBool, calls: &AtomicU64) -> Result<(), String> {
    let told = |error: std::io::Error| error.to_string();
    let mut connection = Connection::open(options.endpoint).map_err(told)?;
    while !is_over.load(Ordering::Relaxed) {
        let number = STREAMS.fetch_add(1, Ordering::Relaxed);
        let name = format!("{}-beside-{}-{number}", options.stream, std::process::id());
        let create = request("CreateStream", &json!({ "StreamName": name, "ShardCount": 1 }));
        let delete = request("DeleteStream", &json!({ "StreamName": name }));
        let (status, body) = connection.call(&create).map_err(told)?;
        if status != 200 {
            return Err(format!("CreateStream: status {status}: {}", String::from_utf8_lossy(&body)));
        }
        // It can't be deleted before it is ACTIVE.
        while connection.call(&delete).map_err(told)?.0 != 200 {
            if is_over.load(Ordering::Relaxed) {
                return Ok(());
            }
            thread::sleep(Duration::from_millis(1));
        }
        calls.fetch_add(1, Ordering::Relaxed);
    }
    Ok(())
}

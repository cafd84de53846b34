//! The same requests again and again, each connection waiting for its answer.

use std::sync::Barrier;
use std::time::Instant;

use crate::connection::Connection;
use crate::measure::Measured;
use crate::options::Options;

/// Sends `requests`, each of `batch` records or items, in turn from one connection until time or
/// records are up.
pub(crate) fn repeat(
    options: &Options,
    requests: &[Vec<u8>],
    batch: usize,
    start: &Barrier,
) -> Result<Measured, String> {
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
            let failed = failed_records(&body);
            measured.latencies.push(after - before);
            measured.failed_records += failed;
            measured.records += batch as u64 - failed;
            measured.took = after - began;
        }
        let is_over = match options.records {
            Some(records) => (call + 1) as u64 * (batch * options.connections) as u64 >= records,
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

//! Connections that work at the same time, and what becomes of it.

use std::sync::Barrier;
use std::thread;
use std::time::Duration;

use serde_json::json;

use crate::options::Options;

/// What one connection measured.
#[derive(Debug, Default)]
pub(crate) struct Measured {
    pub(crate) latencies: Vec<Duration>,
    pub(crate) records: u64,
    pub(crate) failed_records: u64,
    pub(crate) took: Duration,
}

/// Runs `work` on all connections at once; it is told the number of its connection.
pub(crate) fn measure(
    options: &Options,
    work: impl Fn(&Options, usize, &Barrier) -> Result<Measured, String> + Sync,
) -> Result<Vec<Measured>, String> {
    let start = Barrier::new(options.connections);
    thread::scope(|scope| {
        let (start, work) = (&start, &work);
        let threads: Vec<_> =
            (0..options.connections).map(|number| scope.spawn(move || work(options, number, start))).collect();
        threads.into_iter().map(|thread| thread.join().map_err(|_| "a connection panicked".to_string())?).collect()
    })
}

pub(crate) fn report(options: &Options, measured: &[Measured]) {
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
pub(crate) fn percentiles(mut latencies: Vec<Duration>) -> [f64; 2] {
    latencies.sort_unstable();
    let at = |share: f64| latencies.get((latencies.len() as f64 * share) as usize);
    [0.5, 0.99].map(|share| at(share).map_or(0.0, |latency| latency.as_secs_f64() * 1e3))
}

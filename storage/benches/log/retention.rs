//! Dropping a thousand segments while others append.

use std::path::Path;
use std::time::{Duration, Instant};

use anabranch_storage::{Config, FlushPolicy, LaneBatch, LaneId, Log, Position};

use crate::table::{Goal, Table, quantile};

const SEGMENTS: usize = 1_000;

pub(crate) fn rows(table: &mut Table<'_>) {
    let directory = table.directory().to_owned();
    table.ratio(
        "p99 of appends while 1,000 segments are dropped (limit: while none is)",
        "µs",
        Goal::AtMost(1.5),
        || {
            let home = tempfile::tempdir_in(&directory).unwrap();
            let log = many_segments(home.path());
            let quiet = latencies(&log, Duration::from_millis(400), &|| false);
            let old = Position(log.visible().0 / 2);
            let busy = std::thread::scope(|scope| {
                let dropping = scope.spawn(|| log.trim_to(old).unwrap());
                let busy = latencies(&log, Duration::from_millis(400), &|| !dropping.is_finished());
                assert!(dropping.join().unwrap() >= SEGMENTS);
                busy
            });
            (quantile(&busy, 0.99).as_secs_f64() * 1e6, quantile(&quiet, 0.99).as_secs_f64() * 1e6)
        },
    );
}

fn many_segments(directory: &Path) -> Log {
    let config =
        |flush, max| Config { segment_bytes_min: 64 << 10, segment_bytes_max: max, flush, ..Config::default() };
    let (log, _) = Log::open(directory, config(FlushPolicy::Os, 64 << 10)).unwrap();
    let record = vec![b'x'; 48 << 10];
    for _ in 0..2 * SEGMENTS + 2 {
        log.append(1, &[LaneBatch { lane: LaneId(0), records: &[&record] }]).unwrap().wait().unwrap();
    }
    log.close().unwrap();
    drop(log);
    // What is appended from now on does not roll all the time.
    Log::open(directory, config(FlushPolicy::Fsync, 64 << 20)).unwrap().0
}

/// Of appends for `least`, and as long as `busy`; sorted.
fn latencies(log: &Log, least: Duration, busy: &dyn Fn() -> bool) -> Vec<Duration> {
    let began = Instant::now();
    let mut latencies = Vec::new();
    let record = vec![b'x'; 1024];
    while began.elapsed() < least || busy() {
        let start = Instant::now();
        log.append(1, &[LaneBatch { lane: LaneId(1), records: &[&record] }]).unwrap().wait().unwrap();
        latencies.push(start.elapsed());
    }
    latencies.sort();
    latencies
}

//! Appending, durable and not.

use std::path::Path;
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use anabranch_storage::{Config, FlushPolicy, LaneBatch, LaneId, Log, Position};

use crate::limits::{Rate, bare_flushes, copy_and_checksum};
use crate::table::{Goal, Table, median, quantile};

const RECORD_BYTES: usize = 1024;
const SEGMENT_BYTES: u64 = 64 << 20;

/// Which lanes a batch goes to.
#[derive(Clone, Copy)]
enum Lanes {
    One,
    /// Each batch to another of 256.
    InTurn,
    /// Each batch over all 256.
    Spread,
}

pub(crate) fn rows(table: &mut Table<'_>) {
    let (directory, run) = (table.directory().to_owned(), table.options.run);
    let durable = |writers, batch, lanes| append(&directory, run, writers, batch, lanes);
    let bare = |batch| bare_flushes(&directory, run, batch, RECORD_BYTES);

    for (name, batch, goal) in [
        ("durable, 1 writer, 1 record", 1, Goal::None),
        ("durable, 1 writer, batches of 100", 100, Goal::AtLeast(0.90)),
        ("durable, 1 writer, batches of 1 MiB", 1024, Goal::AtLeast(0.85)),
    ] {
        table.ratio(name, "records/s", goal, || {
            (durable(1, batch, Lanes::One).records_per_second, bare(batch).records_per_second)
        });
    }
    for (writers, goal, flushes) in [(8, Goal::AtLeast(0.55 * 8.0), 3.0), (64, Goal::AtLeast(15.0), 4.0)] {
        let name = format!("durable, {writers} writers, 1 record (limit: one bare writer)");
        let mut slowest = Vec::new();
        let mut middle = Vec::new();
        table.ratio(&name, "records/s", goal, || {
            let (log, bare) = (durable(writers, 1, Lanes::One), bare(1));
            let flush = quantile(&bare.latencies, 0.5);
            slowest.push(quantile(&log.latencies, 0.99).as_secs_f64() / flush.as_secs_f64());
            middle.push(quantile(&log.latencies, 0.5).as_secs_f64() / flush.as_secs_f64());
            (log.records_per_second, bare.records_per_second)
        });
        if !middle.is_empty() {
            table.print(&format!("… p50 of {writers} writers"), "bare flushes", Goal::None, median(middle));
        }
        if !slowest.is_empty() {
            table.print(&format!("… p99 of {writers} writers"), "bare flushes", Goal::AtMost(flushes), median(slowest));
        }
    }
    table.ratio("durable, 64 writers, 1 record, 256 lanes (limit: one lane)", "records/s", Goal::AtLeast(0.95), || {
        (durable(64, 1, Lanes::InTurn).records_per_second, durable(64, 1, Lanes::One).records_per_second)
    });
    table.ratio(
        "durable, batches of 100 to 256 lanes in turn (limit: one lane)",
        "records/s",
        Goal::AtLeast(0.95),
        || (durable(1, 100, Lanes::InTurn).records_per_second, durable(1, 100, Lanes::One).records_per_second),
    );
    table.ratio(
        "durable, batches of 512 spread over 256 lanes (limit: one lane)",
        "records/s",
        Goal::AtLeast(0.95),
        || (durable(1, 512, Lanes::Spread).records_per_second, durable(1, 512, Lanes::One).records_per_second),
    );
    table.ratio("unsynced, batches of 100 × 512 B (limit: memcpy + CRC)", "records/s", Goal::AtLeast(0.5), || {
        (unsynced(&directory), 100.0 * copy_and_checksum(run, 100 * 512))
    });
}

/// Opens a log whose current segment is large, as that of a busy log is, and whose next one is a
/// file that was used before.
pub(crate) fn warm_log(directory: &Path) -> Log {
    let config = Config { segment_bytes_min: SEGMENT_BYTES, segment_bytes_max: SEGMENT_BYTES, ..Config::default() };
    let (log, _) = Log::open(directory, config).unwrap();
    let filler = vec![0; 1 << 20];
    for _ in 0..(3 * SEGMENT_BYTES) >> 20 {
        log.append(1, &[LaneBatch { lane: LaneId(0), records: &[&filler] }]).unwrap().wait().unwrap();
    }
    drop_old(&log, &std::sync::atomic::AtomicU64::new(0));
    log
}

/// Drops all but the latest 32 MiB, if more came since; one of the callers does it.
fn drop_old(log: &Log, dropped: &std::sync::atomic::AtomicU64) {
    let used = log.stat().used_bytes;
    let busy = dropped.swap(1, std::sync::atomic::Ordering::Relaxed) == 1;
    if !busy {
        if used > SEGMENT_BYTES * 3 / 2 {
            let (start, end) = (log.start().0, log.visible().0);
            log.trim_to(Position(start + (end - start) * 2 / 3)).unwrap();
        }
        dropped.store(0, std::sync::atomic::Ordering::Relaxed);
    }
}

fn append(directory: &Path, run: Duration, writers: usize, batch: usize, lanes: Lanes) -> Rate {
    let home = tempfile::tempdir_in(directory).unwrap();
    let log = warm_log(home.path());
    let record = vec![b'x'; RECORD_BYTES];
    let spread = if matches!(lanes, Lanes::Spread) { 256 } else { 1 };
    let records = vec![record.as_slice(); batch / spread];
    let latencies = Mutex::new(Vec::new());
    let dropping = std::sync::atomic::AtomicU64::new(0);
    let trim_every = ((16 << 20) / (batch * RECORD_BYTES * writers)).max(1);
    let before = log.visible().0;
    let began = Instant::now();
    thread::scope(|scope| {
        for writer in 0..writers {
            let (log, records, latencies, dropping) = (&log, &records, &latencies, &dropping);
            scope.spawn(move || {
                let mut mine = Vec::new();
                while began.elapsed() < run {
                    let number = mine.len() * writers + writer;
                    let start = Instant::now();
                    let lane = |offset: usize| match lanes {
                        Lanes::One => LaneId(0),
                        Lanes::InTurn => LaneId((number % 256) as u32),
                        Lanes::Spread => LaneId(offset as u32),
                    };
                    let batches: Vec<_> = (0..spread).map(|offset| LaneBatch { lane: lane(offset), records }).collect();
                    log.append(1, &batches).unwrap().wait().unwrap();
                    mine.push(start.elapsed());
                    // As under retention: old segments are dropped, and their files used again.
                    if mine.len().is_multiple_of(trim_every) {
                        drop_old(log, dropping);
                    }
                }
                latencies.lock().unwrap().extend(mine);
            });
        }
    });
    let elapsed = began.elapsed().as_secs_f64();
    let mut latencies = latencies.into_inner().unwrap();
    latencies.sort();
    Rate { records_per_second: (log.visible().0 - before) as f64 / elapsed, latencies }
}

/// Fills half of one large segment: what an append costs, not how fast the disk makes room.
fn unsynced(directory: &Path) -> f64 {
    const LARGE: u64 = 1 << 30;
    let home = tempfile::tempdir_in(directory).unwrap();
    let config =
        Config { segment_bytes_min: LARGE, segment_bytes_max: LARGE, flush: FlushPolicy::Os, ..Config::default() };
    let (log, _) = Log::open(home.path(), config).unwrap();
    let record = vec![b'x'; 512];
    let records = vec![record.as_slice(); 100];
    let batches = LARGE / 2 / (100 * 520);
    let began = Instant::now();
    for _ in 0..batches {
        log.append(1, &[LaneBatch { lane: LaneId(0), records: &records }]).unwrap().wait().unwrap();
    }
    (batches * 100) as f64 / began.elapsed().as_secs_f64()
}

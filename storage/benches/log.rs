//! The log beside the physical limit it is held against, measured in the same run.
//!
//! `cargo bench -p anabranch-storage` prints, for each kind of work, the log's rate, the bare
//! loop's rate over the same bytes on the same disk, and their ratio: medians of several runs,
//! log and bare in turn. `-- --seconds 0.3 --runs 5 --directory DIR` changes length, number and
//! place; the directory must be on the disk to be measured, not in memory.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed step ends the measurement")]

use std::fs::OpenOptions;
use std::hint::black_box;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use anabranch_storage::{Config, FlushPolicy, LaneBatch, LaneId, Log, Position, ReadLimit};

struct Options {
    run: Duration,
    runs: usize,
    directory: PathBuf,
}

/// What one run achieved.
#[derive(Clone, Copy)]
struct Rate {
    records_per_second: f64,
    flushes_per_second: f64,
    p50: Duration,
    p99: Duration,
}

fn main() {
    let options = options();
    println!(
        "{:<44} {:>12} {:>12} {:>6} {:>10} {:>9} {:>9}",
        "work", "log rec/s", "bare rec/s", "ratio", "flushes/s", "p50 µs", "p99 µs"
    );
    let single = durable(&options, "durable, 1 writer, 1 × 1 KiB", 1, 1, 1024, 1);
    durable(&options, "durable, 8 writers, 1 × 1 KiB (bare: one)", 8, 1, 1024, 1);
    durable(&options, "durable, 64 writers, 1 × 1 KiB (bare: one)", 64, 1, 1024, 1);
    durable(&options, "durable, 1 writer, batch of 100 × 1 KiB", 1, 100, 1024, 1);
    durable(&options, "durable, 1 writer, batch of 500 × 1 KiB", 1, 500, 1024, 1);
    durable(&options, "durable, 1 writer, batch of 1,024 × 1 KiB", 1, 1024, 1024, 1);
    durable(&options, "durable, batch of 500 over 256 lanes", 1, 500, 1024, 256);
    unsynced(&options);
    read(&options);
    println!("\none bare flush of 1 KiB takes {:.0} µs here (p50)", single.p50.as_secs_f64() * 1e6);
}

fn options() -> Options {
    let mut options = Options {
        run: Duration::from_millis(700),
        runs: 5,
        directory: std::env::current_dir().unwrap().join("target"),
    };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--seconds" => options.run = Duration::from_secs_f64(arguments.next().unwrap().parse().unwrap()),
            "--runs" => options.runs = arguments.next().unwrap().parse().unwrap(),
            "--directory" => options.directory = arguments.next().unwrap().into(),
            // What cargo itself passes.
            _ => {}
        }
    }
    std::fs::create_dir_all(&options.directory).unwrap();
    options
}

/// Runs log and bare loop in turn and prints the medians; returns the bare loop's.
fn row(options: &Options, name: &str, mut log: impl FnMut() -> Rate, mut bare: impl FnMut() -> Rate) -> Rate {
    let pairs: Vec<(Rate, Rate)> = (0..options.runs).map(|_| (log(), bare())).collect();
    let median = |of: &dyn Fn(&(Rate, Rate)) -> f64| {
        let mut values: Vec<f64> = pairs.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    println!(
        "{name:<44} {:>12.0} {:>12.0} {:>6.2} {:>10.0} {:>9.0} {:>9.0}",
        median(&|(log, _)| log.records_per_second),
        median(&|(_, bare)| bare.records_per_second),
        median(&|(log, bare)| log.records_per_second / bare.records_per_second),
        median(&|(log, _)| log.flushes_per_second),
        median(&|(log, _)| log.p50.as_secs_f64() * 1e6),
        median(&|(log, _)| log.p99.as_secs_f64() * 1e6),
    );
    let p50 = Duration::from_secs_f64(median(&|(_, bare)| bare.p50.as_secs_f64()));
    Rate { p50, ..pairs[0].1 }
}

fn durable(options: &Options, name: &str, writers: usize, batch: usize, record_bytes: usize, lanes: u32) -> Rate {
    row(
        options,
        name,
        || append(options, FlushPolicy::Fsync, writers, batch, record_bytes, lanes),
        || bare_flushes(options, batch, record_bytes),
    )
}

/// Opens a log whose current segment is large, as that of a busy log is.
fn warm_log(directory: &Path, flush: FlushPolicy) -> Log {
    let config = Config { segment_bytes_min: 64 << 20, segment_bytes_max: 64 << 20, flush, ..Config::default() };
    Log::open(directory, config).unwrap().0
}

fn append(
    options: &Options,
    flush: FlushPolicy,
    writers: usize,
    batch: usize,
    record_bytes: usize,
    lanes: u32,
) -> Rate {
    let directory = tempfile::tempdir_in(&options.directory).unwrap();
    let log = warm_log(directory.path(), flush);
    let record = vec![b'x'; record_bytes];
    let per_lane = vec![record.as_slice(); batch.div_ceil(lanes as usize)];
    let latencies = Mutex::new(Vec::new());
    let trim_every = ((8 << 20) / (batch * record_bytes)).max(1);
    let began = Instant::now();
    thread::scope(|scope| {
        for writer in 0..writers {
            let (log, per_lane, latencies) = (&log, &per_lane, &latencies);
            scope.spawn(move || {
                let mut mine = Vec::new();
                while began.elapsed() < options.run {
                    let start = Instant::now();
                    let batches: Vec<_> = (0..lanes)
                        .map(|lane| LaneBatch { lane: LaneId(lane + writer as u32), records: per_lane })
                        .collect();
                    log.append(1, &batches).unwrap().wait().unwrap();
                    mine.push(start.elapsed());
                    // As under retention: old segments are dropped, and their files used again.
                    if mine.len().is_multiple_of(trim_every) {
                        log.trim_to(log.visible()).unwrap();
                    }
                }
                latencies.lock().unwrap().extend(mine);
            });
        }
    });
    let elapsed = began.elapsed().as_secs_f64();
    let mut latencies = latencies.into_inner().unwrap();
    latencies.sort();
    Rate {
        records_per_second: log.visible().0 as f64 / elapsed,
        flushes_per_second: log.stat().flushes as f64 / elapsed,
        p50: latencies[latencies.len() / 2],
        p99: latencies[latencies.len() * 99 / 100],
    }
}

/// The limit: the same bytes written and flushed by nothing but `pwrite` and `fdatasync`, into a
/// file written throughout before.
fn bare_flushes(options: &Options, batch: usize, record_bytes: usize) -> Rate {
    const FILE_BYTES: u64 = 64 << 20;
    let directory = tempfile::tempdir_in(&options.directory).unwrap();
    let path = directory.path().join("bare");
    let file = OpenOptions::new().read(true).write(true).create(true).truncate(true).open(path).unwrap();
    file.write_all_at(&vec![0; FILE_BYTES as usize], 0).unwrap();
    file.sync_all().unwrap();
    let bytes = vec![b'x'; batch * record_bytes];
    let mut latencies = Vec::new();
    let mut at = 0;
    let began = Instant::now();
    while began.elapsed() < options.run {
        let start = Instant::now();
        if at + bytes.len() as u64 > FILE_BYTES {
            at = 0;
        }
        file.write_all_at(&bytes, at).unwrap();
        file.sync_data().unwrap();
        at += bytes.len() as u64;
        latencies.push(start.elapsed());
    }
    let elapsed = began.elapsed().as_secs_f64();
    let count = latencies.len();
    latencies.sort();
    Rate {
        records_per_second: (count * batch) as f64 / elapsed,
        flushes_per_second: count as f64 / elapsed,
        p50: latencies[count / 2],
        p99: latencies[count * 99 / 100],
    }
}

fn unsynced(options: &Options) {
    let bare = || {
        let source = vec![b'x'; 100 * 512];
        let mut target = vec![0; 64 << 20];
        let (mut batches, mut at) = (0, 0);
        let began = Instant::now();
        while began.elapsed() < options.run {
            if at + source.len() > target.len() {
                at = 0;
            }
            target[at..at + source.len()].copy_from_slice(&source);
            black_box(crc32fast::hash(&target[at..at + source.len()]));
            at += source.len();
            batches += 1;
        }
        let records_per_second = f64::from(batches * 100) / began.elapsed().as_secs_f64();
        Rate { records_per_second, flushes_per_second: 0.0, p50: Duration::ZERO, p99: Duration::ZERO }
    };
    row(options, "unsynced, 100 × 512 B (bare: memcpy + CRC)", || unsynced_burst(options), bare);
}

/// Fills one large segment: what an append costs, not how fast the disk makes room.
fn unsynced_burst(options: &Options) -> Rate {
    const SEGMENT_BYTES: u64 = 1 << 30;
    let directory = tempfile::tempdir_in(&options.directory).unwrap();
    let config = Config {
        segment_bytes_min: SEGMENT_BYTES,
        segment_bytes_max: SEGMENT_BYTES,
        flush: FlushPolicy::Os,
        ..Config::default()
    };
    let (log, _) = Log::open(directory.path(), config).unwrap();
    let record = vec![b'x'; 512];
    let records = vec![record.as_slice(); 100];
    // Below half, so that no next segment is made meanwhile.
    let batches = SEGMENT_BYTES / 2 / (100 * 520);
    let began = Instant::now();
    for _ in 0..batches {
        log.append(1, &[LaneBatch { lane: LaneId(0), records: &records }]).unwrap().wait().unwrap();
    }
    let records_per_second = (batches * 100) as f64 / began.elapsed().as_secs_f64();
    Rate { records_per_second, flushes_per_second: 0.0, p50: Duration::ZERO, p99: Duration::ZERO }
}

fn read(options: &Options) {
    let directory = tempfile::tempdir_in(&options.directory).unwrap();
    let log = warm_log(directory.path(), FlushPolicy::Os);
    let record = vec![b'x'; 1024];
    let records = vec![record.as_slice(); 100];
    const BATCHES: u64 = 5_000;
    for _ in 0..BATCHES {
        log.append(1, &[LaneBatch { lane: LaneId(0), records: &records }]).unwrap().wait().unwrap();
    }
    let copy = vec![b'x'; (BATCHES * 100) as usize * 1024];
    let rate = |began: Instant, passes: u64| Rate {
        records_per_second: (passes * BATCHES * 100) as f64 / began.elapsed().as_secs_f64(),
        flushes_per_second: 0.0,
        p50: Duration::ZERO,
        p99: Duration::ZERO,
    };
    let scan = || {
        let (began, mut passes) = (Instant::now(), 0);
        while began.elapsed() < options.run {
            let mut from = Position(0);
            while from < log.visible() {
                let found = log.read(LaneId(0), from, ReadLimit { records: 10_000, bytes: 8 << 20 }).unwrap();
                from = found.next();
                black_box(found.iter().map(|record| record.data.len()).sum::<usize>());
            }
            passes += 1;
        }
        rate(began, passes)
    };
    let bare = || {
        let (began, mut passes) = (Instant::now(), 0);
        while began.elapsed() < options.run {
            for chunk in copy.chunks(100 * 1024) {
                black_box(crc32fast::hash(chunk));
            }
            passes += 1;
        }
        rate(began, passes)
    };
    row(options, "sequential read with CRC, 1 KiB (bare: CRC)", scan, bare);
}

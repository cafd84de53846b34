//! A log of 20 GiB with 1,000 lanes: opening it, and finding a place in it.

use std::time::{Duration, Instant};

use anabranch_storage::{Config, FlushPolicy, LaneBatch, LaneId, Log, Position, ReadLimit};

use crate::table::{Goal, Table, median, quantile};

const LANES: u64 = 1_000;
const BATCHES: u64 = (20 << 30) / (64 << 10);
const SEEKS: u64 = 20_000;

pub(crate) fn rows(table: &mut Table<'_>) {
    let home = tempfile::tempdir_in(table.directory()).unwrap();
    let config = Config { flush: FlushPolicy::Os, ..Config::default() };
    let (log, _) = Log::open(home.path(), config).unwrap();
    let record = vec![b'x'; 1020];
    let records = vec![record.as_slice(); 64];
    for number in 0..BATCHES {
        let lane = LaneId((number % LANES) as u32);
        log.append(number, &[LaneBatch { lane, records: &records }]).unwrap().wait().unwrap();
    }
    log.close().unwrap();
    drop(log);

    let config = Config::default();
    let mut times = Vec::new();
    for _ in 0..table.options.runs {
        let before = resident_mib();
        let began = Instant::now();
        let (log, recovery) = Log::open(home.path(), config.clone()).unwrap();
        let took = began.elapsed();
        // The tail is read throughout, which the goal allows for at 2 GB/s.
        let tail = Duration::from_secs_f64(recovery.scanned_bytes as f64 / 2e9);
        times.push((took.saturating_sub(tail).as_secs_f64() * 1e3, took.as_secs_f64() * 1e3, resident_mib() - before));
        drop(log);
    }
    let of = |value: &dyn Fn(&(f64, f64, f64)) -> f64| median(times.iter().map(value).collect());
    table.print(
        "open 20 GiB, 1,000 lanes, without the tail's time at 2 GB/s",
        "ms",
        Goal::AtMost(100.0),
        of(&|time| time.0),
    );
    table.print("… all of it", "ms", Goal::None, of(&|time| time.1));
    table.print("… resident memory that it adds", "MiB", Goal::AtMost(64.0), of(&|time| time.2));

    let (log, _) = Log::open(home.path(), config).unwrap();
    let end = log.visible().0;
    let seek = |number: u64, timed: &dyn Fn(&Log, LaneId, u64)| {
        let place = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) % end;
        let began = Instant::now();
        timed(&log, LaneId((number % LANES) as u32), place);
        began.elapsed()
    };
    let by_position = |log: &Log, lane, place| {
        let found = log.read(lane, Position(place), ReadLimit { records: 1, bytes: 1 << 20 }).unwrap();
        assert!(found.len() <= 1);
    };
    let by_time = |log: &Log, lane, place: u64| {
        log.seek_time(lane, place / 64).unwrap();
    };
    for (name, timed) in [
        ("seek by position and read one record, 20 GiB, warm: p99", &by_position as &dyn Fn(&Log, LaneId, u64)),
        ("seek by time, 20 GiB, warm: p99", &by_time),
    ] {
        // The first pass brings indexes and pages into the cache.
        (0..SEEKS).for_each(|number| {
            seek(number, timed);
        });
        let mut latencies: Vec<Duration> = (0..SEEKS).map(|number| seek(number, timed)).collect();
        latencies.sort();
        table.print(name, "µs", Goal::AtMost(50.0), quantile(&latencies, 0.99).as_secs_f64() * 1e6);
    }
}

fn resident_mib() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1024.0
}

//! Reservation, watermark and group commit under a scheduler that tries interleavings: the log
//! itself, with its locks, condition variables, atomics and threads replaced.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed step is a failed test")]

use std::path::Path;
use std::sync::Arc;

use anabranch_storage::{Config, LaneBatch, LaneId, Log, Position, ReadLimit};
use anabranch_storage_simulation::SimulatedDisk;
use shuttle::{check_pct, check_random, future, thread};

const DIRECTORY: &str = "/log";

fn config() -> Config {
    Config { segment_bytes_min: 64 << 10, segment_bytes_max: 64 << 10, ..Config::default() }
}

fn iterations(default: usize) -> usize {
    std::env::var("ANABRANCH_SCHEDULES").map_or(default, |count| count.parse().unwrap())
}

fn open(disk: &SimulatedDisk) -> Log {
    Log::open_on(Arc::new(disk.clone()), Path::new(DIRECTORY), config()).unwrap().0
}

fn count(log: &Log, lane: u32) -> usize {
    log.read(LaneId(lane), Position(0), ReadLimit { records: usize::MAX, bytes: usize::MAX }).unwrap().len()
}

/// Appends one record and waits; what was acknowledged must be on the platter at that moment.
fn append_durably(log: &Log, disk: &SimulatedDisk, lane: u32, data: &[u8]) -> Position {
    let appended = log.append(1, &[LaneBatch { lane: LaneId(lane), records: &[data] }]).unwrap();
    let position = appended.first_positions()[0];
    appended.wait().unwrap();
    assert!(log.visible() > position);
    assert!(disk.holds(data), "acknowledged, but not on the platter");
    position
}

fn writers_share_flushes() {
    let disk = SimulatedDisk::new(7);
    let log = open(&disk);
    let writers: Vec<_> = (0..3u32)
        .map(|writer| {
            let (log, disk) = (log.clone(), disk.clone());
            thread::spawn(move || {
                (0..2)
                    .map(|number| append_durably(&log, &disk, writer, format!("click {writer} {number}").as_bytes()))
                    .collect::<Vec<_>>()
            })
        })
        .collect();
    let mut positions: Vec<Position> = writers.into_iter().flat_map(|writer| writer.join().unwrap()).collect();
    positions.sort();
    positions.dedup();
    assert_eq!(positions.len(), 6, "no position twice");
    assert_eq!((0..3).map(|lane| count(&log, lane)).sum::<usize>(), 6);
    log.close().unwrap();
}

fn futures_and_blocking_waits_mix() {
    let disk = SimulatedDisk::new(7);
    let log = open(&disk);
    let blocking = {
        let (log, disk) = (log.clone(), disk.clone());
        thread::spawn(move || append_durably(&log, &disk, 0, b"blocking click"))
    };
    let seen = {
        let log = log.clone();
        thread::spawn(move || future::block_on(log.visible_past(Position(1))))
    };
    let appended = log.append(1, &[LaneBatch { lane: LaneId(1), records: &[b"future click"] }]).unwrap();
    future::block_on(appended).unwrap();
    assert!(disk.holds(b"future click"));
    blocking.join().unwrap();
    seen.join().unwrap();
    assert_eq!(count(&log, 0) + count(&log, 1), 2);
    log.close().unwrap();
}

fn a_failed_flush_reaches_everyone() {
    let disk = SimulatedDisk::new(7);
    let log = open(&disk);
    disk.set_trouble(anabranch_storage_simulation::Trouble { flush_fails_at: Some(1), ..Default::default() });
    let writers: Vec<_> = (0..3u32)
        .map(|writer| {
            let log = log.clone();
            thread::spawn(move || {
                let appended = log.append(1, &[LaneBatch { lane: LaneId(writer), records: &[b"click"] }]);
                appended.and_then(|appended| appended.wait()).is_ok()
            })
        })
        .collect();
    let acknowledged = writers.into_iter().filter_map(|writer| writer.join().ok()).filter(|ok| *ok).count();
    assert_eq!((0..3).map(|lane| count(&log, lane)).sum::<usize>(), acknowledged);
    assert!(log.append(1, &[LaneBatch { lane: LaneId(0), records: &[b"click"] }]).is_err());
    assert!(log.close().is_err());
}

/// The flush fails once a thread of the log flushes for all; the writers go on until they are told.
fn a_later_failure_reaches_everyone() {
    let disk = SimulatedDisk::new(7);
    let log = open(&disk);
    disk.set_trouble(anabranch_storage_simulation::Trouble { flush_fails_at: Some(6), ..Default::default() });
    let writers: Vec<_> = (0..3u32)
        .map(|writer| {
            let log = log.clone();
            thread::spawn(move || {
                let append = || log.append(1, &[LaneBatch { lane: LaneId(writer), records: &[b"click"] }])?.wait();
                (0..4).take_while(|_| append().is_ok()).count()
            })
        })
        .collect();
    let acknowledged: usize = writers.into_iter().map(|writer| writer.join().unwrap()).sum();
    assert_eq!((0..3).map(|lane| count(&log, lane)).sum::<usize>(), acknowledged);
    let _ = log.close();
}

/// Writers, a reader and retention at once, over several segments.
fn segments_roll_under_everyone() {
    let disk = SimulatedDisk::new(7);
    let log = open(&disk);
    let big = vec![b'x'; 40 << 10];
    let writers: Vec<_> = (0..2u32)
        .map(|writer| {
            let (log, big) = (log.clone(), big.clone());
            thread::spawn(move || {
                (0..2).for_each(|_| {
                    let appended = log.append(1, &[LaneBatch { lane: LaneId(writer), records: &[&big] }]).unwrap();
                    appended.wait().unwrap();
                });
            })
        })
        .collect();
    let dropper = {
        let log = log.clone();
        thread::spawn(move || log.trim_to(log.visible()).unwrap())
    };
    let reader = {
        let log = log.clone();
        thread::spawn(move || {
            let visible = log.visible();
            let found = log.read(LaneId(0), Position(0), ReadLimit { records: 9, bytes: 1 << 20 }).unwrap();
            assert!(found.iter().all(|record| record.data.len() == 40 << 10));
            assert!(found.next() >= visible || !found.is_empty());
        })
    };
    writers.into_iter().for_each(|writer| writer.join().unwrap());
    reader.join().unwrap();
    dropper.join().unwrap();
    assert_eq!(log.visible(), Position(4));
    log.close().unwrap();
}

#[test]
fn random_schedules() {
    for scenario in [
        writers_share_flushes,
        futures_and_blocking_waits_mix,
        a_failed_flush_reaches_everyone,
        a_later_failure_reaches_everyone,
        segments_roll_under_everyone,
    ] {
        check_random(scenario, iterations(500));
    }
}

/// Schedules with few preemptions in unlucky places: the probabilistic concurrency testing of
/// Burckhardt et al., ASPLOS 2010.
#[test]
fn unlucky_schedules() {
    for scenario in [
        writers_share_flushes,
        futures_and_blocking_waits_mix,
        a_failed_flush_reaches_everyone,
        a_later_failure_reaches_everyone,
        segments_roll_under_everyone,
    ] {
        check_pct(scenario, iterations(500), 4);
    }
}

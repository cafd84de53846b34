//! Many appenders and readers at once: order within a lane, dense positions, nothing visible
//! before it is acknowledged, and the futures.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed step is a failed test")]

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use anabranch_storage::{Config, LaneBatch, LaneId, Log, Position, ReadLimit};

fn small_segments() -> Config {
    Config { segment_bytes_min: 64 << 10, segment_bytes_max: 256 << 10, ..Config::default() }
}

#[test]
fn appenders_and_readers_agree() {
    let directory = tempfile::tempdir().unwrap();
    let (log, _) = Log::open(directory.path(), small_segments()).unwrap();
    let done = AtomicBool::new(false);
    const WRITERS: u32 = 8;
    const EACH: u32 = 400;
    thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let log = log.clone();
                scope.spawn(move || {
                    for number in 0..EACH {
                        let data = [writer.to_le_bytes(), number.to_le_bytes()].concat().repeat(10);
                        let batch = LaneBatch { lane: LaneId(writer % 4), records: &[&data, &data] };
                        let appended = log.append(u64::from(number), &[batch]).unwrap();
                        let first = appended.first_positions()[0];
                        appended.wait().unwrap();
                        assert!(log.visible() >= first.plus(2), "acknowledged means visible");
                    }
                })
            })
            .collect();
        scope.spawn(|| {
            let mut from = [Position(0); 4];
            while !done.load(Ordering::Acquire) {
                for lane in 0..4u32 {
                    let found = log
                        .read(LaneId(lane), from[lane as usize], ReadLimit { records: 100, bytes: 1 << 20 })
                        .unwrap();
                    assert!(found.iter().all(|record| record.position < log.visible()));
                    from[lane as usize] = found.next();
                }
            }
        });
        writers.into_iter().for_each(|writer| writer.join().unwrap());
        done.store(true, Ordering::Release);
    });
    assert_eq!(log.visible(), Position(u64::from(WRITERS * EACH * 2)));
    drop(log);
    let (log, _) = Log::open(directory.path(), small_segments()).unwrap();
    for lane in 0..4 {
        let found = log.read(LaneId(lane), Position(0), ReadLimit { records: 1_000_000, bytes: usize::MAX }).unwrap();
        let mut next = [0; WRITERS as usize];
        for pair in found.iter().collect::<Vec<_>>().chunks(2) {
            assert_eq!(pair[0].data, pair[1].data);
            let writer = u32::from_le_bytes(pair[0].data[..4].try_into().unwrap());
            let number = u32::from_le_bytes(pair[0].data[4..8].try_into().unwrap());
            assert_eq!(number, next[writer as usize], "each writer's records stay in order");
            next[writer as usize] += 1;
        }
        assert_eq!(next.iter().sum::<u32>(), EACH * WRITERS / 4);
    }
}

#[test]
fn thousands_of_appends_can_wait_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let (log, _) = Log::open(directory.path(), small_segments()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let follower = log.visible_past(Position(2_999));
        let waiting: Vec<_> = (0..3_000u64)
            .map(|number| {
                log.append(number, &[LaneBatch { lane: LaneId(0), records: &[&number.to_le_bytes()] }]).unwrap()
            })
            .collect();
        for appended in waiting {
            appended.await.unwrap();
        }
        follower.await;
    });
    assert!(log.stat().flushes < 1_000, "group commit: {} flushes for 3,000 appends", log.stat().flushes);
    assert_eq!(log.visible(), Position(3_000));
}

#[test]
fn a_dropped_wait_leaves_nothing_behind() {
    let directory = tempfile::tempdir().unwrap();
    let (log, _) = Log::open(directory.path(), small_segments()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async {
        let nothing = tokio::time::timeout(std::time::Duration::from_millis(5), log.visible_past(Position(0))).await;
        assert!(nothing.is_err());
        drop(log.append(1, &[LaneBatch { lane: LaneId(0), records: &[b"kept"] }]).unwrap());
        log.append(2, &[LaneBatch { lane: LaneId(0), records: &[b"too"] }]).unwrap().await.unwrap();
    });
    assert_eq!(log.read(LaneId(0), Position(0), ReadLimit { records: 9, bytes: 99 }).unwrap().len(), 2);
}

#[test]
fn closing_ends_waits_and_appends() {
    let directory = tempfile::tempdir().unwrap();
    let (log, _) = Log::open(directory.path(), small_segments()).unwrap();
    thread::scope(|scope| {
        let waiter = scope.spawn(|| log.visible_past(Position(5)).wait());
        log.close().unwrap();
        waiter.join().unwrap();
    });
    assert!(log.append(1, &[LaneBatch { lane: LaneId(0), records: &[b"late"] }]).is_err());
    Log::open(directory.path(), small_segments()).unwrap();
}

//! A backup taken while everything goes on opens as a log, whole up to its end.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed step is a failed test")]

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use anabranch_storage::{Config, Error, LaneBatch, LaneId, Log, Position, ReadLimit, inspect};

const ALL: ReadLimit = ReadLimit { records: usize::MAX, bytes: usize::MAX };

fn config() -> Config {
    Config { segment_bytes_min: 64 << 10, segment_bytes_max: 256 << 10, ..Config::default() }
}

fn record(writer: u32, number: u64) -> Vec<u8> {
    let mut record = format!("click {writer} {number} ").into_bytes();
    record.resize(200 + (number % 900) as usize, b'x');
    record
}

fn check(backup: &Path, start: Position, end: Position) {
    let verification = inspect::verify(backup).unwrap();
    assert_eq!(verification.problems, []);
    let (log, recovery) = Log::open(backup, config()).unwrap();
    assert_eq!((recovery.torn, recovery.damage), (None, vec![]));
    assert!(log.start() <= start);
    assert!(log.visible() >= end, "{} is not up to {end}", log.visible());
    let mut count = 0;
    for writer in 0..4 {
        let mut next = None;
        for found in log.read(LaneId(writer), Position(0), ALL).unwrap().iter() {
            let number: u64 = std::str::from_utf8(found.data).unwrap().split(' ').nth(2).unwrap().parse().unwrap();
            assert_eq!(found.data, record(writer, number));
            assert!(next.is_none_or(|next| next == number), "a hole in the backup");
            next = Some(number + 1);
            count += 1;
        }
    }
    assert_eq!(count, log.visible().0 - log.start().0);
    log.append(9, &[LaneBatch { lane: LaneId(0), records: &[b"after"] }]).unwrap().wait().unwrap();
}

#[test]
fn backups_under_load_are_whole_and_outlive_the_log_s_own_segments() {
    let home = tempfile::tempdir().unwrap();
    let (log, _) = Log::open(&home.path().join("log"), config()).unwrap();
    let stop = AtomicBool::new(false);
    let mut taken = Vec::new();
    thread::scope(|scope| {
        for writer in 0..4 {
            let (log, stop) = (&log, &stop);
            scope.spawn(move || {
                for number in (0..).take_while(|_| !stop.load(Ordering::Relaxed)) {
                    let data = record(writer, number);
                    log.append(1, &[LaneBatch { lane: LaneId(writer), records: &[&data] }]).unwrap().wait().unwrap();
                }
            });
        }
        let (dropper, stopped) = (&log, &stop);
        scope.spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                let visible = dropper.visible().0;
                dropper.trim_to(Position(visible.saturating_sub(3_000))).unwrap();
            }
        });
        for number in 0..8 {
            let reached = log.visible().plus(1_000);
            log.visible_past(reached).wait();
            let target = home.path().join(format!("backup-{number}"));
            let before = log.visible();
            let backup = log.backup(&target).unwrap();
            assert!(backup.end >= before);
            assert!(backup.bytes_copied <= 1 << 20, "only what is not sealed is copied: {backup:?}");
            taken.push((target, backup));
        }
        stop.store(true, Ordering::Relaxed);
    });
    assert!(taken.iter().any(|(_, backup)| backup.segments_linked > 0));
    // The log dropped, and wrote anew, much of what the first backups share with it.
    for (target, backup) in &taken {
        check(target, backup.start, backup.end);
    }
}

#[test]
fn a_backup_overwrites_nothing_and_starts_over_after_one_that_was_cut_short() {
    let home = tempfile::tempdir().unwrap();
    let (log, _) = Log::open(&home.path().join("log"), config()).unwrap();
    log.append(1, &[LaneBatch { lane: LaneId(0), records: &[&record(0, 0)] }]).unwrap().wait().unwrap();
    let target = home.path().join("backup");
    std::fs::create_dir(home.path().join("backup.partial")).unwrap();
    std::fs::write(home.path().join("backup.partial/00000000000000000099.segment"), b"cut short").unwrap();
    log.backup(&target).unwrap();
    assert!(matches!(log.backup(&target), Err(Error::Target { .. })));
    check(&target, Position(0), Position(1));
}

//! Segments that are gone, in front, behind or all of them, are noticed; those that were dropped on
//! purpose are not missed.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed step is a failed test")]

use std::fs;
use std::path::{Path, PathBuf};

use anabranch_storage::{Config, Error, LaneBatch, LaneId, Log, Position, ReadLimit, Recovery, inspect, repair};

const ALL: ReadLimit = ReadLimit { records: usize::MAX, bytes: usize::MAX };

fn config() -> Config {
    Config { segment_bytes_min: 64 << 10, segment_bytes_max: 64 << 10, ..Config::default() }
}

fn append(log: &Log) -> Position {
    let appended = log.append(1, &[LaneBatch { lane: LaneId(0), records: &[&[7; 10_000]] }]).unwrap();
    let first = appended.first_positions()[0];
    appended.wait().unwrap();
    first
}

/// A closed log of 40 records in several segments, whose files it returns.
fn make(home: &Path) -> Vec<PathBuf> {
    let (log, recovery) = Log::open(home, config()).unwrap();
    assert_eq!((recovery.damage.len(), recovery.start), (0, Position(0)));
    for _ in 0..40 {
        append(&log);
    }
    log.close().unwrap();
    segments(home)
}

fn segments(home: &Path) -> Vec<PathBuf> {
    inspect::stat(home).unwrap().segments.into_iter().map(|segment| segment.path).collect()
}

fn base(segment: &Path) -> u64 {
    segment.file_stem().unwrap().to_str().unwrap().parse().unwrap()
}

fn lost(recovery: &Recovery) -> Vec<(u64, u64)> {
    recovery.damage.iter().map(|damage| (damage.first.0, damage.resume.0)).collect()
}

#[test]
fn a_missing_first_segment_is_noticed_until_it_is_repaired_or_dropped() {
    let home = tempfile::tempdir().unwrap();
    let files = make(home.path());
    fs::remove_file(&files[0]).unwrap();
    fs::remove_file(&files[1]).unwrap();
    let first = base(&files[2]);
    assert_eq!(inspect::verify(home.path()).unwrap().problems.len(), 1);
    for _ in 0..2 {
        let (log, recovery) = Log::open(home.path(), config()).unwrap();
        assert_eq!(lost(&recovery), [(0, first)]);
        assert_eq!((recovery.start, &recovery.damage[0].segment), (Position(0), &files[0]));
        assert_eq!(log.health().damaged, 1);
        let Err(Error::Damaged(damage)) = log.read(LaneId(0), Position(0), ALL) else { panic!("silently") };
        assert_eq!(damage.resume, Position(first));
        let found = log.read(LaneId(0), damage.resume, ALL).unwrap();
        assert_eq!(found.len() as u64, log.visible().0 - first, "the rest is there");
        append(&log);
    }
    let repaired = repair(home.path()).unwrap();
    assert_eq!((repaired.lost.len(), repaired.lost[0].resume), (1, Position(first)));
    let (log, recovery) = Log::open(home.path(), config()).unwrap();
    assert_eq!((lost(&recovery), recovery.start), (vec![], Position(first)));
    log.close().unwrap();
    drop(log);

    // Retention that passes by it has the same effect.
    fs::remove_file(&files[2]).unwrap();
    let (log, recovery) = Log::open(home.path(), config()).unwrap();
    assert_eq!(lost(&recovery), [(first, base(&files[3]))]);
    log.trim_to(Position(base(&files[4]))).unwrap();
    assert!(log.health().is_sound());
    assert_eq!(log.read(LaneId(0), Position(0), ALL).unwrap().iter().next().unwrap().position.0, base(&files[4]));
    log.close().unwrap();
    drop(log);
    let (_, recovery) = Log::open(home.path(), config()).unwrap();
    assert_eq!((lost(&recovery), recovery.start.0), (vec![], base(&files[4])));
}

#[test]
fn missing_last_segments_are_noticed_and_no_position_is_given_twice() {
    for gone in [1, 2, 3] {
        let home = tempfile::tempdir().unwrap();
        let files = make(home.path());
        let kept = files.len() - gone;
        files[kept..].iter().for_each(|path| fs::remove_file(path).unwrap());
        let end = base(&files[kept]);
        for round in 0..2 {
            let (log, recovery) = Log::open(home.path(), config()).unwrap();
            let found = lost(&recovery);
            assert_eq!((found.len(), found[0].0), (1, end), "round {round}: {found:?}");
            assert!(found[0].1 > 40);
            let given = append(&log);
            assert!(given.0 > 40, "position {given} was given before");
            assert_eq!(log.read(LaneId(0), Position(0), ALL).unwrap().len() as u64, end);
            assert!(matches!(log.read(LaneId(0), Position(end), ALL), Err(Error::Damaged(_))));
        }
        assert!(!repair(home.path()).unwrap().lost.is_empty());
        let (log, recovery) = Log::open(home.path(), config()).unwrap();
        assert_eq!(recovery.damage, []);
        assert!(append(&log).0 > 40);
    }
}

#[test]
fn a_log_all_of_whose_segments_are_gone_is_no_new_log() {
    let home = tempfile::tempdir().unwrap();
    make(home.path()).iter().for_each(|path| fs::remove_file(path).unwrap());
    assert_eq!(inspect::verify(home.path()).unwrap().problems.len(), 1);
    for create in [true, false] {
        let (log, recovery) = Log::open(home.path(), Config { create, ..config() }).unwrap();
        let found = lost(&recovery);
        assert_eq!((found.len(), found[0].0), (1, 0), "{found:?}");
        assert!(append(&log).0 > 40, "positions start over");
        assert!(matches!(log.read(LaneId(0), Position(0), ALL), Err(Error::Damaged(_))));
    }
    assert_eq!(repair(home.path()).unwrap().lost.len(), 1);
    let (log, recovery) = Log::open(home.path(), config()).unwrap();
    assert_eq!((recovery.damage, log.read(LaneId(0), Position(0), ALL).unwrap().len()), (vec![], 2));
}

#[test]
fn what_was_dropped_on_purpose_is_not_missed() {
    let home = tempfile::tempdir().unwrap();
    make(home.path());
    for to in [12, 25, 40] {
        let (log, recovery) = Log::open(home.path(), config()).unwrap();
        assert_eq!(recovery.damage, []);
        assert!(log.trim_to(Position(to)).unwrap() > 0);
        let backup = home.path().join(format!("backup-{to}"));
        log.backup(&backup).unwrap();
        assert_eq!(Log::open(&backup, config()).unwrap().1.damage, []);
        assert_eq!(Log::open(&backup, config()).unwrap().1.start, log.start());
    }
    let (log, recovery) = Log::open(home.path(), config()).unwrap();
    assert_eq!((recovery.damage.len(), recovery.start, log.visible()), (0, Position(40), Position(40)));
}

#[test]
fn a_log_of_an_earlier_version_opens_as_before() {
    let home = tempfile::tempdir().unwrap();
    let files = make(home.path());
    let start = home.path().join("START");
    fs::remove_file(&start).unwrap();
    fs::remove_file(&files[0]).unwrap();
    let (_, recovery) = Log::open(home.path(), config()).unwrap();
    assert_eq!((recovery.damage.len(), recovery.start.0), (0, base(&files[1])), "nothing told where it began");
    assert!(start.exists(), "from now on something does");
    fs::remove_file(&files[1]).unwrap();
    assert_eq!(lost(&Log::open(home.path(), config()).unwrap().1), [(base(&files[1]), base(&files[2]))]);

    fs::write(&start, vec![7; 4096]).unwrap();
    let (_, recovery) = Log::open(home.path(), config()).unwrap();
    assert_eq!(lost(&recovery), [(base(&files[2]), base(&files[2]))], "of its own damage, no more is known");
    assert_eq!(Log::open(home.path(), config()).unwrap().1.damage, []);
}

#[test]
fn a_start_of_another_log_refuses_the_segments() {
    let home = tempfile::tempdir().unwrap();
    let (ours, theirs) = (home.path().join("ours"), home.path().join("theirs"));
    make(&ours).iter().for_each(|path| fs::remove_file(path).unwrap());
    for path in make(&theirs) {
        fs::copy(&path, ours.join(path.file_name().unwrap())).unwrap();
    }
    assert!(matches!(Log::open(&ours, config()), Err(Error::ForeignSegment { .. })));
}

//! Damaged logs are repaired: what is lost is named, the rest reads without an error, nothing is
//! thrown away.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed step is a failed test")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anabranch_storage::{Config, Damage, LaneBatch, LaneId, Log, Position, ReadLimit, inspect, repair};

const LANES: u32 = 3;
const ALL: ReadLimit = ReadLimit { records: usize::MAX, bytes: usize::MAX };

fn config() -> Config {
    Config { segment_bytes_min: 64 << 10, segment_bytes_max: 64 << 10, ..Config::default() }
}

fn record(number: u64) -> Vec<u8> {
    format!("click {number} {}", "x".repeat(700 + number as usize % 90)).into_bytes()
}

fn append(log: &Log, number: u64) {
    let data = record(number);
    let batch = LaneBatch { lane: LaneId(number as u32 % LANES), records: &[&data] };
    log.append(1_000 + number, &[batch]).unwrap().wait().unwrap();
}

/// A log of four segments; returns how many records it holds.
fn make(directory: &Path) -> u64 {
    let (log, _) = Log::open(directory, config()).unwrap();
    let mut number = 0;
    while log.stat().segments < 4 {
        append(&log, number);
        number += 1;
    }
    (number..number + 9).for_each(|number| append(&log, number));
    log.close().unwrap();
    number + 9
}

/// Repairs, and checks that exactly the positions named are missing.
fn check(directory: &Path, records: u64, what: &str) -> Vec<Damage> {
    let problems = inspect::verify(directory).unwrap().problems;
    assert!(!problems.is_empty(), "{what}: verify finds it");
    let repaired = repair(directory).unwrap();
    assert_eq!(repaired.verification.problems, [], "{what}");
    let kept = repaired.kept_aside.unwrap();
    for path in &repaired.rewritten {
        assert!(kept.join(path.file_name().unwrap()).exists(), "{what}: the damaged file is kept");
    }
    assert!(repair(directory).unwrap().rewritten.is_empty(), "{what}: there is nothing left to repair");
    let (log, recovery) = Log::open(directory, config()).unwrap();
    assert_eq!(recovery.damage, [], "{what}");
    let mut found = BTreeMap::new();
    for lane in 0..LANES {
        for record in log.read(LaneId(lane), Position(0), ALL).unwrap().iter() {
            assert_eq!(record.position.0 as u32 % LANES, lane);
            found.insert(record.position.0, record.data.to_vec());
        }
    }
    for number in 0..records {
        let lost = repaired.lost.iter().any(|damage| damage.first.0 <= number && number < damage.resume.0);
        match found.get(&number) {
            Some(data) => assert!(!lost && *data == record(number), "{what}: {number}"),
            None => assert!(lost, "{what}: {number} is missing without a word"),
        }
    }
    let appended = log.append(9_999, &[LaneBatch { lane: LaneId(0), records: &[b"after"] }]).unwrap();
    assert!(appended.first_positions()[0].0 >= records, "{what}: no position is given twice");
    appended.wait().unwrap();
    repaired.lost
}

fn lost(damage: &[Damage]) -> u64 {
    damage.iter().map(|damage| damage.resume.0 - damage.first.0).sum()
}

fn flip(path: &Path, at: u64) {
    let mut image = fs::read(path).unwrap();
    image[at as usize] ^= 4;
    fs::write(path, image).unwrap();
}

type Doing = fn(&Path, &inspect::SegmentStat);

#[test]
fn every_kind_of_damage_is_repaired() {
    let damages: [(&str, Doing, Option<u64>); 9] = [
        ("a payload", |path, _| flip(path, 4096 + 100), Some(1)),
        ("a frame's header", |path, _| flip(path, 4096 + 20), Some(1)),
        ("the last frame's payload", |path, segment| flip(path, segment.used - 90), Some(1)),
        ("the footer", |path, segment| flip(path, segment.used + 30), Some(0)),
        ("the trailer", |path, segment| flip(path, segment.capacity - 70), Some(0)),
        ("one copy of the segment's header", |path, _| flip(path, 20), Some(0)),
        (
            "both copies",
            |path, _| {
                flip(path, 20);
                flip(path, 2048 + 20);
            },
            None,
        ),
        ("the whole file", |path, _| fs::remove_file(path).unwrap(), None),
        (
            "the file's second half",
            |path, segment| fs::File::options().write(true).open(path).unwrap().set_len(segment.capacity / 2).unwrap(),
            None,
        ),
    ];
    for number in [0, 1, 2] {
        for (what, doing, expected) in &damages {
            let home = tempfile::tempdir().unwrap();
            let records = make(home.path());
            let segments = inspect::stat(home.path()).unwrap().segments;
            let segment = &segments[number];
            doing(&segment.path, segment);
            let what = format!("{what} of segment {number}");
            let lost = lost(&check(home.path(), records, &what));
            match expected {
                Some(expected) => assert_eq!(lost, *expected, "{what}"),
                None => assert!(lost > 0 && lost <= segment.end.0 - segment.base.0, "{what}: {lost}"),
            }
        }
    }
}

#[test]
fn damage_in_several_places_is_repaired_at_once() {
    let home = tempfile::tempdir().unwrap();
    let records = make(home.path());
    let segments = inspect::stat(home.path()).unwrap().segments;
    flip(&segments[0].path, 5_000);
    flip(&segments[0].path, 15_000);
    fs::remove_file(&segments[1].path).unwrap();
    flip(&segments[3].path, 4096 + 30);
    let lost = check(home.path(), records, "several places");
    assert!(lost.len() >= 4, "{lost:?}");
}

#[test]
fn damage_up_to_the_very_end_of_an_open_segment_is_repaired() {
    let home = tempfile::tempdir().unwrap();
    let (log, _) = Log::open(home.path(), config()).unwrap();
    (0..20).for_each(|number| append(&log, number));
    let path = home.path().join(format!("{:020}.segment", 0));
    let mut image = fs::read(&path).unwrap();
    let used = log.stat().used_bytes as usize;
    drop(log);
    // Of the last two frames, the first loses its header and the second its payload; the second's
    // header still proves that the first was durable.
    let frames: Vec<usize> = (4096..used).step_by(8).filter(|at| image[*at..*at + 4] == *b"ABFR").collect();
    let [.., first, second] = frames[..] else { panic!("{frames:?}") };
    image[first + 20] ^= 1;
    image[second + 60] ^= 1;
    fs::write(&path, image).unwrap();
    let lost = check(home.path(), 19, "the end");
    assert_eq!((lost.len(), lost[0].first.0), (1, 18), "the last one can't be told from a torn tail");
}

#[test]
fn a_sound_log_is_left_as_it_is() {
    let home = tempfile::tempdir().unwrap();
    make(home.path());
    let before: Vec<_> =
        inspect::stat(home.path()).unwrap().segments.iter().map(|s| fs::read(&s.path).unwrap()).collect();
    let repaired = repair(home.path()).unwrap();
    assert!(repaired.rewritten.is_empty() && repaired.lost.is_empty() && repaired.kept_aside.is_none());
    let after: Vec<_> =
        inspect::stat(home.path()).unwrap().segments.iter().map(|s| fs::read(&s.path).unwrap()).collect();
    assert!(before == after);
}

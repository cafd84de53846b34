//! A small log is truncated and its bits are flipped, at every byte: what is then read is right,
//! and what is missing is reported.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed step is a failed test")]

use std::fs;
use std::path::{Path, PathBuf};

use anabranch_storage::{Config, Error, LaneBatch, LaneId, Log, Position, ReadLimit, inspect};

const LANES: u32 = 3;

fn config() -> Config {
    Config { segment_bytes_min: 64 << 10, segment_bytes_max: 64 << 10, ..Config::default() }
}

fn record(number: u64) -> Vec<u8> {
    format!("click {number} {}", "x".repeat(number as usize % 40)).into_bytes()
}

fn append(log: &Log, number: u64) {
    let data = record(number);
    log.append(1_000 + number, &[LaneBatch { lane: LaneId(number as u32 % LANES), records: &[&data] }])
        .unwrap()
        .wait()
        .unwrap();
}

/// A log of `records` records, as it is on the disk after the last acknowledgement.
fn log_of(directory: &Path, records: u64, orderly: bool) -> PathBuf {
    let (log, _) = Log::open(directory, config()).unwrap();
    (0..records).for_each(|number| append(&log, number));
    let segment = directory.join(format!("{:020}.segment", 0));
    if orderly {
        log.close().unwrap();
    } else {
        // What a killed process leaves: no mark, no orderly end.
        let image = fs::read(&segment).unwrap();
        drop(log);
        fs::write(&segment, image).unwrap();
    }
    segment
}

/// Reads every lane, going on behind damage; returns the record numbers found and whether damage was met.
fn read_all(log: &Log) -> (Vec<u64>, bool) {
    let (mut found, mut met_damage) = (Vec::new(), false);
    for lane in 0..LANES {
        let mut from = Position(0);
        loop {
            match log.read(LaneId(lane), from, ReadLimit { records: 7, bytes: 1 << 20 }) {
                Ok(records) if records.is_empty() => break,
                Ok(records) => {
                    for entry in records.iter() {
                        assert_eq!(entry.data, record(entry.position.0), "never a wrong record");
                        assert_eq!(entry.position.0 as u32 % LANES, lane);
                        found.push(entry.position.0);
                    }
                    from = records.next();
                }
                Err(Error::Damaged(damage)) => {
                    assert!(damage.resume > from, "skipping on purpose makes progress");
                    met_damage = true;
                    from = damage.resume;
                }
                Err(error) => panic!("{error}"),
            }
        }
    }
    found.sort_unstable();
    (found, met_damage)
}

/// Opens a changed image and checks that nothing is wrong and nothing is missing in silence.
fn check(directory: &Path, segment: &Path, image: &[u8], records: u64, what: &str) {
    fs::write(segment, image).unwrap();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "segment") && path != segment {
            fs::remove_file(path).unwrap();
        }
    }
    let (log, recovery) = Log::open(directory, config()).unwrap();
    let (found, met_damage) = read_all(&log);
    let reported = recovery.torn.is_some() || !recovery.damage.is_empty() || met_damage;
    let complete = found.iter().copied().eq(0..records);
    assert!(complete || reported, "{what}: lost in silence, found {found:?}");
    let next = log.append(9_999, &[LaneBatch { lane: LaneId(9), records: &[b"after"] }]).unwrap();
    assert!(found.last().is_none_or(|last| next.first_positions()[0].0 > *last), "{what}: a position given twice");
    next.wait().unwrap();
}

#[test]
fn every_flipped_bit_is_reported_or_harmless() {
    let directory = tempfile::tempdir().unwrap();
    for orderly in [true, false] {
        let home = directory.path().join(if orderly { "orderly" } else { "killed" });
        let records = 8;
        let segment = log_of(&home, records, orderly);
        let image = fs::read(&segment).unwrap();
        let used = inspect::stat(&home).unwrap().segments[0].used as usize + 64;
        let header = (0..72).chain(2048..2120);
        for at in header.chain(4096..used) {
            for bit in 0..8 {
                let mut flipped = image.clone();
                flipped[at] ^= 1 << bit;
                check(&home, &segment, &flipped, records, &format!("bit {bit} of byte {at}"));
            }
        }
    }
}

#[test]
fn every_truncation_keeps_what_lies_before_it() {
    let directory = tempfile::tempdir().unwrap();
    let records = 12;
    let segment = log_of(directory.path(), records, false);
    let image = fs::read(&segment).unwrap();
    let used = inspect::stat(directory.path()).unwrap().segments[0].used as usize;
    for length in 4096..used {
        // A torn write: the file keeps its length, what lies behind was never written.
        let mut torn = image.clone();
        torn[length..].fill(0);
        fs::write(&segment, &torn).unwrap();
        let (log, recovery) = Log::open(directory.path(), config()).unwrap();
        let (found, met_damage) = read_all(&log);
        assert!(!met_damage && recovery.damage.is_empty(), "a torn tail is no damage, at {length}");
        assert!(found.iter().copied().eq(0..found.len() as u64), "a prefix, at {length}");
        drop(log);
        fs::write(&segment, &image).unwrap();
    }
    for length in [0, 1, 4095, 4096, 5000, used - 1] {
        check(directory.path(), &segment, &image[..length], records, &format!("file cut to {length} bytes"));
    }
}

#[test]
fn frames_cut_off_once_never_come_back() {
    let directory = tempfile::tempdir().unwrap();
    let segment = log_of(directory.path(), 5, false);
    let image = fs::read(&segment).unwrap();
    let frame_bytes = |number: u64| (56 + 4 + record(number).len()).next_multiple_of(8);
    let third = 4096 + frame_bytes(0) + frame_bytes(1);
    // A power cut lost the page of the third frame but kept the fourth, in the same flush: make the
    // fourth claim what it would claim then, by writing both in one append.
    drop(image);
    fs::remove_dir_all(directory.path()).unwrap();
    let (log, _) = Log::open(directory.path(), config()).unwrap();
    append(&log, 0);
    append(&log, 1);
    let (two, three, four) = (record(2), record(3), record(4));
    let batches = [
        LaneBatch { lane: LaneId(2), records: &[&two] },
        LaneBatch { lane: LaneId(0), records: &[&three] },
        LaneBatch { lane: LaneId(1), records: &[&four] },
    ];
    log.append(2_000, &batches).unwrap().wait().unwrap();
    let mut image = fs::read(&segment).unwrap();
    drop(log);
    image[third..third + 8].fill(0);
    fs::write(&segment, &image).unwrap();

    let (log, recovery) = Log::open(directory.path(), config()).unwrap();
    let torn = recovery.torn.expect("the cut is reported");
    assert_eq!((torn.offset, recovery.damage.len()), (third as u64, 0));
    assert_eq!(read_all(&log).0, [0, 1]);
    // The new frame is exactly as long as the one it replaces, so the old fourth frame follows it.
    log.append(3_000, &[LaneBatch { lane: LaneId(2), records: &[&two] }]).unwrap().wait().unwrap();
    let image = fs::read(&segment).unwrap();
    drop(log);
    fs::write(&segment, image).unwrap();
    let (log, _) = Log::open(directory.path(), config()).unwrap();
    assert_eq!(read_all(&log).0, [0, 1, 2]);
}

#[test]
fn damaged_segments_do_not_hide_the_others() {
    let directory = tempfile::tempdir().unwrap();
    let (log, _) = Log::open(directory.path(), config()).unwrap();
    let mut number = 0;
    while log.stat().segments < 4 {
        append(&log, number);
        number += 1;
    }
    drop(log);
    let segments = inspect::stat(directory.path()).unwrap().segments;
    let middle = &segments[1];
    let image = fs::read(&middle.path).unwrap();
    type Doing<'a> = Box<dyn Fn() + 'a>;
    let damages: [(&str, Doing<'_>); 4] = [
        ("missing", Box::new(|| fs::remove_file(&middle.path).unwrap())),
        (
            "header damaged",
            Box::new(|| {
                let mut image = image.clone();
                image[..4096].fill(7);
                fs::write(&middle.path, image).unwrap();
            }),
        ),
        ("truncated", Box::new(|| fs::write(&middle.path, &image[..10_000]).unwrap())),
        (
            "footer damaged",
            Box::new(|| {
                let mut image = image.clone();
                image[middle.used as usize + 20] ^= 4;
                fs::write(&middle.path, image).unwrap();
            }),
        ),
    ];
    for (what, damage) in damages {
        damage();
        assert!(!inspect::verify(directory.path()).unwrap().problems.is_empty(), "{what}: verify finds it");
        let (log, recovery) = Log::open(directory.path(), config()).unwrap();
        let (found, met_damage) = read_all(&log);
        let outside = (0..number).filter(|number| *number < middle.base.0 || *number >= middle.end.0);
        assert!(outside.clone().all(|number| found.binary_search(&number).is_ok()), "{what}: others are readable");
        if what == "footer damaged" {
            assert_eq!(found.len() as u64, number, "the index is rebuilt from the frames");
        } else {
            assert!(met_damage && !recovery.damage.is_empty(), "{what}: reported");
        }
        drop(log);
        fs::write(&middle.path, &image).unwrap();
    }
    assert_eq!(inspect::verify(directory.path()).unwrap().problems, []);
}

#[test]
fn a_segment_of_another_log_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let ours = directory.path().join("ours");
    let theirs = directory.path().join("theirs");
    for home in [&ours, &theirs] {
        let (log, _) = Log::open(home, config()).unwrap();
        let mut number = 0;
        while log.stat().segments < 2 {
            append(&log, number);
            number += 1;
        }
    }
    let second = inspect::stat(&ours).unwrap().segments[1].path.clone();
    fs::copy(theirs.join(second.file_name().unwrap()), &second).unwrap();
    assert!(matches!(Log::open(&ours, config()), Err(Error::ForeignSegment { .. })));
}

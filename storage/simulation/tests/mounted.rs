//! Power cuts under real processes and the kernel's page cache: see `src/bin/power_cut.rs`.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed step is a failed test")]

use std::path::Path;
use std::process::{Command, Output};

use anabranch_storage::{Config, Damage, Error, LaneBatch, LaneId, Log, Position, ReadLimit, inspect, survive_sigbus};
use anabranch_storage_simulation::{SimulatedDisk, fuse};

fn power_cut(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_power_cut")).args(arguments).output().unwrap()
}

/// Whether this machine lets the test mount.
fn may_mount() -> bool {
    let home = tempfile::tempdir().unwrap();
    let mounted = fuse::mount(&SimulatedDisk::new(1), home.path());
    if let Err(error) = &mounted {
        println!("skipped: mounting needs the right to do so, and /dev/fuse: {error}");
    }
    mounted.map(fuser::BackgroundSession::join).is_ok()
}

#[test]
fn what_was_acknowledged_survives_power_cuts() {
    if !may_mount() {
        return;
    }
    let rounds = std::env::var("ANABRANCH_POWER_CUTS").unwrap_or("40".into());
    let output = power_cut(&["--rounds", &rounds]);
    let words = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && words.contains("none lost"), "{output:?}");
    println!("{words}");
}

#[test]
fn a_disk_that_forgets_its_flushes_is_noticed() {
    if may_mount() {
        let output = power_cut(&["--rounds", "10", "--forget-flushes"]);
        assert!(!output.status.success());
        let words = String::from_utf8_lossy(&output.stderr);
        assert!(words.contains("is lost") || words.contains("damages nothing"), "{words}");
    }
}

const RECORDS: u64 = 60;
const ALL: ReadLimit = ReadLimit { records: usize::MAX, bytes: usize::MAX };

fn config() -> Config {
    Config { segment_bytes_min: 128 << 10, segment_bytes_max: 128 << 10, ..Config::default() }
}

fn record(number: u64) -> Vec<u8> {
    vec![number as u8; 10_000]
}

fn append(log: &Log, number: u64) -> u64 {
    let appended = log.append(1, &[LaneBatch { lane: LaneId(0), records: &[&record(number)] }]).unwrap();
    let position = appended.first_positions()[0].0;
    appended.wait().unwrap();
    position
}

/// The positions read, going on behind damage, and the damage.
fn read_all(log: &Log) -> (Vec<u64>, Vec<Damage>) {
    let (mut found, mut damaged, mut from) = (Vec::new(), Vec::new(), Position(0));
    loop {
        match log.read(LaneId(0), from, ALL) {
            Ok(records) if records.is_empty() => return (found, damaged),
            Ok(records) => {
                found.extend(records.iter().map(|record| record.position.0));
                assert!(records.iter().all(|record| record.data == record_of(&record)));
                from = records.next();
            }
            Err(Error::Damaged(damage)) => {
                from = damage.resume;
                damaged.push(damage);
            }
            Err(error) => panic!("{error}"),
        }
    }
}

fn record_of(found: &anabranch_storage::Record<'_>) -> Vec<u8> {
    record(if found.position.0 < RECORDS { found.position.0 } else { RECORDS })
}

/// Each time a disk with one bad place is opened: all else is served, the place is reported, and no
/// position is given twice.
#[test]
fn sectors_that_cannot_be_read_are_damage() {
    if !may_mount() {
        return;
    }
    survive_sigbus().unwrap();
    // Of the first segment and of the last: the header, a page amid the frames, the end of the frames
    // or the footer, the trailer.
    type Place = fn(&inspect::SegmentStat) -> u64;
    let places: [(&str, Place); 4] = [
        ("the header", |_| 0),
        ("a frame", |segment| 4096 + (segment.used - 4096) / 2),
        ("behind the frames", |segment| segment.used),
        ("the file's last page", |segment| segment.capacity - 1),
    ];
    for (what, place) in places {
        for last in [false, true] {
            let what = format!("{what} of the {} segment", if last { "last" } else { "first" });
            let home = tempfile::tempdir().unwrap();
            let disk = SimulatedDisk::new(1);
            let mounted = fuse::mount(&disk, home.path()).unwrap();
            let (log, _) = Log::open(home.path(), config()).unwrap();
            (0..RECORDS).for_each(|number| assert_eq!(append(&log, number), number));
            log.close().unwrap();
            drop(log);
            let segments = inspect::stat(home.path()).unwrap().segments;
            mounted.join();

            let segment = if last { segments.last() } else { segments.first() }.unwrap();
            let at = place(segment) / 4096 * 4096;
            let path = Path::new("/log").join(segment.path.file_name().unwrap());
            disk.lose_sectors(&path, at..at + 4096).unwrap();
            let mounted = fuse::mount(&disk, home.path()).unwrap();
            let problems = inspect::verify(home.path()).unwrap().problems;
            assert!(!problems.is_empty(), "{what}: verify finds it");
            for round in 0..2 {
                let (log, recovery) = Log::open(home.path(), config()).unwrap();
                let (found, damaged) = read_all(&log);
                let reported = recovery.damage.iter().chain(&damaged).collect::<Vec<_>>();
                let is_lost = |number: u64| reported.iter().any(|d| (d.first.0..d.resume.0).contains(&number));
                for number in 0..RECORDS {
                    let is_there = found.binary_search(&number).is_ok();
                    assert!(is_there || is_lost(number), "{what}: {number} is lost in silence");
                    let elsewhere = number < segment.base.0 || number >= segment.end.0;
                    assert!(is_there || !elsewhere, "{what}: {number} lies elsewhere");
                }
                assert!(append(&log, RECORDS) >= RECORDS + round, "{what}: given twice");
                log.close().unwrap();
            }
            mounted.join();
        }
    }
}

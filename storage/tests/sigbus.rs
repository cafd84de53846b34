//! Pages of segments that can't be read any more, here because the file was truncated under its map,
//! are damage: the rest is served, by this opening and the next. Where that can't be, the process
//! stops, but not without a word.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed step is a failed test")]

use std::fs::File;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anabranch_storage::{
    Config, Damage, Error, FlushPolicy, LaneBatch, LaneId, Log, Position, ReadLimit, inspect, survive_sigbus,
};

const DIRECTORY_VARIABLE: &str = "ANABRANCH_SIGBUS_TEST_DIRECTORY";
const ALL: ReadLimit = ReadLimit { records: usize::MAX, bytes: usize::MAX };

fn config(flush: FlushPolicy) -> Config {
    Config { segment_bytes_min: 256 << 10, segment_bytes_max: 256 << 10, flush, ..Config::default() }
}

fn record(number: u64) -> Vec<u8> {
    vec![number as u8; 10_000]
}

fn append(log: &Log, number: u64) -> Result<(), Error> {
    log.append(1, &[LaneBatch { lane: LaneId(0), records: &[&record(number)] }])?.wait()
}

fn open(directory: &Path, flush: FlushPolicy, records: u64) -> Log {
    let (log, recovery) = Log::open(directory, config(flush)).unwrap();
    assert_eq!(recovery.damage, []);
    (0..records).for_each(|number| append(&log, number).unwrap());
    log
}

fn segment(directory: &Path, base: u64) -> PathBuf {
    directory.join(format!("{base:020}.segment"))
}

fn truncate(path: &Path, bytes: u64) {
    File::options().write(true).open(path).unwrap().set_len(bytes).unwrap();
}

/// Reads everything, going on behind damage.
fn read_all(log: &Log) -> (Vec<u64>, Vec<Damage>) {
    let (mut found, mut damaged, mut from) = (Vec::new(), Vec::new(), Position(0));
    loop {
        match log.read(LaneId(0), from, ALL) {
            Ok(records) if records.is_empty() => return (found, damaged),
            Ok(records) => {
                for entry in records.iter() {
                    assert_eq!(entry.data, record(entry.position.0));
                    found.push(entry.position.0);
                }
                from = records.next();
            }
            Err(Error::Damaged(damage)) => {
                assert!(damage.resume > from);
                from = damage.resume;
                damaged.push(damage);
            }
            Err(error) => panic!("{error}"),
        }
    }
}

/// Runs one of the tests below as a process of its own, which says `survived` at its end.
fn run(test: &str, directory: &Path) -> Output {
    Command::new(std::env::current_exe().unwrap())
        .args([test, "--exact", "--nocapture", "--test-threads=1"])
        .env(DIRECTORY_VARIABLE, directory)
        .output()
        .unwrap()
}

/// The directory to work in, in such a process.
fn of_this_process() -> Option<PathBuf> {
    let directory = std::env::var(DIRECTORY_VARIABLE).ok()?;
    survive_sigbus().unwrap();
    Some(directory.into())
}

fn survives(test: &str) {
    let home = tempfile::tempdir().unwrap();
    let output = run(test, home.path());
    let words = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && words.contains("survived"), "{output:?}");
}

#[test]
fn process_with_a_truncated_segment() {
    let Some(home) = of_this_process() else { return };
    let log = open(&home, FlushPolicy::Fsync, 100);
    assert!(log.stat().segments >= 4);
    let whole = read_all(&log).0;
    // A sealed segment's footer goes with its frames, and the end of the one written to.
    let bases: Vec<u64> = inspect_bases(&home);
    truncate(&segment(&home, bases[1]), 64 << 10);
    let tail = *bases.last().unwrap();
    truncate(&segment(&home, tail), 8192);

    for _ in 0..2 {
        let (found, damaged) = read_all(&log);
        let lost: u64 = damaged.iter().map(|damage| damage.resume.0 - damage.first.0).sum();
        assert_eq!((found.len() + lost as usize, damaged.is_empty()), (whole.len(), false));
        assert!(damaged.iter().all(|damage| damage.reason.contains("can't be read")), "{damaged:?}");
        assert!((0..bases[1]).chain(bases[2]..tail).all(|position| found.binary_search(&position).is_ok()));
        assert!(found.binary_search(&bases[1]).is_ok(), "what lies before the cut, without an index");
    }
    let health = log.health();
    assert!(health.poisoned.is_none() && health.damaged >= 2);
    assert_eq!(health.first_damage.unwrap().segment, segment(&home, bases[1]));

    // What is appended from now on can be read: it does not go where nothing shows it.
    (100..120).for_each(|number| append(&log, number).unwrap());
    let (found, _) = read_all(&log);
    assert!((100..120).all(|position| found.binary_search(&position).is_ok()), "{found:?}");
    log.close().unwrap();
    drop(log);

    let (log, recovery) = Log::open(&home, config(FlushPolicy::Fsync)).unwrap();
    assert!(!recovery.damage.is_empty());
    assert_eq!(read_all(&log).0, found, "the next opening serves the same");
    println!("survived");
}

fn inspect_bases(directory: &Path) -> Vec<u64> {
    let names = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut bases: Vec<u64> = names.filter_map(|name| name.strip_suffix(".segment")?.parse().ok()).collect();
    bases.sort_unstable();
    bases
}

#[test]
fn the_rest_is_served_when_a_segment_is_truncated() {
    survives("process_with_a_truncated_segment");
}

#[test]
fn process_that_stores_into_a_truncated_segment() {
    let Some(home) = of_this_process() else { return };
    let log = open(&home, FlushPolicy::Os, 5);
    truncate(&segment(&home, 0), 8192);
    let error = append(&log, 5).unwrap_err();
    assert!(matches!(error, Error::Poisoned { .. }), "{error}");
    assert!(log.health().poisoned.unwrap().contains("can't be stored to"));
    let (found, damaged) = read_all(&log);
    assert!(found.len() < 5 && !damaged.is_empty(), "{found:?}");
    assert!(log.close().is_err());
    drop(log);
    let (log, recovery) = Log::open(&home, config(FlushPolicy::Os)).unwrap();
    assert!(!recovery.damage.is_empty());
    append(&log, 200).unwrap();
    println!("survived");
}

#[test]
fn a_store_that_goes_nowhere_is_not_acknowledged() {
    survives("process_that_stores_into_a_truncated_segment");
}

#[test]
fn process_that_looks_later() {
    let Some(home) = of_this_process() else { return };
    let log = open(&home, FlushPolicy::Fsync, 20);
    let records = log.read(LaneId(0), Position(0), ALL).unwrap();
    truncate(&segment(&home, 0), 8192);
    let sum: u64 = records.iter().flat_map(|record| record.data).map(|byte| u64::from(*byte)).sum();
    println!("survived with {sum}");
}

#[test]
fn process_that_reads_another_map() {
    let Some(home) = of_this_process() else { return };
    let path = home.join("other");
    std::fs::write(&path, [1; 8192]).unwrap();
    // SAFETY: that it is truncated below is what this process is for.
    let map = unsafe { memmap2::Mmap::map(&File::open(&path).unwrap()) }.unwrap();
    truncate(&path, 0);
    println!("survived with {}", map[4096]);
}

/// Bytes of records that were handed out must not turn into zeros, and other maps are not the log's.
#[test]
fn elsewhere_the_file_is_named_before_the_process_stops() {
    for (test, file) in
        [("process_that_looks_later", segment(Path::new(""), 0)), ("process_that_reads_another_map", "other".into())]
    {
        let home = tempfile::tempdir().unwrap();
        let output = run(test, home.path());
        let words = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.signal(), Some(libc::SIGBUS), "{words}");
        assert!(words.contains("SIGBUS: a mapped file could not be read"), "{words}");
        assert!(words.contains(home.path().join(file).to_str().unwrap()), "{words}");
    }
}

#[test]
fn process_that_verifies() {
    let Some(home) = of_this_process() else { return };
    open(&home, FlushPolicy::Fsync, 60).close().unwrap();
    let bases = inspect_bases(&home);
    truncate(&segment(&home, bases[0]), 100_000);
    assert!(!inspect::verify(&home).unwrap().problems.is_empty());
    let repaired = anabranch_storage::repair(&home).unwrap();
    assert_eq!(repaired.verification.problems, []);
    println!("survived");
}

#[test]
fn a_truncated_log_at_rest_is_verified_and_repaired() {
    survives("process_that_verifies");
}

//! Without a file descriptor to be had, whatever needs one fails like on a full disk: nothing is
//! changed, and all goes on once there is one. And a log holds few.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed step is a failed test")]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anabranch_storage::{Appended, Config, Error, FlushPolicy, LaneBatch, LaneId, Log, Position, ReadLimit, Refusal};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

const DIRECTORY_VARIABLE: &str = "ANABRANCH_DESCRIPTORS_TEST_DIRECTORY";
const ALL: ReadLimit = ReadLimit { records: usize::MAX, bytes: usize::MAX };
const RECORD: [u8; 10_000] = [7; 10_000];

fn config(flush: FlushPolicy) -> Config {
    Config { segment_bytes_min: 64 << 10, segment_bytes_max: 64 << 10, flush, ..Config::default() }
}

fn set_limit(limit: u64) {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: Some(limit), maximum }).unwrap();
}

fn append(log: &Log) -> Result<Appended, Error> {
    log.append(1, &[LaneBatch { lane: LaneId(0), records: &[&RECORD] }])
}

fn count(log: &Log) -> usize {
    log.read(LaneId(0), Position(0), ALL).unwrap().len()
}

fn is_refused<T>(outcome: Result<T, Error>) -> bool {
    matches!(outcome, Err(error @ Error::TooManyOpenFiles { .. }) if error.is_passing())
}

/// The process whose descriptors are taken: not a test of its own, it returns at once unless it is
/// started as one.
#[test]
fn starved_process() {
    let Ok(directory) = std::env::var(DIRECTORY_VARIABLE) else { return };
    for flush in [FlushPolicy::Fsync, FlushPolicy::Os] {
        starve(&PathBuf::from(&directory).join(format!("{flush:?}")), flush);
    }
}

fn starve(home: &Path, flush: FlushPolicy) {
    let (log, _) = Log::open(&home.join("log"), config(flush)).unwrap();
    (0..40).for_each(|_| append(&log).unwrap().wait().unwrap());
    // Waits until all but the last segment are sealed.
    log.backup(&home.join("earlier")).unwrap();
    let limit = getrlimit(Resource::Nofile).current.unwrap();
    // The first that is free is above the limit.
    set_limit(3);

    let before = log.stat();
    let mut appended = 40;
    let error = loop {
        match append(&log) {
            Ok(ticket) => ticket.wait().unwrap(),
            Err(error) => break error,
        }
        appended += 1;
    };
    assert!(appended > 40 && appended < 50, "the segment's own room is used: {appended}");
    assert!(is_refused::<()>(Err(error)));
    for _ in 0..3 {
        assert!(is_refused(append(&log)), "and stays an error");
    }
    assert!(is_refused(log.trim_to(Position(20))));
    assert!(is_refused(log.backup(&home.join("backup"))));
    assert!(is_refused(Log::open(&home.join("log"), config(flush))), "no lock without a descriptor");
    assert!(is_refused(Log::open(&home.join("other"), config(flush))));
    let health = log.health();
    assert_eq!((health.poisoned, health.refused), (None, Some(Refusal::TooManyOpenFiles)));
    assert_eq!((log.stat().segments, log.start()), (before.segments, before.start), "nothing was changed");
    assert_eq!(count(&log), appended, "reading needs none, and nothing acknowledged is lost");

    set_limit(limit);
    append(&log).unwrap().wait().unwrap();
    assert!(log.health().is_sound(), "{:?}", log.health());
    assert!(log.trim_to(Position(20)).unwrap() > 0);
    log.backup(&home.join("backup")).unwrap();
    let (first, held) = (log.start().0 as usize, count(&log));
    assert_eq!(first + held, appended + 1);
    log.close().unwrap();
    drop(log);

    // Opening again comes to its end or fails, however many there are: never half of it stays.
    let mut refused = 0;
    for limit in 3.. {
        set_limit(limit);
        match Log::open(&home.join("log"), config(flush)) {
            Ok((log, recovery)) => {
                assert_eq!((recovery.damage.len(), count(&log)), (0, held));
                break;
            }
            Err(error) => assert!(is_refused::<()>(Err(error))),
        }
        refused += 1;
    }
    assert!(refused >= 2, "lock and segment at least: {refused}");
    set_limit(limit);
    println!("{flush:?}: starved and went on");
}

#[test]
fn nothing_is_poisoned_for_want_of_a_descriptor() {
    let home = tempfile::tempdir().unwrap();
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["starved_process", "--exact", "--nocapture", "--test-threads=1"])
        .env(DIRECTORY_VARIABLE, home.path())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let words = String::from_utf8_lossy(&output.stdout);
    assert_eq!(words.matches("starved and went on").count(), 2, "{words}");
}

#[test]
fn a_log_at_rest_holds_two_and_a_closed_one_none() {
    let home = tempfile::tempdir().unwrap();
    let of_this = || {
        let links = std::fs::read_dir("/proc/self/fd").unwrap();
        let targets = links.filter_map(|link| std::fs::read_link(link.unwrap().path()).ok());
        targets.filter(|target| target.starts_with(home.path())).count()
    };
    let (log, _) = Log::open(home.path(), config(FlushPolicy::Fsync)).unwrap();
    (0..100).for_each(|_| append(&log).unwrap().wait().unwrap());
    log.flush().unwrap();
    assert!(log.stat().segments > 10);
    assert_eq!(of_this(), 2, "the lock's, and that of the segment written to");
    log.close().unwrap();
    assert_eq!(of_this(), 0);
    assert_eq!(count(&log), 100, "what is closed can be read");
    let (log, _) = Log::open(home.path(), config(FlushPolicy::Fsync)).unwrap();
    assert_eq!(count(&log), 100);
    assert_eq!(of_this(), 2);
}

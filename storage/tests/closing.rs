//! Closing a log that nobody uses, and opening it again, is cheap and safe; a poisoned log goes on
//! that way, too.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed step is a failed test")]

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::thread;

use anabranch_storage::{Config, Error, LaneBatch, LaneId, Log, Position, ReadLimit, Refusal, inspect};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

const DIRECTORY_VARIABLE: &str = "ANABRANCH_CLOSING_TEST_DIRECTORY";
const ALL: ReadLimit = ReadLimit { records: usize::MAX, bytes: usize::MAX };

fn config() -> Config {
    Config { segment_bytes_min: 64 << 10, segment_bytes_max: 64 << 10, ..Config::default() }
}

fn append(log: &Log, data: &[u8]) -> Result<(), Error> {
    log.append(1, &[LaneBatch { lane: LaneId(0), records: &[data] }])?.wait()
}

/// All files, with what they hold.
fn image(directory: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap());
    entries.map(|entry| (entry.file_name().into_string().unwrap(), std::fs::read(entry.path()).unwrap())).collect()
}

#[test]
fn closing_and_opening_a_thousand_times_changes_nothing() {
    let home = tempfile::tempdir().unwrap();
    let (log, _) = Log::open(home.path(), config()).unwrap();
    (0..20).for_each(|_| append(&log, &[7; 10_000]).unwrap());
    log.close().unwrap();
    let before = image(home.path());
    for _ in 0..1_000 {
        let (log, recovery) = Log::open(home.path(), Config { create: false, ..config() }).unwrap();
        assert_eq!((recovery.damage.len(), recovery.torn), (0, None));
        assert_eq!(log.visible(), Position(20));
        log.close().unwrap();
        assert_eq!(log.stat().flushes, 0, "nothing was there to flush");
    }
    assert!(image(home.path()) == before, "not a byte was changed");
}

#[test]
fn what_was_made_ahead_serves_the_next_opening() {
    let home = tempfile::tempdir().unwrap();
    let config = Config { segment_bytes_min: 4 << 20, segment_bytes_max: 4 << 20, ..Config::default() };
    let (log, _) = Log::open(home.path(), config.clone()).unwrap();
    append(&log, &vec![7; 3 << 20]).unwrap();
    log.close().unwrap();
    let files = image(home.path());
    let spare = files.keys().find(|name| name.ends_with(".spare.tmp")).expect("the next segment was made ahead");
    assert_eq!(files[spare].len(), 4 << 20);
    let (log, _) = Log::open(home.path(), config).unwrap();
    append(&log, &vec![8; 2 << 20]).unwrap();
    assert_eq!(log.stat().segments, 2);
    assert!(!home.path().join(spare).exists(), "it became the segment");
}

#[test]
fn usage_tells_when_nobody_is_disturbed() {
    let home = tempfile::tempdir().unwrap();
    let (log, _) = Log::open(home.path(), config()).unwrap();
    assert!(log.usage().is_idle() && !log.is_closed());
    let appended = log.append(1, &[LaneBatch { lane: LaneId(0), records: &[b"one"] }]).unwrap();
    assert!(log.usage().unflushed);
    appended.wait().unwrap();
    assert!(log.usage().is_idle());
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let mut waiting = Box::pin(log.visible_past(Position(1)));
        std::future::poll_fn(|context| {
            assert!(waiting.as_mut().poll(context).is_pending());
            std::task::Poll::Ready(())
        })
        .await;
        assert_eq!(log.usage().waiters, 1);
        log.close().unwrap();
        waiting.await;
        assert!(log.is_closed(), "why the wait is over");
    });
    let other = log.clone();
    assert_eq!(other.usage().handles, 2);
    thread::scope(|scope| {
        let (log, _) = Log::open(home.path(), config()).unwrap();
        let closing = log.clone();
        let blocked = scope.spawn(move || log.visible_past(Position(1)).wait());
        while closing.usage().waiters == 0 {
            thread::yield_now();
        }
        closing.close().unwrap();
        blocked.join().unwrap();
    });
}

#[test]
fn a_closed_log_leaves_its_directory_alone_and_stays_readable() {
    let home = tempfile::tempdir().unwrap();
    let (old, _) = Log::open(home.path(), config()).unwrap();
    (0..30u8).for_each(|number| append(&old, &[number; 10_000]).unwrap());
    let read = old.read(LaneId(0), Position(0), ALL).unwrap();
    old.close().unwrap();
    let (new, _) = Log::open(home.path(), config()).unwrap();
    assert!(matches!(append(&old, b"late"), Err(Error::Closed)));
    assert!(matches!(old.trim_to(Position(30)), Err(Error::Closed)), "it is not its directory any more");
    assert!(matches!(old.backup(&home.path().join("backup")), Err(Error::Closed)));
    // The new owner drops all of that, and writes a lot: no file that someone looks at is used again.
    assert!(new.trim_to(Position(30)).unwrap() > 3);
    (0..60).for_each(|_| append(&new, &[0xee; 10_000]).unwrap());
    for found in [&read, &old.read(LaneId(0), Position(0), ALL).unwrap()] {
        assert_eq!(found.len(), 30);
        assert!(found.iter().all(|record| record.data == [record.position.0 as u8; 10_000]));
    }
}

#[test]
fn opening_again_makes_no_log_of_an_emptied_directory() {
    let home = tempfile::tempdir().unwrap();
    let again = || Log::open(&home.path().join("log"), Config { create: false, ..config() });
    assert!(matches!(again(), Err(Error::NoLog { .. })));
    assert!(!home.path().join("log").exists());
    std::fs::create_dir(home.path().join("log")).unwrap();
    assert!(matches!(again(), Err(Error::NoLog { .. })));
    Log::open(&home.path().join("log"), config()).unwrap().0.close().unwrap();
    again().unwrap();
}

#[test]
fn files_are_their_owner_s_alone() {
    let home = tempfile::tempdir().unwrap();
    let directory = home.path().join("logs/one");
    let (log, _) = Log::open(&directory, config()).unwrap();
    (0..20).for_each(|_| append(&log, &[7; 10_000]).unwrap());
    log.backup(&home.path().join("backup")).unwrap();
    for directory in [&directory, &home.path().join("backup")] {
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(directory), 0o700);
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            assert_eq!(mode(&path), 0o600, "{}", path.display());
        }
    }
}

/// The process whose files may not grow: not a test of its own, it returns at once unless it is
/// started as one.
#[test]
fn process_of_small_files() {
    let Ok(directory) = std::env::var(DIRECTORY_VARIABLE) else { return };
    // SAFETY: ignoring a signal runs no code.
    unsafe { libc::signal(libc::SIGXFSZ, libc::SIG_IGN) };
    let (log, _) = Log::open(Path::new(&directory), Config::default()).unwrap();
    let Rlimit { maximum, .. } = getrlimit(Resource::Fsize);
    let limit = |bytes: u64| setrlimit(Resource::Fsize, Rlimit { current: Some(bytes), maximum }).unwrap();
    limit(300 << 10);
    let mut appended = 0;
    let error = loop {
        match append(&log, &[7; 280 << 10]).and_then(|()| append(&log, &[7; 10_000])) {
            Ok(()) => appended += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(error, Error::NoSpace { .. }), "{error}");
    (0..100).for_each(|_| append(&log, &[7; 10_000]).unwrap());
    limit(64 << 20);
    append(&log, &[7; 280 << 10]).unwrap();
    assert_eq!(log.health().poisoned, None);
    log.close().unwrap();
    drop(log);
    assert_eq!(inspect::verify(Path::new(&directory)).unwrap().problems, []);
    println!("went on after {appended}");
}

#[test]
fn a_limit_on_the_size_of_files_is_like_a_full_disk() {
    let home = tempfile::tempdir().unwrap();
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["process_of_small_files", "--exact", "--nocapture", "--test-threads=1"])
        .env(DIRECTORY_VARIABLE, home.path())
        .output()
        .unwrap();
    let words = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && words.contains("went on"), "{output:?}");
}

#[test]
fn health_says_what_is_wrong() {
    let home = tempfile::tempdir().unwrap();
    let (log, _) = Log::open(home.path(), config()).unwrap();
    (0..30u8).for_each(|number| append(&log, &[number; 10_000]).unwrap());
    assert!(log.health().is_sound());
    assert_eq!(Refusal::NoSpace.to_string(), "no space left for a segment");
    log.close().unwrap();
    drop(log);
    let path = home.path().join(format!("{:020}.segment", 0));
    let mut image = std::fs::read(&path).unwrap();
    image[5_000] ^= 1;
    std::fs::write(&path, image).unwrap();
    let (log, recovery) = Log::open(home.path(), config()).unwrap();
    assert_eq!(recovery.damage, [], "a sealed segment is not read when the log is opened");
    assert!(log.health().is_sound());
    for _ in 0..2 {
        assert!(matches!(log.read(LaneId(0), Position(0), ALL), Err(Error::Damaged(_))));
        let health = log.health();
        assert_eq!((health.damaged, health.first_damage.unwrap().first), (1, Position(0)));
    }
    log.trim_to(Position(30)).unwrap();
    assert!(log.health().is_sound(), "what was dropped is nobody's concern");
}

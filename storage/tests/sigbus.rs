//! A file truncated under its map stops the process, but not without a word.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed step is a failed test")]

use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Command;

use anabranch_storage::{Config, LaneBatch, LaneId, Log, Position, ReadLimit, explain_sigbus};

const DIRECTORY_VARIABLE: &str = "ANABRANCH_SIGBUS_TEST_DIRECTORY";

/// The process that stops: not a test of its own, it returns at once unless it is started as one.
#[test]
fn reading_process() {
    let Ok(directory) = std::env::var(DIRECTORY_VARIABLE) else { return };
    explain_sigbus().unwrap();
    let (log, _) = Log::open(Path::new(&directory), Config::default()).unwrap();
    for _ in 0..20 {
        log.append(1, &[LaneBatch { lane: LaneId(0), records: &[&[7; 10_000]] }]).unwrap().wait().unwrap();
    }
    let path = Path::new(&directory).join(format!("{:020}.segment", 0));
    std::fs::File::options().write(true).open(path).unwrap().set_len(8192).unwrap();
    let _ = log.read(LaneId(0), Position(0), ReadLimit { records: 100, bytes: 1 << 20 });
}

#[test]
fn a_truncated_segment_is_named_before_the_process_stops() {
    let home = tempfile::tempdir().unwrap();
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["reading_process", "--exact", "--nocapture", "--test-threads=1"])
        .env(DIRECTORY_VARIABLE, home.path())
        .output()
        .unwrap();
    let words = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.signal(), Some(libc::SIGBUS), "{words}");
    let segment = home.path().join(format!("{:020}.segment", 0));
    assert!(words.contains("SIGBUS: a mapped file could not be read"), "{words}");
    assert!(words.contains(segment.to_str().unwrap()), "{words}");
}

//! A reader written from FORMAT.md alone, in Python, agrees with the engine on random logs.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed step is a failed test")]

use std::fmt::Write;
use std::path::Path;
use std::process::Command;

use anabranch_storage::{Compression, Config, LaneBatch, LaneId, Log, inspect};
use proptest::prelude::*;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

/// What the engine reads, in the reader's words, by position.
fn dumped(directory: &Path) -> Vec<String> {
    let mut lines = Vec::new();
    inspect::dump(directory, None, |record| {
        let line = format!(
            r#"{{"lane": {}, "position": {}, "timestampMs": {}, "data": "{}"}}"#,
            record.lane,
            record.position,
            record.timestamp_ms,
            hex(&record.data)
        );
        lines.push((record.position, line));
    })
    .unwrap();
    lines.sort();
    lines.into_iter().map(|(_, line)| line).collect()
}

fn read_by_python(directory: &Path) -> Vec<String> {
    let reader = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/read_log.py");
    let output = Command::new("python3").args(["-B", reader]).arg(directory).output().expect("python3 is there");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

/// Whether this machine's Python can decompress.
fn has_zstd() -> bool {
    let either = "try:\n import compression.zstd\nexcept ImportError:\n import zstandard";
    Command::new("python3").args(["-c", either]).output().is_ok_and(|output| output.status.success())
}

/// The bytes of the worked example, at their places in a segment.
fn example() -> Vec<u8> {
    let document = include_str!("../FORMAT.md");
    let mut segment = vec![0; 64 << 10];
    for line in document.lines() {
        let mut words = line.split(' ').filter(|word| !word.is_empty());
        let offset = words.next().filter(|word| word.len() == 4).and_then(|word| usize::from_str_radix(word, 16).ok());
        let Some(offset) = offset else { continue };
        let bytes = words.take(16).map_while(|word| u8::from_str_radix(word, 16).ok().filter(|_| word.len() == 2));
        for (at, byte) in bytes.enumerate() {
            segment[offset + at] = byte;
        }
    }
    segment
}

#[test]
fn the_worked_example_is_a_log() {
    let home = tempfile::tempdir().unwrap();
    std::fs::write(home.path().join(format!("{:020}.segment", 0)), example()).unwrap();
    let expected = [
        r#"{"lane": 7, "position": 0, "timestampMs": 1763000000000, "data": "6f6e65"}"#,
        r#"{"lane": 7, "position": 1, "timestampMs": 1763000000000, "data": "74776f"}"#,
    ];
    assert_eq!(read_by_python(home.path()), expected);
    assert_eq!(dumped(home.path()), expected);
    let stat = inspect::stat(home.path()).unwrap();
    assert_eq!((stat.segments[0].frames, stat.recovery.damage.len()), (2, 0));
}

fn batches() -> impl Strategy<Value = Vec<(u32, Vec<Vec<u8>>)>> {
    let record = prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..200),
        (0usize..30_000, any::<u8>()).prop_map(|(len, byte)| vec![byte; len]),
    ];
    proptest::collection::vec((0u32..5, proptest::collection::vec(record, 1..8)), 1..40)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn the_reader_agrees(batches in batches(), zstd: bool, orderly: bool, damaged in 0..4) {
        let home = tempfile::tempdir().unwrap();
        let compression = if zstd && has_zstd() { Compression::Zstd { level: 1 } } else { Compression::None };
        let config = Config { segment_bytes_min: 64 << 10, segment_bytes_max: 128 << 10, compression, ..Config::default() };
        let (log, _) = Log::open(home.path(), config).unwrap();
        for (number, (lane, records)) in batches.iter().enumerate() {
            let records: Vec<&[u8]> = records.iter().map(Vec::as_slice).collect();
            log.append(number as u64, &[LaneBatch { lane: LaneId(*lane), records: &records }]).unwrap().wait().unwrap();
        }
        if orderly {
            log.close().unwrap();
        }
        drop(log);
        if damaged == 0 {
            // A repaired log holds gaps.
            let path = home.path().join(format!("{:020}.segment", 0));
            let mut image = std::fs::read(&path).unwrap();
            image[4096 + 60] ^= 1;
            std::fs::write(&path, image).unwrap();
            anabranch_storage::repair(home.path()).unwrap();
        }
        prop_assert_eq!(read_by_python(home.path()), dumped(home.path()));
    }
}

//! A full disk refuses puts, loses nothing, and is not a reason to restart.

use std::fs;
use std::process::Command;

use anabranch_control::ControlStore;
use anabranch_protocol::ProblemKind;
use serde_json::json;

use crate::harness::{House, MemoryWriter};

#[tokio::test]
async fn a_full_disk_is_an_error_until_there_is_space_again() {
    let Some(disk) = SmallDisk::mount() else { return };
    let elsewhere = tempfile::tempdir().unwrap();
    let control = ControlStore::open(&elsewhere.path().join("control.redb")).unwrap();
    let house = House::open_at(&disk.0.path().join("firehose"), control, MemoryWriter::default());
    house.create(json!({ "BufferingHints": { "SizeInMBs": 64, "IntervalInSeconds": 60 } })).await;
    let filler = disk.0.path().join("filler");
    fs::write(&filler, vec![0; 6 << 20]).unwrap();
    let mut acknowledged = Vec::new();
    let error = loop {
        let record = format!("{:>60000}", acknowledged.len()).into_bytes();
        match house.put(std::slice::from_ref(&record)).await {
            Ok(_) => acknowledged.push(record),
            Err(error) => break error,
        }
    };
    assert_eq!((error.code, error.status()), ("ServiceUnavailableException", 500));
    assert!(error.message.contains("disk is full"), "{error}");
    assert_eq!(house.firehose.problems()[0].kind, ProblemKind::FullDisk);
    fs::remove_file(&filler).unwrap();
    let last = b"there is space again".to_vec();
    house.put(std::slice::from_ref(&last)).await.expect("puts go on without a restart");
    acknowledged.push(last);
    // It is over once there is room for a segment.
    while !house.firehose.problems().is_empty() {
        let record = vec![b'.'; 60_000];
        house.put(std::slice::from_ref(&record)).await.unwrap();
        acknowledged.push(record);
    }
    house.advance_s(60);
    house.drained().await;
    assert!(house.writer.attempts()[0].content() == acknowledged.concat(), "every acknowledged record, and no other");
    house.firehose.shutdown().await;
}

/// A small file system of its own.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    /// `None`, with the reason printed, where mounting is not allowed.
    fn mount() -> Option<Self> {
        let directory = tempfile::tempdir().unwrap();
        let mount =
            Command::new("mount").args(["-t", "tmpfs", "-o", "size=8m", "tmpfs"]).arg(directory.path()).output();
        match mount {
            Ok(output) if output.status.success() => Some(Self(directory)),
            Ok(output) => {
                println!("skipped: can't mount a small disk: {}", String::from_utf8_lossy(&output.stderr).trim());
                None
            }
            Err(error) => {
                println!("skipped: can't run mount: {error}");
                None
            }
        }
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily, for the log may still be open on a failing test's way out.
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

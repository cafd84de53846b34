//! What is acknowledged stays, and a full disk is an error rather than an end.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use anabranch_protocol::SystemClock;
use anabranch_tables::Tables;
use serde_json::json;

use crate::{call, count, put, with_sessions};

#[tokio::test]
async fn items_survive_reopening() {
    let directory = tempfile::tempdir().unwrap();
    let tables = with_sessions(directory.path()).await;
    put(&tables, json!({"id": {"S": "s1"}})).await.unwrap();
    tables.shutdown().await;
    let tables = Tables::open(directory.path(), Arc::new(SystemClock)).unwrap();
    assert_eq!(count(&tables).await, 1);
}

/// A copy of the files while the database is open is what a killed process leaves.
#[tokio::test]
async fn items_survive_a_crash() {
    let (directory, copy) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let tables = with_sessions(directory.path()).await;
    for item in 0..50 {
        put(&tables, json!({"id": {"S": format!("s{item}")}})).await.unwrap();
    }
    copy_all(directory.path(), copy.path());
    assert_eq!(count(&Tables::open(copy.path(), Arc::new(SystemClock)).unwrap()).await, 50);
}

fn copy_all(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let (entry, to) = (entry.as_ref().unwrap(), to.join(entry.as_ref().unwrap().file_name()));
        if entry.file_type().unwrap().is_dir() {
            fs::create_dir(&to).unwrap();
            copy_all(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

#[tokio::test]
async fn a_full_disk_is_an_error_until_there_is_space_again() {
    let Some(disk) = SmallDisk::mount() else { return };
    let tables = with_sessions(&disk.path().join("tables")).await;
    let filler = disk.path().join("filler");
    fs::write(&filler, vec![0; 4 << 20]).unwrap();
    let item = |number: u64| json!({"id": {"S": format!("s{number}")}, "body": {"S": "x".repeat(100_000)}});
    let mut acknowledged = 0;
    let error = loop {
        match put(&tables, item(acknowledged)).await {
            Ok(_) => acknowledged += 1,
            Err(error) => break error,
        }
    };
    assert!(acknowledged > 0);
    assert_eq!(error.status(), 500);
    assert!(error.message.contains("disk is full"), "{error}");
    let first = json!({"TableName": "sessions", "Key": {"id": {"S": "s0"}}});
    assert!(call(&*tables, "GetItem", first).await.unwrap().get("Item").is_some(), "reads go on");
    fs::remove_file(&filler).unwrap();
    put(&tables, item(acknowledged)).await.expect("writes go on without a restart");
    assert_eq!(count(&tables).await, acknowledged + 1);
    tables.shutdown().await;
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

    fn path(&self) -> PathBuf {
        Path::new(self.0.path()).to_path_buf()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily, for the database may still be open on a failing test's way out.
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

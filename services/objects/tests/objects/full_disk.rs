//! An index whose commit failed is as strict as a log: it is told of, and read again from the disk
//! before it is used again.

use std::fs;
use std::path::Path;
use std::process::Command;

use anabranch_protocol::ProblemKind;
use http::Method;

use crate::common::{get, open, put, send};

#[tokio::test]
async fn an_index_whose_commit_failed_is_read_again_from_the_disk() {
    let Some(disk) = SmallDisk::mount() else { return };
    let directory = disk.path().join("objects");
    let objects = open(&directory, None);
    assert_eq!(put(&objects, "/bucket", b"").await, 200);
    let filler = disk.path().join("filler");
    // What is left is less than the index grows by next.
    while fs::OpenOptions::new().create(true).append(true).open(&filler).and_then(|mut file| fill(&mut file)).is_ok() {}
    // Its open file goes on; only reading it again from the disk needs the name.
    let (index, kept) = (directory.join("index.redb"), directory.join("kept"));
    fs::rename(&index, &kept).unwrap();
    let notes = "n".repeat(1_900);
    let mut acknowledged = 0;
    // Without content, so that only the index takes room.
    let status = loop {
        let uri = format!("/bucket/{acknowledged:05}");
        let answer = send(&objects, Method::PUT, &uri, &[("x-amz-meta-notes", &notes)], b"").await;
        match answer.status().as_u16() {
            200 => acknowledged += 1,
            status => break status,
        }
    };
    assert!(status >= 500, "{status} after {acknowledged} objects");
    assert_eq!(objects.problems()[0].kind, ProblemKind::FullDisk);
    // Gone, it is neither answered for from memory nor made anew.
    assert!(get(&objects, "/bucket/00000", &[]).await.0 >= 500);
    assert!(put(&objects, "/bucket/more", b"").await >= 500 && !index.exists());
    fs::rename(&kept, &index).unwrap();
    fs::remove_file(&filler).unwrap();
    for number in 0..acknowledged {
        assert_eq!(get(&objects, &format!("/bucket/{number:05}"), &[]).await.0, 200, "{number} was acknowledged");
    }
    assert_eq!(put(&objects, "/bucket/more", b"there is room").await, 200);
    assert!(objects.problems().is_empty(), "{:?}", objects.problems());
    objects.shutdown().await;
}

fn fill(file: &mut fs::File) -> std::io::Result<()> {
    std::io::Write::write_all(file, &[0; 4_096])
}

/// A small file system of its own.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    /// `None`, with the reason printed, where mounting is not allowed.
    fn mount() -> Option<Self> {
        let directory = tempfile::tempdir().unwrap();
        let mut mount = Command::new("mount");
        match mount.args(["-t", "tmpfs", "-o", "size=8m", "tmpfs"]).arg(directory.path()).output() {
            Ok(output) if output.status.success() => return Some(Self(directory)),
            Ok(output) => println!("skipped: {}", String::from_utf8_lossy(&output.stderr).trim()),
            Err(error) => println!("skipped: can't run mount: {error}"),
        }
        None
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily, for the index may still be open on a failing test's way out.
        let _ = Command::new("umount").arg("-l").arg(self.path()).status();
    }
}

//! What a start makes of what it finds: it goes on with what belongs together, refuses what does
//! not, and removes nothing that it can't explain.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anabranch_control::Stored;
use anabranch_objects::{Objects, OpenError};
use anabranch_protocol::{ManualClock, ProblemKind};
use serde::{Deserialize, Serialize};
use tempfile::TempDir;

use crate::common::{create_upload, data_files, delete, get, open, put, until_no_data_files, upload_part};

fn try_open(directory: &Path) -> Result<Arc<Objects>, OpenError> {
    Objects::open(directory, Arc::new(ManualClock::new(1_763_000_000_000)), None)
}

/// Every file below a directory, with its size.
fn listing(directory: &Path) -> Vec<(PathBuf, u64)> {
    let (mut left, mut found) = (vec![directory.to_path_buf()], Vec::new());
    while let Some(path) = left.pop() {
        for entry in fs::read_dir(path).unwrap().map(Result::unwrap) {
            match entry.metadata().unwrap() {
                metadata if metadata.is_dir() => left.push(entry.path()),
                metadata => found.push((entry.path(), metadata.len())),
            }
        }
    }
    found.sort();
    found
}

/// A store with an object, a pending upload and its part, that was stopped.
async fn used() -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    let objects = open(directory.path(), None);
    put(&objects, "/bucket", b"").await;
    assert_eq!(put(&objects, "/bucket/key", b"kept").await, 200);
    let id = create_upload(&objects, "/bucket/pending").await;
    upload_part(&objects, "/bucket/pending", &id, 1, b"part").await;
    objects.shutdown().await;
    directory
}

fn data_file(directory: &Path) -> PathBuf {
    let is_data = |path: &PathBuf| path.parent().unwrap() != directory.join("data");
    listing(&directory.join("data")).into_iter().map(|(path, _)| path).find(is_data).unwrap()
}

#[tokio::test]
async fn an_index_that_is_not_the_one_of_the_data_is_refused() {
    for what in ["emptied", "missing", "another store's"] {
        let directory = used().await;
        let index = directory.path().join("index.redb");
        let kept = fs::read(&index).unwrap();
        match what {
            "emptied" => fs::write(&index, b"").unwrap(),
            "missing" => fs::remove_file(&index).unwrap(),
            _ => drop(fs::copy(used().await.path().join("index.redb"), &index).unwrap()),
        }
        let before = listing(&directory.path().join("data"));
        let error = try_open(directory.path()).err().unwrap_or_else(|| panic!("{what}: opened")).to_string();
        assert!(error.contains("index.redb") && error.contains("nothing was touched"), "{what}: {error}");
        assert_eq!(listing(&directory.path().join("data")), before, "{what}");
        fs::write(&index, kept).unwrap();
        let objects = open(directory.path(), None);
        assert_eq!(get(&objects, "/bucket/key", &[]).await, (200, "kept".into()), "{what}");
        objects.shutdown().await;
    }
}

#[tokio::test]
async fn files_that_nothing_explains_are_moved_aside() {
    let directory = used().await;
    let known = data_file(directory.path());
    let stray = "ab0123456789abcdef0123456789abcd";
    fs::create_dir_all(directory.path().join("data/ab")).unwrap();
    fs::write(directory.path().join("data/ab").join(stray), b"whose?").unwrap();
    fs::write(directory.path().join("data/ab/notes.txt"), b"mine").unwrap();
    fs::write(directory.path().join("data/ab").join(format!("{stray}.new")), b"unfinished").unwrap();
    let objects = open(directory.path(), None);
    assert!(known.exists() && get(&objects, "/bucket/key", &[]).await.0 == 200);
    assert_eq!(fs::read(directory.path().join("strays").join(stray)).unwrap(), b"whose?");
    assert_eq!(fs::read(directory.path().join("strays/notes.txt")).unwrap(), b"mine");
    assert_eq!(data_files(directory.path()), 2, "what was never finished is removed");
    let problems = objects.problems();
    assert_eq!(problems.len(), 1);
    assert!(problems[0].kind == ProblemKind::Strays && problems[0].message.contains("2 files"), "{}", problems[0]);
}

#[tokio::test]
async fn what_a_crash_left_is_finished() {
    let directory = used().await;
    // As after a crash between the commit of a row and what follows it.
    let known = data_file(directory.path());
    fs::rename(&known, known.with_extension("new")).unwrap();
    let objects = open(directory.path(), None);
    assert!(known.exists());
    assert!(objects.problems().is_empty());
    assert_eq!(get(&objects, "/bucket/key", &[]).await, (200, "kept".into()));
    assert_eq!(delete(&objects, "/bucket/key").await, 204);
    assert_eq!(delete(&objects, "/bucket").await, 204);
    until_no_data_files(directory.path()).await;
}

#[tokio::test]
async fn a_file_that_is_missing_is_told() {
    let directory = used().await;
    let file = listing(&directory.path().join("data"));
    file.iter().filter(|(path, _)| !path.ends_with("STORE")).for_each(|(path, _)| fs::remove_file(path).unwrap());
    let objects = open(directory.path(), None);
    assert_eq!(get(&objects, "/bucket/key", &[]).await.0, 500);
    let problems = objects.problems();
    assert!(problems.iter().all(|problem| problem.kind == ProblemKind::Missing), "{problems:?}");
    assert!(problems.iter().any(|problem| problem.resource == "bucket/key"), "{problems:?}");
    assert!(problems.iter().any(|problem| problem.message.starts_with("2 files")), "{problems:?}");
    assert_eq!(put(&objects, "/bucket/key", b"again").await, 200);
    assert!(objects.problems().iter().all(|problem| problem.resource != "bucket/key"));
}

#[tokio::test]
async fn files_are_the_owners_alone() {
    let directory = tempfile::tempdir().unwrap();
    let store = directory.path().join("objects");
    let objects = open(&store, None);
    put(&objects, "/bucket", b"").await;
    put(&objects, "/bucket/key", b"secret").await;
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let file = data_file(&store);
    let modes = [mode(&store), mode(&store.join("data")), mode(file.parent().unwrap())];
    assert_eq!(modes, [0o700; 3]);
    assert_eq!([mode(&file), mode(&store.join("index.redb"))], [0o600; 2]);
}

/// The row of an upload, whatever it says.
#[derive(Serialize, Deserialize)]
struct AnyUpload(serde_json::Value);

impl Stored for AnyUpload {
    const KIND: &'static str = "upload";
    const VERSION: u32 = 1;
}

#[tokio::test]
async fn uploads_of_earlier_versions_go_on() {
    let directory = used().await;
    let store = anabranch_control::ControlStore::open(&directory.path().join("index.redb")).unwrap();
    let uploads = anabranch_control::Table("uploads");
    let (row, value) = store.scan::<AnyUpload>(uploads, "").unwrap().remove(0);
    store.delete(uploads, &row).unwrap();
    store.put(uploads, &row.replace('\0', "/"), &value).unwrap();
    drop(store);
    let objects = open(directory.path(), None);
    let id = &row[row.len() - 32..];
    let (status, listed) = get(&objects, &format!("/bucket/pending?uploadId={id}"), &[]).await;
    assert!(status == 200 && listed.contains("<PartNumber>1</PartNumber>"), "{status} {listed}");
    assert!(objects.problems().is_empty());
}

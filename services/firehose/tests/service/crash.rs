//! Log and control store agree after any crash, and no object is made twice.

use std::fs;
use std::path::Path;

use anabranch_control::ControlStore;
use anabranch_firehose::{Firehose, FirehoseError};
use anabranch_protocol::ProblemKind;
use anabranch_storage::FlushPolicy;
use serde_json::json;

use crate::harness::{House, MemoryWriter, copy};

#[tokio::test]
async fn a_crash_while_an_object_is_written_repeats_that_object() {
    let (directory, after) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let house = House::open(directory.path(), MemoryWriter::hanging());
    let hints = json!({ "SizeInMBs": 1, "IntervalInSeconds": 60 });
    house.create(json!({ "BufferingHints": hints, "CompressionFormat": "GZIP" })).await;
    house.put(&[b"before ".to_vec(), b"the crash".to_vec()]).await.unwrap();
    house.advance_s(60);
    let written = house.writer.attempted(1).await;
    house.put(&[b"during".to_vec()]).await.unwrap();
    copy(directory.path(), after.path());

    let house = House::open(after.path(), MemoryWriter::default());
    let again = house.writer.attempted(1).await;
    assert_eq!(again, written, "the same key and the same bytes");
    assert_eq!(again[0].content(), b"before the crash");
    // The clock begins anew, and the last record arrived at 60 s.
    house.advance_s(120);
    house.drained().await;
    let objects = house.writer.attempts();
    assert_eq!(objects.len(), 2);
    assert_eq!(objects[1].content(), b"during");
    assert_eq!(house.stat().objects_delivered, 2);
}

#[tokio::test]
async fn a_crash_after_delivery_repeats_nothing() {
    let (directory, after) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let house = House::open(directory.path(), MemoryWriter::default());
    house.create(json!({ "BufferingHints": { "SizeInMBs": 1, "IntervalInSeconds": 60 } })).await;
    house.put(&[b"delivered".to_vec()]).await.unwrap();
    house.advance_s(60);
    house.drained().await;
    house.put(&[b"buffered".to_vec()]).await.unwrap();
    copy(directory.path(), after.path());

    let house = House::open(after.path(), MemoryWriter::default());
    house.advance_s(120);
    let objects = house.writer.attempted(1).await;
    assert_eq!(objects[0].content(), b"buffered");
}

#[tokio::test]
async fn what_is_buffered_at_shutdown_is_delivered_after_the_next_start() {
    let directory = tempfile::tempdir().unwrap();
    let house = House::open(directory.path(), MemoryWriter::default());
    house.create(json!({ "BufferingHints": { "SizeInMBs": 1, "IntervalInSeconds": 60 } })).await;
    house.put(&[b"kept".to_vec()]).await.unwrap();
    house.firehose.shutdown().await;
    assert_eq!(house.writer.attempts(), []);
    drop(house);
    let house = House::open(directory.path(), MemoryWriter::default());
    while house.stat().backlog_bytes < 4 {
        tokio::task::yield_now().await;
    }
    house.advance_s(60);
    assert_eq!(house.writer.attempted(1).await[0].content(), b"kept");
}

#[tokio::test]
async fn a_log_without_an_owner_is_moved_aside() {
    let directory = tempfile::tempdir().unwrap();
    let stray = directory.path().join("firehose").join("6c1f0c3e-5a4d-4c50-9d6b-1f6a1c1f7c11");
    fs::create_dir_all(&stray).unwrap();
    fs::write(stray.join("segment"), b"half made").unwrap();
    let house = House::open(directory.path(), MemoryWriter::default());
    assert!(!stray.exists());
    let moved = directory.path().join("strays/firehose").join(stray.file_name().unwrap());
    assert_eq!(fs::read(moved.join("segment")).unwrap(), b"half made");
    let problems = house.firehose.problems();
    assert_eq!(problems[0].kind, ProblemKind::Strays);
    assert!(problems[0].message.contains(moved.to_str().unwrap()), "{}", problems[0]);
}

#[tokio::test]
async fn a_lost_log_is_told_and_the_delivery_stream_goes_on() {
    let directory = tempfile::tempdir().unwrap();
    let house = House::open(directory.path(), MemoryWriter::default());
    house.create(json!({ "BufferingHints": { "SizeInMBs": 1, "IntervalInSeconds": 60 } })).await;
    house.put(&[b"delivered".to_vec()]).await.unwrap();
    house.advance_s(60);
    house.drained().await;
    house.put(&[b"lost".to_vec()]).await.unwrap();
    house.firehose.shutdown().await;
    drop(house);
    for log in fs::read_dir(directory.path().join("firehose")).unwrap() {
        fs::remove_dir_all(log.unwrap().path()).unwrap();
    }
    let house = House::open(directory.path(), MemoryWriter::default());
    let problems = house.firehose.problems();
    assert_eq!((problems[0].kind, problems[0].resource.as_str()), (ProblemKind::Missing, "clicks-raw"));
    house.put(&[b"after".to_vec()]).await.unwrap();
    house.firehose.shutdown().await;
    drop(house);
    let house = House::open(directory.path(), MemoryWriter::default());
    assert_eq!(house.firehose.problems(), [], "it was told");
    house.advance_s(120);
    assert_eq!(house.writer.attempted(1).await[0].content(), b"after");
}

/// Delivers one record and closes, then loses the log. Returns what opening says then.
async fn open_without_log(directory: &Path, flush: FlushPolicy) -> Result<House, FirehoseError> {
    let house = House::open(directory, MemoryWriter::default());
    house.create(json!({ "BufferingHints": { "SizeInMBs": 1, "IntervalInSeconds": 0 } })).await;
    house.put(&[b"delivered".to_vec()]).await.unwrap();
    house.drained().await;
    house.firehose.shutdown().await;
    let (clock, writer) = (house.clock.clone(), house.writer.clone());
    drop(house);
    let logs = directory.join("firehose");
    let log = fs::read_dir(&logs).unwrap().next().unwrap().unwrap().path();
    for file in fs::read_dir(log).unwrap() {
        fs::remove_file(file.unwrap().path()).unwrap();
    }
    let control = ControlStore::open(&directory.join("control.redb")).unwrap();
    let config = anabranch_storage::Config { flush, ..anabranch_storage::Config::default() };
    let firehose = Firehose::open(&logs, control, clock.clone(), writer.clone(), config)?;
    Ok(House { firehose, clock, writer })
}

#[tokio::test]
async fn a_log_that_is_not_the_stores_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let error = open_without_log(directory.path(), FlushPolicy::Fsync).await.err().unwrap().to_string();
    assert!(error.contains("clicks-raw") && error.contains("do not belong together"), "{error}");
}

/// What a power cut may leave where records are not flushed before they are acknowledged.
#[tokio::test]
async fn a_log_that_lost_unflushed_records_goes_on() {
    let directory = tempfile::tempdir().unwrap();
    let house = open_without_log(directory.path(), FlushPolicy::Os).await.unwrap();
    house.put(&[b"after the power cut".to_vec()]).await.unwrap();
    let attempts = house.writer.attempted(2).await;
    assert_eq!(attempts[1].content(), b"after the power cut");
}

//! Records become objects: by size, by interval, all of them, in order, once.

use std::sync::atomic::Ordering;
use std::time::Duration;

use anabranch_ports::{Delivery, PortErrorKind, Target};
use anabranch_protocol::ProblemKind;
use serde_json::json;

use crate::harness::{House, MemoryWriter};

#[tokio::test]
async fn a_full_buffer_is_delivered_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let house = House::open(directory.path(), MemoryWriter::default());
    house.create(json!({ "BufferingHints": { "SizeInMBs": 1, "IntervalInSeconds": 900 } })).await;
    for letter in [b'a', b'b', b'c', b'd'] {
        house.put(&[vec![letter; 500_000]]).await.unwrap();
    }
    let objects = house.writer.attempted(1).await;
    // The record that reaches 1 MiB is the last; the fourth waits for the interval.
    assert_eq!(objects[0].content(), [[b'a'; 500_000], [b'b'; 500_000], [b'c'; 500_000]].concat());
    assert_eq!(objects[0].bucket, "clickstream-raw");
    house.advance_s(900);
    let objects = house.writer.attempted(2).await;
    assert_eq!(objects[1].content(), [b'd'; 500_000]);
    house.drained().await;
    assert_eq!((house.stat().objects_delivered, house.stat().backlog_bytes), (2, 0));
}

#[tokio::test]
async fn the_interval_counts_from_the_oldest_record() {
    let directory = tempfile::tempdir().unwrap();
    let house = House::open(directory.path(), MemoryWriter::default());
    house.create(json!({ "BufferingHints": { "SizeInMBs": 5, "IntervalInSeconds": 60 } })).await;
    house.advance_s(1_000);
    house.put(&[b"one ".to_vec()]).await.unwrap();
    house.advance_s(59);
    house.put(&[b"two".to_vec()]).await.unwrap();
    assert_eq!(house.writer.attempts(), []);
    assert_eq!((house.stat().backlog_records, house.stat().backlog_bytes), (2, 7));
    house.advance_s(1);
    let objects = house.writer.attempted(1).await;
    assert_eq!(objects[0].content(), b"one two");
    // 1,000 s after 17:04:09, when the oldest record arrived.
    assert!(objects[0].key.starts_with("2026/03/05/17/clicks-raw-1-2026-03-05-17-20-49-"), "{}", objects[0].key);
}

#[tokio::test]
async fn ten_thousand_records_arrive_exactly() {
    let directory = tempfile::tempdir().unwrap();
    let house = House::open(directory.path(), MemoryWriter::default());
    let hints = json!({ "SizeInMBs": 1, "IntervalInSeconds": 60 });
    house.create(json!({ "BufferingHints": hints, "CompressionFormat": "GZIP", "Prefix": "raw/" })).await;
    let line =
        |number: usize| format!("{{\"click\":{number},\"page\":\"{}\"}}\n", "/".repeat(number % 700)).into_bytes();
    let lines: Vec<Vec<u8>> = (0..10_000).map(line).collect();
    for batch in lines.chunks(500) {
        let answer = house.put(batch).await.unwrap();
        assert_eq!(answer["FailedPutCount"], 0);
        assert_eq!(answer["RequestResponses"].as_array().unwrap().len(), 500);
    }
    house.advance_s(60);
    house.drained().await;
    let objects = house.writer.attempts();
    assert!(objects.len() >= 3, "{} objects of about 1 MiB each", objects.len());
    assert_eq!(house.writer.objects().len(), objects.len(), "no key twice");
    for object in &objects {
        assert!(object.key.starts_with("raw/2026/03/05/17/clicks-raw-1-") && object.key.ends_with(".gz"));
        assert_eq!(object.encoding.as_deref(), Some("gzip"));
    }
    let delivered: Vec<u8> = objects.iter().flat_map(|object| object.content()).collect();
    assert!(delivered == lines.concat(), "every line once and in order");
}

#[tokio::test]
async fn zero_buffering_delivers_without_waiting() {
    let directory = tempfile::tempdir().unwrap();
    let house = House::open(directory.path(), MemoryWriter::default());
    house.create(json!({ "BufferingHints": { "SizeInMBs": 1, "IntervalInSeconds": 0 } })).await;
    house.put(&[b"now".to_vec()]).await.unwrap();
    assert_eq!(house.writer.attempted(1).await[0].content(), b"now");
}

#[tokio::test]
async fn a_failing_bucket_is_tried_again_with_the_same_object() {
    let directory = tempfile::tempdir().unwrap();
    let house = House::open(directory.path(), MemoryWriter::default());
    house.writer.failures.store(2, Ordering::SeqCst);
    house.create(json!({ "BufferingHints": { "SizeInMBs": 1, "IntervalInSeconds": 60 } })).await;
    house.put(&[b"first".to_vec()]).await.unwrap();
    house.advance_s(60);
    house.writer.attempted(1).await;
    house.put(&[b"later".to_vec()]).await.unwrap();
    while house.stat().last_error.is_none() {
        tokio::task::yield_now().await;
    }
    assert!(house.stat().last_error.unwrap().contains("NoSuchBucket"));
    let problem = house.firehose.problems().remove(0);
    assert_eq!((problem.kind, problem.resource.as_str()), (ProblemKind::StuckDelivery, "clicks-raw"));
    assert!(problem.message.contains("since 2026-03-05T17:05:09Z") && problem.message.contains("NoSuchBucket"));
    let attempts = house.clock.fast_forward(Duration::from_millis(100), house.writer.attempted(3)).await;
    assert!(attempts.iter().all(|attempt| attempt == &attempts[0]));
    assert_eq!(attempts[0].content(), b"first");
    house.advance_s(60);
    house.drained().await;
    assert_eq!(house.stat().last_error, None);
    assert_eq!(house.firehose.problems(), []);
    assert_eq!(house.writer.attempts()[3].content(), b"later");
}

#[tokio::test]
async fn messages_of_other_services_are_put_too() {
    let directory = tempfile::tempdir().unwrap();
    let house = House::open(directory.path(), MemoryWriter::default());
    house.create(json!({ "BufferingHints": { "SizeInMBs": 5, "IntervalInSeconds": 60 } })).await;
    let arn = house.stat().arn;
    house.firehose.check(&arn).await.unwrap();
    house.firehose.deliver(&arn, Delivery::new("message")).await.unwrap();
    let missing = house.firehose.deliver(&format!("{arn}x"), Delivery::new("message")).await.unwrap_err();
    let large = house.firehose.deliver(&arn, Delivery::new(vec![0; 1_024_001])).await.unwrap_err();
    let other = house.firehose.check("arn:aws:s3:::clicks").await.unwrap_err();
    let kinds = [missing, large, other].map(|error| error.kind);
    assert_eq!(kinds, [PortErrorKind::NotFound, PortErrorKind::Refused, PortErrorKind::Refused]);
    house.advance_s(60);
    assert_eq!(house.writer.attempted(1).await[0].content(), b"message");
}

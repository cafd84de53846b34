//! Requests beside one another: whatever comes first, what was acknowledged is there, and no file
//! stays that nothing names.

use crate::common::{
    complete, create_upload, data_files, delete, get, open, put, send, text, until_no_data_files, upload_part,
};
use anabranch_objects::Notifications;
use axum::body::Body;
use bytes::Bytes;
use futures::channel::mpsc;
use http::{Method, Request};

const ROUNDS: usize = 150;

/// Completes an upload beside `other`; what a 200 promised must be readable.
async fn complete_beside(what: &str, other: impl AsyncFn(&anabranch_objects::Objects, &str, &str)) {
    let directory = tempfile::tempdir().unwrap();
    let objects = open(directory.path(), None);
    put(&objects, "/bucket", b"").await;
    let (mut promised, mut lost) = (0, Vec::new());
    for round in 0..ROUNDS {
        let uri = format!("/bucket/key-{round}");
        let id = create_upload(&objects, &uri).await;
        let etag = upload_part(&objects, &uri, &id, 1, b"first").await;
        let parts = [(1, etag.as_str())];
        let ((status, answer), ()) = futures::join!(complete(&objects, &uri, &id, &parts), other(&objects, &uri, &id));
        let read = get(&objects, &uri, &[]).await;
        match status {
            200 => {
                promised += 1;
                if read != (200, "first".into()) {
                    lost.push(format!("{round}: {read:?}"));
                }
            }
            _ => assert!(status == 404 || status == 400, "{what}: {status} {answer}"),
        }
        delete(&objects, &uri).await;
        delete(&objects, &format!("{uri}?uploadId={id}")).await;
    }
    assert!(lost.is_empty(), "beside {what}, {} of {promised} completed objects are gone: {}", lost.len(), lost[0]);
    until_no_data_files(directory.path()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn completing_beside_another_upload_of_a_part() {
    complete_beside("a re-upload", async |objects, uri, id| {
        send(objects, Method::PUT, &format!("{uri}?partNumber=1&uploadId={id}"), &[], b"second").await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn completing_beside_an_abort() {
    complete_beside("an abort", async |objects, uri, id| {
        delete(objects, &format!("{uri}?uploadId={id}")).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_bucket_that_was_deleted_stays_deleted() {
    let directory = tempfile::tempdir().unwrap();
    let objects = open(directory.path(), None);
    let mut returned = 0;
    for _ in 0..ROUNDS {
        put(&objects, "/bucket", b"").await;
        let configured = objects.put_notification_configuration("bucket", Notifications::default());
        let (deleted, _) = futures::join!(delete(&objects, "/bucket"), configured);
        assert_eq!(deleted, 204);
        returned += usize::from(send(&objects, Method::HEAD, "/bucket", &[], b"").await.status() != 404);
        delete(&objects, "/bucket").await;
    }
    assert_eq!(returned, 0, "of {ROUNDS} deleted buckets came back");
}

#[tokio::test]
async fn a_part_that_comes_after_the_end_is_refused_and_leaves_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let objects = open(directory.path(), None);
    put(&objects, "/bucket", b"").await;
    for ending in ["abort", "complete"] {
        let id = create_upload(&objects, "/bucket/key").await;
        let etag = upload_part(&objects, "/bucket/key", &id, 1, b"first").await;
        let (mut sender, body) = mpsc::channel::<Result<Bytes, std::io::Error>>(0);
        let request = Request::put(format!("/bucket/key?partNumber=2&uploadId={id}"))
            .header("host", "x")
            .header("content-length", 6)
            .body(Body::from_stream(body))
            .unwrap();
        let late = tokio::spawn({
            let objects = objects.clone();
            async move { text(objects.handle(request).await).await }
        });
        futures::SinkExt::send(&mut sender, Ok(Bytes::from_static(b"sec"))).await.unwrap();
        if ending == "abort" {
            assert_eq!(delete(&objects, &format!("/bucket/key?uploadId={id}")).await, 204);
        } else {
            assert_eq!(complete(&objects, "/bucket/key", &id, &[(1, &etag)]).await.0, 200);
        }
        futures::SinkExt::send(&mut sender, Ok(Bytes::from_static(b"ond"))).await.unwrap();
        drop(sender);
        let (status, answer) = late.await.unwrap();
        assert!(status == 404 && answer.contains("NoSuchUpload"), "{ending}: {status} {answer}");
        delete(&objects, "/bucket/key").await;
        assert_eq!(data_files(directory.path()), 0, "{ending}");
    }
}

#[tokio::test]
async fn a_bucket_goes_with_its_pending_uploads() {
    let directory = tempfile::tempdir().unwrap();
    let objects = open(directory.path(), None);
    put(&objects, "/bucket", b"").await;
    let id = create_upload(&objects, "/bucket/key").await;
    upload_part(&objects, "/bucket/key", &id, 1, b"first").await;
    assert_eq!(delete(&objects, "/bucket").await, 204);
    assert_eq!(data_files(directory.path()), 0, "its parts are gone");
    put(&objects, "/bucket", b"").await;
    let (_, listed) = get(&objects, "/bucket?uploads", &[]).await;
    assert!(!listed.contains("<UploadId>"), "{listed}");
}

#[tokio::test]
async fn an_upload_id_belongs_to_one_key() {
    let directory = tempfile::tempdir().unwrap();
    let objects = open(directory.path(), None);
    put(&objects, "/bucket", b"").await;
    let id = create_upload(&objects, "/bucket/dir/f").await;
    upload_part(&objects, "/bucket/dir/f", &id, 1, b"first").await;
    assert_eq!(delete(&objects, &format!("/bucket/dir?uploadId=f/{id}")).await, 404, "another key's upload");
    let (status, listed) = get(&objects, &format!("/bucket/dir/f?uploadId={id}"), &[]).await;
    assert!(status == 200 && listed.contains("<PartNumber>1</PartNumber>"), "{status} {listed}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_object_outlives_its_bucket() {
    let directory = tempfile::tempdir().unwrap();
    let objects = open(directory.path(), None);
    for round in 0..ROUNDS {
        put(&objects, "/bucket", b"").await;
        let (stored, deleted) = futures::join!(put(&objects, "/bucket/key", b"x"), delete(&objects, "/bucket"));
        let read = get(&objects, "/bucket/key", &[]).await.0;
        assert!(
            matches!((stored, deleted, read), (200, 409, 200) | (404, 204, 404)),
            "{round}: {stored} {deleted} {read}"
        );
        delete(&objects, "/bucket/key").await;
        delete(&objects, "/bucket").await;
    }
    until_no_data_files(directory.path()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_of_many_conditional_writes_wins() {
    let directory = tempfile::tempdir().unwrap();
    let objects = open(directory.path(), None);
    put(&objects, "/bucket", b"").await;
    for round in 0..ROUNDS / 5 {
        let uri = format!("/bucket/{round}");
        let bodies: Vec<String> = (0..8).map(|number| number.to_string()).collect();
        let once = [("if-none-match", "*")];
        let writes = bodies.iter().map(|body| send(&objects, Method::PUT, &uri, &once, body.as_bytes()));
        let statuses: Vec<u16> = futures::future::join_all(writes).await.iter().map(|w| w.status().as_u16()).collect();
        let winners: Vec<usize> = (0..8).filter(|number| statuses[*number] == 200).collect();
        assert_eq!(winners.len(), 1, "{statuses:?}");
        assert_eq!(get(&objects, &uri, &[]).await, (200, bodies[winners[0]].clone()));
    }
    assert_eq!(data_files(directory.path()), ROUNDS / 5, "the losers leave nothing");
    assert_eq!(objects.stat()[0].objects as usize, ROUNDS / 5);
}

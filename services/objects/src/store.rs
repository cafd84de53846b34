//! The store: buckets, objects and the promises between them.

use std::collections::BTreeMap;
use std::io;
use std::ops::{ControlFlow, Range};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use anabranch_control::{ControlError, ControlStore, KeyOf};
use anabranch_delivery::Outbox;
use anabranch_ports::Target;
use anabranch_protocol::{Clock, Problem};
use bytes::Bytes;
use futures::Stream;
use parking_lot::Mutex;
use s3s::service::S3Service;
use s3s::{S3Result, s3_error};

use crate::blob::{Blobs, Hold, Incoming, NewBlob, WriteError, hex};
use crate::conditions::Conditions;
use crate::error::{disk_failure, index_failure, no_bucket, no_key, no_upload};
use crate::health::Health;
use crate::index::{BUCKETS, BlobRef, Bucket, Headers, OBJECTS, Object, UPLOADS, Upload, object_key, upload_id_of};
use crate::limits::BUCKETS_MAX;
use crate::locks::{Locks, Scope};
use crate::naming::Naming;
use crate::notification::Notifications;
use crate::outbox::test_deliveries;
use crate::stat::{BucketStat, Counts};

/// Buckets and objects on disk.
pub struct Objects {
    pub(crate) index: ControlStore,
    pub(crate) blobs: Arc<Blobs>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) health: Health,
    pub(crate) locks: Locks,
    /// Number of the next event; numbers increase over restarts too, as time does.
    pub(crate) sequence: AtomicU64,
    /// Files that are removed, and whose rows in `REMOVED` go with the next commit.
    pub(crate) cleared: Mutex<Vec<String>>,
    /// Objects and bytes by bucket; kept in step with the index.
    pub(crate) counts: Mutex<BTreeMap<String, Counts>>,
    /// Notifications that are not delivered yet.
    pub(crate) outbox: Arc<Outbox>,
    /// Who takes notifications, if anybody does.
    pub(crate) target: Option<Arc<dyn Target>>,
    pub(crate) service: S3Service,
    pub(crate) this: Weak<Self>,
}

impl Objects {
    /// What keeps the store from doing its work.
    pub fn problems(&self) -> Vec<Problem> {
        let mut problems = self.health.problems();
        problems.extend(self.outbox.problems());
        problems
    }

    /// Makes a bucket; false if it is there already.
    ///
    /// # Errors
    /// When the name is not one S3 allows, there are too many, or the index can't be written.
    pub async fn create_bucket(&self, name: &str, region: &str) -> S3Result<bool> {
        check_bucket_name(name)?;
        let bucket = Bucket {
            created_ms: self.clock.now_ms(),
            region: region.into(),
            notifications: Notifications::default(),
            cors: Vec::new(),
        };
        let name = name.to_string();
        self.change(Scope::of_buckets(&name), move |change| {
            if change.index().get::<Bucket>(BUCKETS, &name).map_err(index_failure)?.is_some() {
                return Ok(false);
            }
            if change.buckets() >= BUCKETS_MAX {
                return Err(s3_error!(
                    TooManyBuckets,
                    "You have attempted to create more buckets than allowed: {BUCKETS_MAX}"
                ));
            }
            change.put_bucket(&name, &bucket)?;
            Ok(true)
        })
        .await
    }

    /// Removes an empty bucket, and the uploads to it that were not finished.
    pub(crate) async fn delete_bucket(&self, name: &str) -> S3Result<()> {
        let name = name.to_string();
        self.change(Scope::of_buckets(&name), move |change| {
            change.bucket(&name)?;
            let (prefix, mut is_empty, mut uploads) = (object_key(&name, ""), true, Vec::new());
            let found = |_: &str, _: KeyOf<Object>| {
                is_empty = false;
                ControlFlow::Break(())
            };
            change.index().visit(OBJECTS, &prefix, "", found).map_err(index_failure)?;
            if !is_empty {
                return Err(s3_error!(BucketNotEmpty, "The bucket you tried to delete is not empty"));
            }
            let pending = |row: &str, _: KeyOf<Upload>| {
                uploads.push(row.to_string());
                ControlFlow::Continue(())
            };
            change.index().visit(UPLOADS, &prefix, "", pending).map_err(index_failure)?;
            for row in uploads {
                let parts = change.parts(upload_id_of(&row))?;
                change.end_upload(&row, parts, |_| false)?;
            }
            change.delete_bucket(&name);
            Ok(())
        })
        .await
    }

    /// Sets a bucket's notification rules. Queues and topics among its targets are sent a test event.
    ///
    /// # Errors
    /// `InvalidArgument` when rules overlap or name unknown events, `NoSuchBucket`.
    pub async fn put_notification_configuration(&self, bucket: &str, notifications: Notifications) -> S3Result<()> {
        notifications.check().map_err(|message| s3_error!(InvalidArgument, "{message}"))?;
        let name = bucket.to_string();
        let sequence = self.sequence.fetch_add(1, Ordering::Relaxed);
        self.change(Scope::of_bucket(bucket), move |change| {
            let mut row = change.bucket(&name)?;
            change.tell(test_deliveries(&notifications, &name, change.now_ms(), sequence));
            row.notifications = notifications;
            change.put_bucket(&name, &row)
        })
        .await
    }

    /// Changes the row of a bucket that is there.
    pub(crate) async fn change_bucket(
        &self,
        name: &str,
        alter: impl FnOnce(&mut Bucket) + Send + 'static,
    ) -> S3Result<()> {
        let name = name.to_string();
        self.change(Scope::of_bucket(&name), move |change| {
            let mut row = change.bucket(&name)?;
            alter(&mut row);
            change.put_bucket(&name, &row)
        })
        .await
    }

    /// Figures of all buckets, by name.
    pub fn stat(&self) -> Vec<BucketStat> {
        let buckets = self.index.scan::<Bucket>(BUCKETS, "").unwrap_or_default();
        let counts = self.counts.lock();
        let stat = |(name, bucket): (String, Bucket)| {
            let count = counts.get(&name).copied().unwrap_or_default();
            BucketStat { objects: count.objects, bytes: count.bytes, created_ms: bucket.created_ms, name }
        };
        buckets.into_iter().map(stat).collect()
    }

    /// How many buckets there are.
    pub(crate) fn buckets(&self) -> usize {
        self.counts.lock().len()
    }

    /// Brings the counts in step with a commit: a bucket that was made (or removed), and sizes of
    /// objects before and after.
    pub(crate) fn count(&self, bucket: Option<(String, bool)>, objects: Vec<(String, Option<u64>, Option<u64>)>) {
        let mut counts = self.counts.lock();
        match bucket {
            Some((name, true)) => drop(counts.entry(name).or_default()),
            Some((name, false)) => drop(counts.remove(&name)),
            None => {}
        }
        for (name, before, after) in objects {
            let count = counts.entry(name).or_default();
            if let Some(bytes) = before {
                count.objects = count.objects.saturating_sub(1);
                count.bytes = count.bytes.saturating_sub(bytes);
            }
            if let Some(bytes) = after {
                count.objects += 1;
                count.bytes += bytes;
            }
        }
    }

    pub(crate) async fn bucket(&self, name: &str) -> S3Result<Bucket> {
        let name = name.to_string();
        self.blocking(move |objects| {
            objects.index.get(BUCKETS, &name).map_err(index_failure)?.ok_or_else(|| no_bucket(&name))
        })
        .await
    }

    pub(crate) async fn object(&self, bucket: &str, key: &str) -> S3Result<Object> {
        self.bucket(bucket).await?;
        let index_key = object_key(bucket, key);
        let found = self.blocking(move |objects| objects.index.get(OBJECTS, &index_key)).await;
        found.map_err(index_failure)?.ok_or_else(no_key)
    }

    /// An object whose files stay as long as the hold is kept.
    pub(crate) async fn held_object(&self, bucket: &str, key: &str) -> S3Result<(Object, Hold)> {
        self.bucket(bucket).await?;
        let index_key = object_key(bucket, key);
        let found = self.blocking(move |objects| {
            let get = || objects.index.get::<Object>(OBJECTS, &index_key);
            let mut found = get()?;
            while let Some(first) = found.as_ref().and_then(|object| object.blobs.first()).cloned() {
                let hold = objects.blobs.hold(&first.id);
                // Whoever removes the files from now on has changed the row after this look at it.
                found = get()?;
                let is_same = |object: &Object| object.blobs.first().is_some_and(|blob| blob.id == first.id);
                if let Some(object) = found.take_if(|object| is_same(object)) {
                    return Ok::<_, ControlError>(Some((object, hold)));
                }
            }
            Ok(None)
        });
        found.await.map_err(index_failure)?.ok_or_else(no_key)
    }

    /// Writes a body to a new file.
    pub(crate) async fn write<Body, E>(&self, body: Body, incoming: &Incoming) -> S3Result<NewBlob>
    where
        Body: Stream<Item = Result<Bytes, E>> + Unpin,
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        self.blobs.write(body, incoming).await.map_err(|error| match error {
            WriteError::Refused(error) => error,
            WriteError::Disk(error) => {
                self.health.failed(Some(error.kind()), &error.to_string());
                disk_failure(&error)
            }
        })
    }

    /// Reads a range of an object.
    pub(crate) async fn read(
        &self,
        bucket: &str,
        key: &str,
        blobs: &[BlobRef],
        range: Range<u64>,
        hold: Hold,
    ) -> S3Result<impl Stream<Item = io::Result<Bytes>> + Send + Sync + 'static> {
        self.blobs.read(blobs, range, hold).await.map_err(|error| {
            // A process without descriptors finds out nothing about the file.
            if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::InvalidData) {
                self.health.damaged(bucket, key, &error.to_string());
            }
            disk_failure(&error)
        })
    }

    /// Makes what was written the object at `key`.
    pub(crate) async fn put_written(
        &self,
        bucket: &str,
        key: &str,
        written: NewBlob,
        headers: Headers,
        event: &'static str,
        conditions: Conditions,
    ) -> S3Result<Object> {
        let scope = Scope::within(bucket).of_object(&object_key(bucket, key));
        let (bucket, key) = (bucket.to_string(), key.to_string());
        self.change(scope, move |change| {
            let object = Object {
                size: written.blob.size,
                blobs: vec![written.blob.clone()],
                etag: hex(&written.md5),
                modified_ms: change.now_ms(),
                headers,
                checksums: written.checksums.clone(),
                parts: 0,
            };
            change.add(Naming::Object(object_key(&bucket, &key)), written);
            change.set_object(&bucket, &key, Some(&object), event, &conditions)?;
            Ok(object)
        })
        .await
    }

    /// Removes the object at `key`, if there is one.
    pub(crate) async fn remove(&self, bucket: &str, key: &str, conditions: Conditions) -> S3Result<()> {
        let scope = Scope::within(bucket).of_object(&object_key(bucket, key));
        let (bucket, key) = (bucket.to_string(), key.to_string());
        self.change(scope, move |change| change.set_object(&bucket, &key, None, "ObjectRemoved:Delete", &conditions))
            .await
    }

    pub(crate) async fn upload(&self, row: String) -> S3Result<Upload> {
        let found = self.blocking(move |objects| objects.index.get(UPLOADS, &row)).await.map_err(index_failure)?;
        found.ok_or_else(no_upload)
    }

    /// Runs disk work off the asynchronous threads.
    pub(crate) async fn blocking<T, E>(&self, work: impl FnOnce(&Self) -> Result<T, E> + Send + 'static) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Gone> + Send + 'static,
    {
        let Some(objects) = self.this.upgrade() else { return Err(Gone.into()) };
        match tokio::task::spawn_blocking(move || work(&objects)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(Gone.into()),
        }
    }
}

/// The store is being closed, or its work panicked.
#[derive(Debug)]
pub(crate) struct Gone;

impl From<Gone> for s3s::S3Error {
    fn from(_: Gone) -> Self {
        s3_error!(InternalError, "We encountered an internal error. Please try again.")
    }
}

/// General purpose bucket naming rules (S3 User Guide).
fn check_bucket_name(name: &str) -> S3Result<()> {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'.';
    let ends = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    let bytes = name.as_bytes();
    let is_valid = (3..=63).contains(&bytes.len())
        && bytes.iter().copied().all(allowed)
        && ends(bytes.first())
        && ends(bytes.last())
        && !name.contains("..")
        && name.parse::<std::net::Ipv4Addr>().is_err();
    if is_valid { Ok(()) } else { Err(s3_error!(InvalidBucketName, "The specified bucket is not valid: {name}")) }
}

impl From<Gone> for ControlError {
    fn from(_: Gone) -> Self {
        ControlError::Closed
    }
}

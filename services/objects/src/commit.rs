//! Changes of the index. From the first row that a change reads to its commit nobody else writes
//! what it is about, so what it decided by still holds.

use std::ops::ControlFlow;
use std::sync::atomic::Ordering;

use anabranch_control::{Changes, ControlStore, Marker};
use anabranch_delivery::{NewDelivery, Prepared};
use s3s::S3Result;

use crate::blob::NewBlob;
use crate::conditions::Conditions;
use crate::error::{disk_failure, index_failure, no_bucket};
use crate::index::{
    BUCKETS, BlobRef, Bucket, OBJECTS, Object, PARTS, Part, REMOVED, UPLOADS, object_key, part_key, upload_id_of,
};
use crate::locks::Scope;
use crate::naming::Naming;
use crate::notification::Happened;
use crate::outbox::{deliveries, not_told};
use crate::store::Objects;

/// Rows of removed files that one commit takes with it.
const CLEARED_MAX: usize = 1_000;

/// A change that is being put together.
pub(crate) struct Transaction<'a> {
    objects: &'a Objects,
    changes: Changes,
    /// Files that rows name after it, and the rows.
    added: Vec<(Naming, NewBlob)>,
    /// Files that no row names after it, by object.
    removed: Vec<Vec<BlobRef>>,
    /// Objects and bytes that it adds to buckets, or takes.
    counted: Vec<(String, Option<u64>, Option<u64>)>,
    bucket: Option<(String, bool)>,
    /// Notifications that it makes.
    deliveries: Vec<NewDelivery>,
}

impl Objects {
    /// Runs `work`, which reads what is in `scope` and says what to change, and commits what it
    /// said. The change is finished even if the caller goes away.
    pub(crate) async fn change<T: Send + 'static>(
        &self,
        scope: Scope,
        work: impl FnOnce(&mut Transaction<'_>) -> S3Result<T> + Send + 'static,
    ) -> S3Result<T> {
        let held = self.locks.hold(&scope).await;
        self.blocking(move |objects| {
            let mut transaction = Transaction {
                objects,
                changes: Changes::default(),
                added: Vec::new(),
                removed: Vec::new(),
                counted: Vec::new(),
                bucket: None,
                deliveries: Vec::new(),
            };
            let value = work(&mut transaction)?;
            let done = transaction.commit()?;
            drop(held);
            objects.clean_up(done);
            Ok(value)
        })
        .await
    }

    /// What follows a commit and holds up no other.
    fn clean_up(&self, done: Done) {
        done.added.into_iter().for_each(NewBlob::keep);
        let gone: Vec<String> = done.removed.iter().flat_map(|blobs| self.blobs.remove(blobs)).collect();
        self.cleared.lock().extend(gone);
        done.told.accept();
    }
}

struct Done {
    added: Vec<NewBlob>,
    removed: Vec<Vec<BlobRef>>,
    told: Prepared,
}

impl Transaction<'_> {
    /// The index, as no other change can alter it now.
    pub(crate) fn index(&self) -> &ControlStore {
        &self.objects.index
    }

    pub(crate) fn now_ms(&self) -> u64 {
        self.objects.clock.now_ms()
    }

    /// The changes of rows, for those that name no files.
    pub(crate) fn rows(&mut self) -> &mut Changes {
        &mut self.changes
    }

    pub(crate) fn bucket(&self, name: &str) -> S3Result<Bucket> {
        self.index().get(BUCKETS, name).map_err(index_failure)?.ok_or_else(|| no_bucket(name))
    }

    /// How many buckets there are.
    pub(crate) fn buckets(&self) -> usize {
        self.objects.buckets()
    }

    pub(crate) fn put_bucket(&mut self, name: &str, bucket: &Bucket) -> S3Result<()> {
        self.bucket = Some((name.to_string(), true));
        self.changes.put(BUCKETS, name, bucket).map_err(index_failure)
    }

    pub(crate) fn delete_bucket(&mut self, name: &str) {
        self.bucket = Some((name.to_string(), false));
        self.changes.delete(BUCKETS, name);
    }

    /// The file `blob` is named by `row`, which this change puts.
    pub(crate) fn add(&mut self, row: Naming, blob: NewBlob) {
        self.added.push((row, blob));
    }

    /// No row names `blobs` after this change. That is noted with it, so that they are removed
    /// even if the process ends before.
    pub(crate) fn remove(&mut self, blobs: Vec<BlobRef>) -> S3Result<()> {
        for blob in &blobs {
            self.changes.put(REMOVED, &blob.id, &Marker).map_err(index_failure)?;
        }
        self.removed.push(blobs);
        Ok(())
    }

    /// Makes `object` the one at `key` (`None` removes what is there), with the notifications of `event`.
    pub(crate) fn set_object(
        &mut self,
        bucket: &str,
        key: &str,
        object: Option<&Object>,
        event: &str,
        conditions: &Conditions,
    ) -> S3Result<()> {
        let row = self.bucket(bucket)?;
        let index_key = object_key(bucket, key);
        let before: Option<Object> = self.index().get(OBJECTS, &index_key).map_err(index_failure)?;
        conditions.check(before.as_ref())?;
        if before.is_none() && object.is_none() {
            return Ok(());
        }
        match object {
            Some(object) => self.changes.put(OBJECTS, &index_key, object).map_err(index_failure)?,
            None => self.changes.delete(OBJECTS, &index_key),
        }
        let sequence = self.objects.sequence.fetch_add(1, Ordering::Relaxed);
        let happened = Happened {
            event,
            bucket,
            region: &row.region,
            key,
            object: object.map(|object| (object.size, object.etag.as_str())),
            at_ms: self.now_ms(),
            sequence,
        };
        self.deliveries.extend(deliveries(&row.notifications, &happened));
        self.counted.push((bucket.to_string(), before.as_ref().map(|o| o.size), object.map(|o| o.size)));
        self.objects.health.replaced(bucket, key);
        match before {
            Some(before) => self.remove(before.blobs),
            None => Ok(()),
        }
    }

    /// Removes an upload and its parts; the files of those that `keep` says stay.
    pub(crate) fn end_upload(&mut self, row: &str, parts: Vec<Part>, keep: impl Fn(i32) -> bool) -> S3Result<()> {
        self.changes.delete(UPLOADS, row);
        let upload_id = upload_id_of(row);
        for part in parts {
            self.changes.delete(PARTS, &part_key(upload_id, part.number));
            if !keep(part.number) {
                self.remove(vec![part.blob])?;
            }
        }
        Ok(())
    }

    /// The parts of an upload, by number.
    pub(crate) fn parts(&self, upload_id: &str) -> S3Result<Vec<Part>> {
        let mut parts = Vec::new();
        let keep = |_: &str, part: Part| {
            parts.push(part);
            ControlFlow::Continue(())
        };
        self.index().visit(PARTS, &format!("{upload_id}/"), "", keep).map_err(index_failure)?;
        Ok(parts)
    }

    /// Adds notifications.
    pub(crate) fn tell(&mut self, deliveries: Vec<NewDelivery>) {
        self.deliveries.extend(deliveries);
    }

    fn commit(mut self) -> S3Result<Done> {
        let told = self.objects.outbox.prepare(self.deliveries, &mut self.changes).map_err(not_told)?;
        let mut cleared = {
            let mut cleared = self.objects.cleared.lock();
            let first = cleared.len().saturating_sub(CLEARED_MAX);
            cleared.split_off(first)
        };
        cleared.iter().for_each(|id| self.changes.delete(REMOVED, id));
        if let Err(error) = self.objects.index.commit(self.changes) {
            self.objects.cleared.lock().append(&mut cleared);
            self.objects.health.failed(error.io_kind(), &error.to_string());
            for (row, blob) in self.added {
                settle_after_failure(self.objects, &row, blob);
            }
            return Err(disk_failure(&error));
        }
        self.objects.health.wrote();
        self.objects.count(self.bucket, self.counted);
        let added = self.added.into_iter().map(|(_, blob)| blob).collect();
        Ok(Done { added, removed: self.removed, told })
    }
}

/// A commit that failed may have become durable all the same; the index, read again from the disk,
/// says so. Where it can't be read the file is left to the next start.
fn settle_after_failure(objects: &Objects, row: &Naming, blob: NewBlob) {
    match row.names(&objects.index, &blob.blob.id) {
        Ok(false) => drop(blob),
        Ok(true) | Err(_) => blob.leave(),
    }
}

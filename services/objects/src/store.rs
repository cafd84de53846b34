//! The store: buckets, objects and the promises between them.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use anabranch_control::{Changes, ControlError, ControlStore};
use anabranch_protocol::Clock;
use axum::body::Body;
use bytes::Bytes;
use http::request::Parts;
use http::{Method, Request, Response};
use parking_lot::Mutex;
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s::{S3Result, s3_error};
use tokio::sync::{Notify, watch};

use crate::address::{Address, VirtualHosts};
use crate::answer::{Refused, confine};
use crate::blob::{Blobs, hex};
use crate::cors::{self, CorsRule};
use crate::error::{OpenError, index_failure};
use crate::index::{BUCKETS, Bucket, Checksums, Headers, OBJECTS, OUTBOX, Object, PARTS, Part, object_key};
use crate::notification::{Happened, Notifications, message};
use crate::outbox::{self, Entry, entry_key};
use crate::ports::NotificationTarget;
use crate::request::prepare;

/// Buckets and objects on disk.
pub struct Objects {
    pub(crate) index: ControlStore,
    pub(crate) blobs: Blobs,
    pub(crate) clock: Arc<dyn Clock>,
    /// Objects and bytes by bucket; kept in step with the index.
    counts: Mutex<BTreeMap<String, Counts>>,
    /// Writers of the same key take turns, so that conditions and counts hold.
    key_locks: Mutex<HashMap<String, Weak<tokio::sync::Mutex<()>>>>,
    sequence: AtomicU64,
    filled: Arc<Notify>,
    stop: watch::Sender<bool>,
    service: S3Service,
    this: Weak<Self>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    objects: u64,
    bytes: u64,
}

impl Counts {
    fn replace(&mut self, before: Option<&Object>, after: Option<&Object>) {
        if let Some(before) = before {
            self.objects = self.objects.saturating_sub(1);
            self.bytes = self.bytes.saturating_sub(before.size);
        }
        if let Some(after) = after {
            self.objects += 1;
            self.bytes += after.size;
        }
    }
}

/// Figures of a bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BucketStat {
    /// Its name.
    pub name: String,
    /// Objects in it.
    pub objects: u64,
    /// Bytes of them.
    pub bytes: u64,
    /// When it was made, in milliseconds since the Unix epoch.
    pub created_ms: u64,
}

/// An object put from inside the program.
#[derive(Debug, Clone, Default)]
pub struct NewObject {
    /// Its bytes.
    pub body: Bytes,
    /// `Content-Type`.
    pub content_type: Option<String>,
    /// `Content-Encoding`.
    pub content_encoding: Option<String>,
    /// User metadata, without `x-amz-meta-`.
    pub metadata: BTreeMap<String, String>,
}

impl Objects {
    /// Opens the store in `directory`, creating it if absent, removes files that no object names,
    /// and goes on delivering notifications. Needs a Tokio runtime.
    ///
    /// # Errors
    /// When index or files can't be read.
    pub fn open(
        directory: &Path,
        clock: Arc<dyn Clock>,
        target: Option<Arc<dyn NotificationTarget>>,
    ) -> Result<Arc<Self>, OpenError> {
        let at = |source| OpenError::Io { path: directory.to_path_buf(), source };
        std::fs::create_dir_all(directory).map_err(at)?;
        let blobs = Blobs::open(directory.join("data")).map_err(at)?;
        let index = ControlStore::open(&directory.join("index.redb"))?;
        let mut counts: BTreeMap<String, Counts> = BTreeMap::new();
        let mut named = HashSet::new();
        for (bucket, _) in index.scan::<Bucket>(BUCKETS, "")? {
            counts.insert(bucket, Counts::default());
        }
        for (key, object) in index.scan::<Object>(OBJECTS, "")? {
            let count = counts.entry(key.split('/').next().unwrap_or_default().to_string()).or_default();
            count.objects += 1;
            count.bytes += object.size;
            named.extend(object.blobs.into_iter().map(|blob| blob.id));
        }
        named.extend(index.scan::<Part>(PARTS, "")?.into_iter().map(|(_, part)| part.blob.id));
        let orphans = blobs.ids().map_err(at)?.into_iter().filter(|id| !named.contains(id));
        orphans.for_each(|id| blobs.remove(&id));
        let last = index.scan::<Entry>(OUTBOX, "")?.last().and_then(|(key, _)| key.split('/').next()?.parse().ok());
        let filled = Arc::new(Notify::new());
        let stop = watch::Sender::new(false);
        let objects = Arc::new_cyclic(|this: &Weak<Self>| Self {
            index,
            blobs,
            // Sequencers increase over restarts too, as time does.
            sequence: AtomicU64::new((clock.now_ms() << 20).max(last.map_or(0, |last: u64| last + 1))),
            clock,
            counts: Mutex::new(counts),
            key_locks: Mutex::new(HashMap::new()),
            filled: filled.clone(),
            stop: stop.clone(),
            service: service(this.clone()),
            this: this.clone(),
        });
        if let Some(target) = target {
            tokio::spawn(outbox::run(objects.this.clone(), target, filled, stop.subscribe()));
        }
        Ok(objects)
    }

    /// Ends the delivery of notifications; what waits is delivered after the next start.
    pub async fn shutdown(&self) {
        self.stop.send_replace(true);
        self.index.close();
    }

    /// Answers one request of the S3 REST API.
    pub async fn handle(&self, request: Request<Body>) -> Response<Body> {
        let (head, body) = request.into_parts();
        let address = Address::of(&head);
        let origin = cors::origin(&head).map(str::to_string);
        let method = head.method.clone();
        let mut response = if method == Method::OPTIONS {
            self.preflight(&head, address.as_ref()).await
        } else {
            self.answer(Request::from_parts(head, body)).await
        };
        if let (Some(origin), Some(address)) = (origin, address)
            && method != Method::OPTIONS
            && let Some(rules) = self.cors_rules(&address.bucket).await
        {
            cors::mark(&rules, &origin, method.as_str(), response.headers_mut());
        }
        confine(response.headers_mut());
        response
    }

    async fn answer(&self, request: Request<Body>) -> Response<Body> {
        let request = match prepare(request, &*self.clock) {
            Ok(request) => request,
            Err(refused) => return refused.response(),
        };
        match self.service.call(request).await {
            Ok(response) => response.map(Body::new),
            Err(error) => {
                tracing::error!(?error, "answering an S3 request");
                Refused::new(500, "InternalError", "We failed to answer.").response()
            }
        }
    }

    async fn preflight(&self, head: &Parts, address: Option<&Address>) -> Response<Body> {
        let rules = match address {
            Some(address) => self.cors_rules(&address.bucket).await,
            None => None,
        };
        let has_key = address.is_some_and(|address| address.key.is_some());
        match cors::preflight(rules.as_deref(), head, has_key) {
            Ok(headers) => {
                let mut response = Response::new(Body::empty());
                *response.headers_mut() = headers;
                response
            }
            Err(refused) => refused.response(),
        }
    }

    /// The bucket that a request to S3 addresses, by its path or its host name.
    pub fn bucket_of(request: &Parts) -> Option<String> {
        Address::of(request).map(|address| address.bucket)
    }

    /// Whether the CORS rules of `bucket` let pages of `origin` send it requests with `method`. A
    /// preflight (`OPTIONS`) is let in where any method is.
    pub async fn allows_origin(&self, bucket: &str, origin: &str, method: &str) -> bool {
        self.cors_rules(bucket).await.is_some_and(|rules| cors::allows(&rules, origin, method))
    }

    /// The CORS rules of a bucket, `None` if there is no such bucket.
    async fn cors_rules(&self, bucket: &str) -> Option<Vec<CorsRule>> {
        self.bucket(bucket).await.ok().map(|bucket| bucket.cors)
    }

    /// Makes a bucket; false if it is there already.
    ///
    /// # Errors
    /// When the name is not one S3 allows, or the index can't be written.
    pub async fn create_bucket(&self, name: &str, region: &str) -> S3Result<bool> {
        check_bucket_name(name)?;
        let bucket = Bucket {
            created_ms: self.clock.now_ms(),
            region: region.into(),
            notifications: Notifications::default(),
            cors: Vec::new(),
        };
        let name = name.to_string();
        self.blocking(move |objects| {
            let mut counts = objects.counts.lock();
            if counts.contains_key(&name) {
                return Ok(false);
            }
            objects.index.put(BUCKETS, &name, &bucket).map_err(index_failure)?;
            counts.insert(name, Counts::default());
            Ok(true)
        })
        .await
    }

    /// Removes an empty bucket.
    pub(crate) async fn delete_bucket(&self, name: &str) -> S3Result<()> {
        let name = name.to_string();
        self.blocking(move |objects| {
            let mut counts = objects.counts.lock();
            match counts.get(&name) {
                None => return Err(no_bucket(&name)),
                Some(count) if count.objects > 0 => {
                    return Err(s3_error!(BucketNotEmpty, "The bucket you tried to delete is not empty"));
                }
                Some(_) => {}
            }
            objects.index.delete(BUCKETS, &name).map_err(index_failure)?;
            counts.remove(&name);
            Ok(())
        })
        .await
    }

    /// Puts an object from inside the program, with the same effects as `PutObject`.
    ///
    /// # Errors
    /// As `PutObject`.
    pub async fn put_object(&self, bucket: &str, key: &str, new: NewObject) -> S3Result<()> {
        self.bucket(bucket).await?;
        let body = futures::stream::iter([Ok::<_, std::io::Error>(new.body)]);
        let written = self.blobs.write(body, &Checksums::default()).await?;
        let object = Object {
            size: written.blob.size,
            blobs: vec![written.blob],
            etag: hex(&written.md5),
            modified_ms: self.clock.now_ms(),
            headers: Headers {
                content_type: new.content_type,
                content_encoding: new.content_encoding,
                metadata: new.metadata,
                ..Headers::default()
            },
            checksums: Checksums::default(),
            parts: 0,
        };
        self.commit(bucket, key, object, "ObjectCreated:Put", Changes::default(), &Conditions::default()).await
    }

    /// Sets a bucket's notification rules.
    ///
    /// # Errors
    /// `InvalidArgument` when rules overlap or name unknown events, `NoSuchBucket`.
    pub async fn put_notification_configuration(&self, bucket: &str, notifications: Notifications) -> S3Result<()> {
        notifications.check().map_err(|message| s3_error!(InvalidArgument, "{message}"))?;
        self.change_bucket(bucket, move |row| row.notifications = notifications).await
    }

    /// Changes the row of a bucket that is there.
    pub(crate) async fn change_bucket(
        &self,
        name: &str,
        change: impl FnOnce(&mut Bucket) + Send + 'static,
    ) -> S3Result<()> {
        let name = name.to_string();
        self.blocking(move |objects| {
            // Making and deleting buckets take the same lock, so no row comes back after its bucket went.
            let _counts = objects.counts.lock();
            let row: Option<Bucket> = objects.index.get(BUCKETS, &name).map_err(index_failure)?;
            let mut row = row.ok_or_else(|| no_bucket(&name))?;
            change(&mut row);
            objects.index.put(BUCKETS, &name, &row).map_err(index_failure)
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

    pub(crate) async fn buckets(&self) -> S3Result<Vec<(String, Bucket)>> {
        self.blocking(|objects| objects.index.scan(BUCKETS, "").map_err(index_failure)).await
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
        found.map_err(index_failure)?.ok_or_else(|| s3_error!(NoSuchKey, "The specified key does not exist."))
    }

    /// Makes `object` the one at `key`, together with `changes` and the notifications of `event`.
    pub(crate) async fn commit(
        &self,
        bucket: &str,
        key: &str,
        object: Object,
        event: &str,
        changes: Changes,
        conditions: &Conditions,
    ) -> S3Result<()> {
        let _turn = self.turn(bucket, key).await;
        // Parts stay with their upload, which a failed completion leaves as it was.
        let named_by = object_key(bucket, key);
        let is_whole = object.parts == 0;
        let ids: Vec<String> = object.blobs.iter().filter(|_| is_whole).map(|blob| blob.id.clone()).collect();
        let (bucket, key, event, conditions) =
            (bucket.to_string(), key.to_string(), event.to_string(), conditions.clone());
        let committed = self
            .blocking(move |objects| objects.commit_now(&bucket, &key, Some(object), &event, changes, &conditions))
            .await;
        if committed.is_err() {
            self.remove_unless_named(named_by, ids).await;
        }
        committed
    }

    /// Removes the files of an object whose commit failed, unless it became durable all the same.
    /// Where that can't be told they stay: what the index does not name is removed at the next start.
    async fn remove_unless_named(&self, index_key: String, ids: Vec<String>) {
        let stored: Result<Option<Object>, ControlError> =
            self.blocking(move |objects| objects.index.get(OBJECTS, &index_key)).await;
        let Ok(stored) = stored else { return };
        let named: HashSet<String> = stored.into_iter().flat_map(|object| object.blobs).map(|blob| blob.id).collect();
        ids.iter().filter(|id| !named.contains(*id)).for_each(|id| self.blobs.remove(id));
    }

    /// Removes the object at `key`, if there is one.
    pub(crate) async fn remove(&self, bucket: &str, key: &str) -> S3Result<()> {
        self.bucket(bucket).await?;
        let _turn = self.turn(bucket, key).await;
        let (bucket, key) = (bucket.to_string(), key.to_string());
        self.blocking(move |objects| {
            objects.commit_now(&bucket, &key, None, "ObjectRemoved:Delete", Changes::default(), &Conditions::default())
        })
        .await
    }

    fn commit_now(
        &self,
        bucket: &str,
        key: &str,
        object: Option<Object>,
        event: &str,
        mut changes: Changes,
        conditions: &Conditions,
    ) -> S3Result<()> {
        let row: Bucket = self.index.get(BUCKETS, bucket).map_err(index_failure)?.ok_or_else(|| no_bucket(bucket))?;
        let index_key = object_key(bucket, key);
        let before: Option<Object> = self.index.get(OBJECTS, &index_key).map_err(index_failure)?;
        conditions.check(before.as_ref())?;
        if before.is_none() && object.is_none() {
            return Ok(());
        }
        match &object {
            Some(object) => changes.put(OBJECTS, &index_key, object).map_err(index_failure)?,
            None => changes.delete(OBJECTS, &index_key),
        }
        let sequence = self.sequence.fetch_add(1, Ordering::Relaxed);
        let happened = Happened {
            event,
            bucket,
            region: &row.region,
            key,
            object: object.as_ref().map(|object| (object.size, object.etag.as_str())),
            at_ms: self.clock.now_ms(),
            sequence,
        };
        let mut is_told = false;
        for (number, rule) in row.notifications.matching(event, key).enumerate() {
            let entry = Entry { target_arn: rule.function_arn.clone(), event: message(rule, &happened) };
            changes.put(OUTBOX, &entry_key(sequence, number), &entry).map_err(index_failure)?;
            is_told = true;
        }
        {
            // Deleting the bucket takes the same lock, so no object outlives its bucket.
            let mut counts = self.counts.lock();
            let count = counts.get_mut(bucket).ok_or_else(|| no_bucket(bucket))?;
            self.index.commit(changes).map_err(index_failure)?;
            count.replace(before.as_ref(), object.as_ref());
        }
        if is_told {
            self.filled.notify_one();
        }
        let kept: HashSet<&str> = object.iter().flat_map(|object| &object.blobs).map(|blob| blob.id.as_str()).collect();
        for blob in before.iter().flat_map(|object| &object.blobs).filter(|blob| !kept.contains(blob.id.as_str())) {
            self.blobs.remove(&blob.id);
        }
        Ok(())
    }

    /// Waits for other writers of the same key.
    async fn turn(&self, bucket: &str, key: &str) -> tokio::sync::OwnedMutexGuard<()> {
        let lock = {
            let mut locks = self.key_locks.lock();
            locks.retain(|_, lock| lock.strong_count() > 0);
            let slot = locks.entry(object_key(bucket, key)).or_default();
            slot.upgrade().unwrap_or_else(|| {
                let lock = Arc::new(tokio::sync::Mutex::new(()));
                *slot = Arc::downgrade(&lock);
                lock
            })
        };
        lock.lock_owned().await
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

/// `If-Match` and `If-None-Match` of a write.
#[derive(Debug, Clone, Default)]
pub(crate) struct Conditions {
    pub(crate) if_match: Option<s3s::dto::ETagCondition>,
    pub(crate) if_none_match: Option<s3s::dto::ETagCondition>,
}

impl Conditions {
    fn check(&self, before: Option<&Object>) -> S3Result<()> {
        let is = |condition: &s3s::dto::ETagCondition, object: &Object| {
            condition.is_any() || condition.as_etag().is_some_and(|etag| etag.value() == object.etag)
        };
        let holds = match (&self.if_match, before) {
            (None, _) => true,
            (Some(_), None) => return Err(s3_error!(NoSuchKey, "The specified key does not exist.")),
            (Some(condition), Some(object)) => is(condition, object),
        };
        let clashes = match (&self.if_none_match, before) {
            (Some(condition), Some(object)) => is(condition, object),
            _ => false,
        };
        if holds && !clashes {
            return Ok(());
        }
        Err(s3_error!(PreconditionFailed, "At least one of the pre-conditions you specified did not hold"))
    }
}

pub(crate) fn no_bucket(name: &str) -> s3s::S3Error {
    s3_error!(NoSuchBucket, "The specified bucket does not exist: {name}")
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

fn service(objects: Weak<Objects>) -> S3Service {
    let mut builder = S3ServiceBuilder::new(crate::operations::Operations(objects));
    builder.set_host(VirtualHosts);
    builder.build()
}

impl From<Gone> for ControlError {
    fn from(_: Gone) -> Self {
        ControlError::Closed
    }
}

//! Who may change what: a change holds the locks of the bucket, key and upload that it is
//! about, from the first row that it reads until its commit is durable. Changes of other things
//! go on meanwhile and share its flush.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use tokio::sync::{OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock};

/// Locks by name; only those that are held or waited for are kept.
#[derive(Debug, Default)]
pub(crate) struct Locks(Mutex<HashMap<String, Weak<RwLock<()>>>>);

/// What a change is about. Locks are taken in the order of these fields, so that no two changes
/// wait for each other.
#[derive(Debug, Clone, Default)]
pub(crate) struct Scope {
    /// The set of buckets.
    buckets: bool,
    bucket: Option<(String, Access)>,
    object: Option<String>,
    upload: Option<String>,
}

/// Either one changes the bucket, or many change what is in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Access {
    Shared,
    Exclusive,
}

impl Scope {
    /// Making and removing a bucket.
    pub(crate) fn of_buckets(name: &str) -> Self {
        Self { buckets: true, ..Self::of_bucket(name) }
    }

    /// Changing a bucket's own row.
    pub(crate) fn of_bucket(name: &str) -> Self {
        Self { bucket: Some((name.into(), Access::Exclusive)), ..Self::default() }
    }

    /// Something new in a bucket.
    pub(crate) fn within(bucket: &str) -> Self {
        Self { bucket: Some((bucket.into(), Access::Shared)), ..Self::default() }
    }

    /// The object at the index key `object`.
    pub(crate) fn of_object(mut self, object: &str) -> Self {
        self.object = Some(object.into());
        self
    }

    /// The upload with the row `upload`, and its parts.
    pub(crate) fn of_upload(mut self, upload: &str) -> Self {
        self.upload = Some(upload.into());
        self
    }
}

/// The locks of a scope, while it is kept.
#[derive(Debug, Default)]
pub(crate) struct Held {
    _shared: Vec<OwnedRwLockReadGuard<()>>,
    _exclusive: Vec<OwnedRwLockWriteGuard<()>>,
}

impl Locks {
    pub(crate) async fn hold(&self, scope: &Scope) -> Held {
        let mut held = Held::default();
        let bucket = scope.bucket.as_ref().map(|(name, access)| (format!("bucket {name}"), *access));
        let exclusive =
            |kind: &str, name: &Option<String>| name.as_ref().map(|name| (format!("{kind} {name}"), Access::Exclusive));
        let names = [
            scope.buckets.then(|| ("buckets".to_string(), Access::Exclusive)),
            bucket,
            exclusive("object", &scope.object),
            exclusive("upload", &scope.upload),
        ];
        for (name, access) in names.into_iter().flatten() {
            let lock = self.named(name);
            match access {
                Access::Shared => held._shared.push(lock.read_owned().await),
                Access::Exclusive => held._exclusive.push(lock.write_owned().await),
            }
        }
        held
    }

    fn named(&self, name: String) -> Arc<RwLock<()>> {
        let mut locks = self.0.lock();
        // Often enough that no more than twice those in use are kept, seldom enough to cost nothing.
        if locks.len() == locks.capacity() {
            locks.retain(|_, lock| lock.strong_count() > 0);
        }
        let slot = locks.entry(name).or_default();
        slot.upgrade().unwrap_or_else(|| {
            let lock = Arc::new(RwLock::new(()));
            *slot = Arc::downgrade(&lock);
            lock
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;

    #[tokio::test]
    async fn only_what_is_about_the_same_waits() {
        let locks = Locks::default();
        let at = |key: &str| Scope::within("bucket").of_object(key);
        let held = locks.hold(&at("bucket/a")).await;
        assert!(locks.hold(&at("bucket/a")).now_or_never().is_none());
        assert!(locks.hold(&at("bucket/b")).now_or_never().is_some());
        assert!(locks.hold(&Scope::of_bucket("bucket")).now_or_never().is_none());
        assert!(locks.hold(&Scope::of_bucket("other")).now_or_never().is_some());
        drop(held);
        assert!(locks.hold(&Scope::of_bucket("bucket")).now_or_never().is_some());
        for number in 0..10_000 {
            locks.hold(&at(&number.to_string())).await;
        }
        assert!(locks.0.lock().len() < 100, "those that nobody holds go");
    }
}

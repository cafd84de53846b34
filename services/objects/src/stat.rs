//! Objects and bytes by bucket, kept in step with the index.

use crate::index::{BUCKETS, Bucket};
use crate::store::Objects;

#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Counts {
    pub(crate) objects: u64,
    pub(crate) bytes: u64,
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

impl Objects {
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
}

//! What shards and callers may take by the second, as token buckets ("Quotas and Limits" of the
//! Developer Guide). They are asked only where [`Limits::Aws`] is set.

use std::collections::HashMap;

use parking_lot::Mutex;

use crate::limits::{SHARD_ITERATORS, SHARD_READ_BYTES, SHARD_READ_CALLS, SHARD_WRITE_BYTES, SHARD_WRITE_RECORDS};

/// Whether the quotas of AWS are enforced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Limits {
    /// As AWS does: an application meets its throttles here first.
    #[default]
    Aws,
    /// Not at all: the machine is the limit.
    Off,
}

/// A bucket that fills with `rate` tokens in a second and holds as many.
#[derive(Debug)]
pub(crate) struct Bucket {
    rate: u64,
    /// In thousandths of a token; below zero while something larger than the bucket is paid off.
    level: i64,
    at_ms: u64,
}

impl Bucket {
    pub(crate) fn new(rate: u64, now_ms: u64) -> Self {
        Self { rate, level: Self::full(rate), at_ms: now_ms }
    }

    fn full(rate: u64) -> i64 {
        rate as i64 * 1_000
    }

    fn refill(&mut self, now_ms: u64) {
        let passed_ms = now_ms.saturating_sub(self.at_ms).min(1 << 32);
        self.level = Self::full(self.rate).min(self.level + (passed_ms * self.rate) as i64);
        self.at_ms = self.at_ms.max(now_ms);
    }

    /// Whether there are `tokens`, or a full bucket if they are more than that.
    fn has(&mut self, tokens: u64, now_ms: u64) -> bool {
        self.refill(now_ms);
        self.level >= Self::full(tokens.min(self.rate))
    }

    /// Whether it was not used for a while.
    pub(crate) fn is_full(&mut self, now_ms: u64) -> bool {
        self.has(self.rate, now_ms)
    }

    /// Whether nothing is owed.
    fn is_paid(&mut self, now_ms: u64) -> bool {
        self.refill(now_ms);
        self.level >= 0
    }

    fn take(&mut self, tokens: u64) {
        self.level -= Self::full(tokens);
    }

    /// Takes `tokens`, of which a full bucket pays nothing if they are more than it holds.
    fn charge(&mut self, tokens: u64) {
        if tokens > self.rate {
            self.level = self.level.min(0);
        }
        self.take(tokens);
    }

    /// Takes `tokens` if they are there.
    pub(crate) fn try_take(&mut self, tokens: u64, now_ms: u64) -> bool {
        let has = self.has(tokens, now_ms);
        if has {
            self.take(tokens);
        }
        has
    }
}

/// The buckets of one shard.
#[derive(Debug)]
struct ShardQuota {
    write_records: Bucket,
    write_bytes: Bucket,
    read_calls: Bucket,
    read_bytes: Bucket,
    iterators: Bucket,
    /// What was written since the last look at it.
    written: Written,
}

/// What was written to a shard in a while.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Written {
    pub(crate) records: u64,
    pub(crate) bytes: u64,
}

impl ShardQuota {
    fn new(now_ms: u64) -> Self {
        Self {
            write_records: Bucket::new(SHARD_WRITE_RECORDS, now_ms),
            write_bytes: Bucket::new(SHARD_WRITE_BYTES, now_ms),
            read_calls: Bucket::new(SHARD_READ_CALLS, now_ms),
            read_bytes: Bucket::new(SHARD_READ_BYTES, now_ms),
            iterators: Bucket::new(SHARD_ITERATORS, now_ms),
            written: Written::default(),
        }
    }
}

/// The buckets of a stream's shards, by index. Those of closed shards go when nothing is owed.
#[derive(Debug, Default)]
pub(crate) struct StreamQuota(Mutex<HashMap<u32, ShardQuota>>);

impl StreamQuota {
    fn with<T>(&self, shard_index: u32, now_ms: u64, work: impl FnOnce(&mut ShardQuota) -> T) -> T {
        work(self.0.lock().entry(shard_index).or_insert_with(|| ShardQuota::new(now_ms)))
    }

    /// For each record, given by its shard and its size, whether it may be written now.
    pub(crate) fn write(&self, records: impl Iterator<Item = (u32, u64)>, now_ms: u64) -> Vec<bool> {
        let mut shards = self.0.lock();
        let admit = |(shard_index, bytes): (u32, u64)| {
            let quota = shards.entry(shard_index).or_insert_with(|| ShardQuota::new(now_ms));
            let admitted = quota.write_records.has(1, now_ms) && quota.write_bytes.has(bytes, now_ms);
            if admitted {
                quota.write_records.take(1);
                quota.write_bytes.take(bytes);
                quota.written.records += 1;
                quota.written.bytes += bytes;
            }
            admitted
        };
        records.map(admit).collect()
    }

    /// Whether `GetRecords` may be called now.
    pub(crate) fn begin_read(&self, shard_index: u32, now_ms: u64) -> bool {
        self.with(shard_index, now_ms, |quota| quota.read_bytes.is_paid(now_ms) && quota.read_calls.try_take(1, now_ms))
    }

    /// Counts what `GetRecords` gave: more than a second's worth is paid off in full before the next
    /// call, so that 10 MiB refuse calls for 5 seconds (`GetRecords`).
    pub(crate) fn end_read(&self, shard_index: u32, bytes: u64, now_ms: u64) {
        self.with(shard_index, now_ms, |quota| quota.read_bytes.charge(bytes));
    }

    /// Whether `GetShardIterator` may be called now.
    pub(crate) fn iterator(&self, shard_index: u32, now_ms: u64) -> bool {
        self.with(shard_index, now_ms, |quota| quota.iterators.try_take(1, now_ms))
    }

    /// What was written to each shard since the last call.
    pub(crate) fn take_written(&self) -> Vec<(u32, Written)> {
        let mut shards = self.0.lock();
        shards.iter_mut().map(|(index, quota)| (*index, std::mem::take(&mut quota.written))).collect()
    }

    /// Forgets the shards for which `is_held` does not hold.
    pub(crate) fn retain(&self, is_held: impl Fn(u32) -> bool) {
        self.0.lock().retain(|index, _| is_held(*index));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_fills_by_the_second_and_holds_a_second() {
        let mut bucket = Bucket::new(5, 1_000);
        assert!((0..5).all(|_| bucket.try_take(1, 1_000)));
        assert!(!bucket.try_take(1, 1_199));
        assert!(bucket.try_take(1, 1_200));
        assert!((0..5).all(|_| bucket.try_take(1, 60_000)));
        assert!(!bucket.try_take(1, 60_000), "no more than a second's worth is kept");
        assert!(!bucket.try_take(1, 1_000), "a clock that goes back gives nothing");
    }

    #[test]
    fn what_is_larger_than_the_bucket_is_paid_off() {
        let mut bucket = Bucket::new(10, 0);
        assert!(bucket.try_take(25, 0));
        assert!(!bucket.try_take(1, 1_500));
        assert!(bucket.try_take(1, 1_600));
    }

    #[test]
    fn a_shard_takes_a_thousand_records_and_a_mebibyte() {
        let quota = StreamQuota::default();
        let admitted = |records: &[(u32, u64)], now_ms: u64| {
            quota.write(records.iter().copied(), now_ms).into_iter().filter(|admitted| *admitted).count()
        };
        assert_eq!(admitted(&[(0, 10); 1_200], 0), 1_000);
        assert_eq!(admitted(&[(1, 400 << 10); 5], 0), 2);
        assert_eq!(admitted(&[(0, 10), (1, 1), (2, 1)], 0), 2, "shards do not share");
        assert_eq!(admitted(&[(2, 10 << 20), (2, 1)], 1_000), 1, "one large record takes the whole bucket");
        assert_eq!(admitted(&[(2, 1)], 9_900), 0);
        assert_eq!(admitted(&[(2, 1)], 11_000), 1);
        let written = |index| quota.take_written().into_iter().find(|(shard, _)| *shard == index).unwrap().1;
        assert_eq!(written(0), Written { records: 1_000, bytes: 10_000 });
        assert_eq!(written(0), Written::default());
    }

    #[test]
    fn a_large_answer_stops_reading_until_it_is_paid_off() {
        let quota = StreamQuota::default();
        assert!((0..5).all(|_| quota.begin_read(0, 0)));
        assert!(!quota.begin_read(0, 0), "five calls a second");
        quota.end_read(0, 10 << 20, 0);
        assert!(!quota.begin_read(0, 4_999));
        assert!(quota.begin_read(0, 5_000), "ten MiB are five seconds' worth");
        quota.end_read(0, 1 << 20, 10_000);
        assert!(quota.begin_read(0, 10_000), "a second's worth is not paid off");
    }
}

//! Who is subscribed to what: one subscription by consumer and shard, the latest
//! (`SubscribeToShard`).

use std::collections::HashMap;

use parking_lot::Mutex;
use tokio::sync::watch;
use uuid::Uuid;

use crate::error::SubscriptionExists;
use crate::limits::SUBSCRIBE_AGAIN_MS;

/// A consumer and a shard.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct SubscriptionKey {
    pub(crate) stream_id: Uuid,
    pub(crate) shard_index: u32,
    pub(crate) consumer_arn: String,
}

/// The latest subscription of each consumer to each shard.
#[derive(Debug, Default)]
pub(crate) struct Subscriptions(Mutex<HashMap<SubscriptionKey, Latest>>);

#[derive(Debug)]
struct Latest {
    began_ms: u64,
    /// Sending ends the subscription; without receivers it has ended.
    taken_over: watch::Sender<bool>,
}

/// Its holder is subscribed until it hears that another took over.
#[derive(Debug)]
pub(crate) struct Subscription(watch::Receiver<bool>);

impl Subscriptions {
    /// Subscribes, and ends the subscription before, which must have begun a while ago.
    pub(crate) fn begin(&self, key: SubscriptionKey, now_ms: u64) -> Result<Subscription, SubscriptionExists> {
        let mut latest = self.0.lock();
        // Those that ended count only as long as they are in the way.
        latest.retain(|_, one| !one.is_over(now_ms));
        if let Some(before) = latest.get(&key) {
            if before.is_recent(now_ms) {
                return Err(SubscriptionExists(key.consumer_arn));
            }
            before.taken_over.send_replace(true);
        }
        let (taken_over, told) = watch::channel(false);
        latest.insert(key, Latest { began_ms: now_ms, taken_over });
        Ok(Subscription(told))
    }
}

impl Latest {
    fn is_recent(&self, now_ms: u64) -> bool {
        now_ms < self.began_ms + SUBSCRIBE_AGAIN_MS
    }

    fn is_over(&self, now_ms: u64) -> bool {
        !self.is_recent(now_ms) && self.taken_over.is_closed()
    }
}

impl Subscription {
    pub(crate) fn is_taken_over(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits until another subscription took over.
    pub(crate) async fn taken_over(&mut self) {
        if self.0.wait_for(|taken| *taken).await.is_err() {
            // Nobody can take over now.
            std::future::pending().await
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(shard_index: u32) -> SubscriptionKey {
        SubscriptionKey { stream_id: Uuid::from_u128(7), shard_index, consumer_arn: "consumer".into() }
    }

    #[tokio::test]
    async fn a_later_one_takes_over() {
        let subscriptions = Subscriptions::default();
        let mut first = subscriptions.begin(key(0), 1_000).unwrap();
        assert_eq!(subscriptions.begin(key(0), 5_999).unwrap_err().0, "consumer");
        let _other_shard = subscriptions.begin(key(1), 5_999).unwrap();
        let second = subscriptions.begin(key(0), 6_000).unwrap();
        first.taken_over().await;
        drop((first, second));
        assert!(subscriptions.begin(key(0), 10_999).is_err());
    }

    #[test]
    fn those_that_ended_are_forgotten() {
        let subscriptions = Subscriptions::default();
        for shard in 0..100 {
            drop(subscriptions.begin(key(shard), 1_000).unwrap());
        }
        let _last = subscriptions.begin(key(100), 6_000).unwrap();
        assert_eq!(subscriptions.0.lock().len(), 1);
    }
}

//! What the messages of a FIFO topic are put in order and told apart by.

use std::collections::{HashMap, VecDeque};

use tokio::sync::Mutex;

use crate::limits::DEDUPLICATION_INTERVAL;
use crate::stored::StoredDeduplication;

/// The state of one FIFO topic. Whoever publishes holds it until what was published is durable, so
/// that messages are delivered in the order of their sequence numbers.
#[derive(Debug, Default)]
pub(crate) struct Fifo(pub(crate) Mutex<FifoState>);

/// Sequence numbers, and what was published within the deduplication interval.
#[derive(Debug, Default)]
pub(crate) struct FifoState {
    /// The number of the last message.
    last: u64,
    by_id: HashMap<String, Published>,
    /// The oldest first.
    in_order: VecDeque<(u64, String)>,
}

/// A message that was published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Published {
    pub(crate) message_id: String,
    pub(crate) number: u64,
    accepted_ms: u64,
}

impl FifoState {
    /// The number of the next message: above all before, also those of topics of the same name
    /// that were deleted, since it is not below the time.
    pub(crate) fn next(&self, now_ms: u64) -> u64 {
        (self.last + 1).max(now_ms.saturating_mul(NUMBERS_PER_MS))
    }

    /// The message with this id that was published within the interval.
    pub(crate) fn published(&self, id: &str, now_ms: u64) -> Option<&Published> {
        self.by_id.get(id).filter(|published| !is_over(published.accepted_ms, now_ms))
    }

    /// Messages that are remembered.
    pub(crate) fn len(&self) -> usize {
        self.in_order.len()
    }

    /// Numbers of messages that need not be remembered any more.
    pub(crate) fn over(&self, now_ms: u64) -> Vec<u64> {
        let over = |(number, id): &(u64, String)| {
            let published = self.by_id.get(id).filter(|published| published.number == *number);
            published.is_none_or(|published| is_over(published.accepted_ms, now_ms))
        };
        self.in_order.iter().take_while(|entry| over(entry)).map(|(number, _)| *number).collect()
    }

    /// Forgets the oldest so many.
    pub(crate) fn forget(&mut self, count: usize) {
        for (number, id) in self.in_order.drain(..count) {
            if self.by_id.get(&id).is_some_and(|published| published.number == number) {
                self.by_id.remove(&id);
            }
        }
    }

    /// Remembers a message.
    pub(crate) fn remember(&mut self, number: u64, row: StoredDeduplication) {
        self.last = self.last.max(number);
        let StoredDeduplication { id, message_id, accepted_ms } = row;
        self.in_order.push_back((number, id.clone()));
        self.by_id.insert(id, Published { message_id, number, accepted_ms });
    }
}

/// Sequence numbers that a millisecond has.
const NUMBERS_PER_MS: u64 = 1_000;

fn is_over(accepted_ms: u64, now_ms: u64) -> bool {
    u128::from(now_ms.saturating_sub(accepted_ms)) >= DEDUPLICATION_INTERVAL.as_millis()
}

/// A sequence number as clients see it: twenty digits.
pub(crate) fn sequence_number(number: u64) -> String {
    format!("1{number:019}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(id: &str, accepted_ms: u64) -> StoredDeduplication {
        StoredDeduplication { id: id.into(), message_id: format!("m-{id}"), accepted_ms }
    }

    #[test]
    fn ids_are_remembered_for_five_minutes() {
        let mut state = FifoState::default();
        let first = state.next(1_000);
        state.remember(first, row("a", 1_000));
        let second = state.next(1_000);
        assert_eq!((first, second), (1_000_000, 1_000_001));
        state.remember(second, row("b", 200_000));
        assert_eq!(state.published("a", 300_999).map(|published| published.number), Some(first));
        assert_eq!(state.published("a", 301_000), None);
        assert_eq!(state.over(301_000), [first]);
        state.forget(1);
        assert!(state.len() == 1 && state.published("b", 301_000).is_some());
        assert_eq!(sequence_number(1_763_000_000_000_000), "10001763000000000000");
    }

    #[test]
    fn an_id_that_comes_again_later_is_a_new_one() {
        let mut state = FifoState::default();
        state.remember(1, row("a", 0));
        state.remember(2, row("a", 400_000));
        assert_eq!(state.over(400_001), [1]);
        state.forget(1);
        assert_eq!(state.published("a", 400_001).map(|published| published.number), Some(2));
    }
}

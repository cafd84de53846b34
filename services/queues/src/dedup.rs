//! What a FIFO queue remembers for five minutes: which deduplication ids were sent.

use std::collections::{BTreeMap, HashMap};

use sha2::{Digest, Sha256};

use crate::limits::DEDUPLICATION_MS;
use crate::record::{Remembered, Scope};

/// An id in its scope, as 128 bits of its SHA-256: what is kept does not grow with the ids.
pub(crate) type Key = [u8; 16];

/// The ids that were sent lately.
#[derive(Debug, Default)]
pub(crate) struct Deduplication {
    sent: HashMap<Key, (u64, Remembered)>,
    /// By the time at which they were sent.
    order: BTreeMap<(u64, Key), ()>,
}

/// The key of an id in its scope.
pub(crate) fn key(scope: Scope, group: &str, id: &str) -> Key {
    let mut hash = Sha256::new();
    if scope == Scope::Group {
        hash.update(group.as_bytes());
    }
    // Neither groups nor ids have this byte.
    hash.update([0]);
    hash.update(id.as_bytes());
    let mut key = Key::default();
    key.copy_from_slice(&hash.finalize()[..16]);
    key
}

/// The id of a message that is told from others by its body.
pub(crate) fn of_content(body: &str) -> String {
    hex_simd::encode_to_string(Sha256::digest(body.as_bytes()), hex_simd::AsciiCase::Lower)
}

impl Deduplication {
    /// The message that was sent with this key in the last five minutes, and where the log has it.
    pub(crate) fn find(&mut self, key: &Key, now_ms: u64) -> Option<&(u64, Remembered)> {
        self.forget(now_ms);
        self.sent.get(key)
    }

    /// Remembers a message, which the log has at `position`.
    pub(crate) fn remember(&mut self, position: u64, remembered: Remembered) {
        let (key, sent_ms) = (remembered.key, remembered.sent_ms);
        if let Some((_, before)) = self.sent.insert(key, (position, remembered)) {
            self.order.remove(&(before.sent_ms, key));
        }
        self.order.insert((sent_ms, key), ());
    }

    /// Forgets what was sent too long ago.
    pub(crate) fn forget(&mut self, now_ms: u64) {
        while let Some(((sent_ms, key), ())) = self.order.first_key_value().map(|(place, ())| (*place, ())) {
            if sent_ms + DEDUPLICATION_MS > now_ms {
                break;
            }
            self.order.remove(&(sent_ms, key));
            self.sent.remove(&key);
        }
    }

    /// The earliest position that is needed to remember all of it.
    pub(crate) fn first_position(&self) -> Option<u64> {
        self.sent.values().map(|(position, _)| *position).min()
    }

    /// What is remembered by records below `position`, in the order of the log.
    pub(crate) fn below(&self, position: u64) -> Vec<(u64, Remembered)> {
        let below = self.sent.values().filter(|(place, _)| *place < position);
        let mut below: Vec<(u64, Remembered)> = below.cloned().collect();
        below.sort_unstable_by_key(|(place, _)| *place);
        below
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn ids_are_remembered_for_five_minutes_in_their_scope() {
        let mut sent = Deduplication::default();
        let by_group = key(Scope::Group, "a", "1");
        assert_ne!(by_group, key(Scope::Group, "b", "1"));
        assert_eq!(key(Scope::Queue, "a", "1"), key(Scope::Queue, "b", "1"));
        let remembered = |sent_ms| Remembered { key: by_group, seq: 1, id: Uuid::nil(), sent_ms };
        sent.remember(7, remembered(1_000));
        assert!(sent.find(&by_group, 1_000 + DEDUPLICATION_MS - 1).is_some());
        assert_eq!(sent.first_position(), Some(7));
        assert!(sent.find(&by_group, 1_000 + DEDUPLICATION_MS).is_none());
        assert_eq!(sent.first_position(), None);
        sent.remember(8, remembered(2_000));
        sent.remember(9, remembered(400_000));
        sent.forget(2_000 + DEDUPLICATION_MS);
        assert_eq!(sent.below(10).len(), 1);
    }
}

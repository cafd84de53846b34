//! Shard iterators: opaque, authenticated places in a shard that hold five minutes.

use anabranch_protocol::ApiError;
use anabranch_storage::Position;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use uuid::Uuid;

use crate::error::invalid_argument;
use crate::limits::ITERATOR_MS;

const VERSION: u8 = 1;
const PAYLOAD_BYTES: usize = 1 + 16 + 4 + 8 + 8;
const TAG_BYTES: usize = 32;

/// The key that iterators are signed with: random, one per data directory.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct IteratorKey(String);

/// Where a reader goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ShardIterator {
    pub(crate) stream_id: Uuid,
    pub(crate) shard_index: u32,
    pub(crate) position: Position,
    pub(crate) issued_ms: u64,
}

impl IteratorKey {
    pub(crate) fn generate() -> Self {
        Self(STANDARD.encode(rand::random::<[u8; 32]>()))
    }

    pub(crate) fn sign(&self, iterator: &ShardIterator) -> String {
        let mut bytes = Vec::with_capacity(PAYLOAD_BYTES + TAG_BYTES);
        bytes.push(VERSION);
        bytes.extend_from_slice(iterator.stream_id.as_bytes());
        bytes.extend_from_slice(&iterator.shard_index.to_be_bytes());
        bytes.extend_from_slice(&iterator.position.0.to_be_bytes());
        bytes.extend_from_slice(&iterator.issued_ms.to_be_bytes());
        let tag = self.mac(&bytes).finalize().into_bytes();
        bytes.extend_from_slice(&tag);
        STANDARD.encode(bytes)
    }

    /// Reads an iterator back.
    ///
    /// # Errors
    /// `InvalidArgumentException` if we never gave it out, `ExpiredIteratorException` after five minutes.
    pub(crate) fn verify(&self, text: &str, now_ms: u64) -> Result<ShardIterator, ApiError> {
        let invalid = || invalid_argument("Invalid ShardIterator.");
        let bytes = STANDARD.decode(text).map_err(|_| invalid())?;
        if bytes.len() != PAYLOAD_BYTES + TAG_BYTES || bytes[0] != VERSION {
            return Err(invalid());
        }
        let (payload, tag) = bytes.split_at(PAYLOAD_BYTES);
        self.mac(payload).verify_slice(tag).map_err(|_| invalid())?;
        let number = |at: usize| payload[at..at + 8].iter().fold(0u64, |value, byte| value << 8 | u64::from(*byte));
        let iterator = ShardIterator {
            stream_id: Uuid::from_slice(&payload[1..17]).map_err(|_| invalid())?,
            shard_index: (number(13) & 0xffff_ffff) as u32,
            position: Position(number(21)),
            issued_ms: number(29),
        };
        let age_ms = now_ms.saturating_sub(iterator.issued_ms);
        if age_ms > ITERATOR_MS {
            return Err(ApiError::client(
                "ExpiredIteratorException",
                format!(
                    "Iterator expired. The iterator was created at time {} while right now it is {} which is further in \
                     the future than the tolerated delay of {ITERATOR_MS} milliseconds.",
                    iterator.issued_ms, now_ms
                ),
            ));
        }
        Ok(iterator)
    }

    fn mac(&self, payload: &[u8]) -> Hmac<Sha256> {
        // HMAC takes keys of any length, so making one can't fail.
        let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(self.0.as_bytes())
            .unwrap_or_else(|_| unreachable!("HMAC takes a key of any length"));
        mac.update(payload);
        mac
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn iterator() -> ShardIterator {
        ShardIterator { stream_id: Uuid::from_u128(7), shard_index: 300, position: Position(1 << 40), issued_ms: 1_000 }
    }

    #[test]
    fn iterators_are_read_back_until_they_expire() {
        let key = IteratorKey::generate();
        let text = key.sign(&iterator());
        assert!(text.len() <= 512);
        assert_eq!(key.verify(&text, 301_000).unwrap(), iterator());
        assert_eq!(key.verify(&text, 301_001).unwrap_err().code, "ExpiredIteratorException");
    }

    #[test]
    fn forged_iterators_are_refused() {
        let key = IteratorKey::generate();
        let text = key.sign(&iterator());
        for at in 0..text.len() {
            let mut forged = text.clone().into_bytes();
            forged[at] = if forged[at] == b'A' { b'B' } else { b'A' };
            let forged = String::from_utf8(forged).unwrap();
            assert_eq!(key.verify(&forged, 1_000).unwrap_err().code, "InvalidArgumentException");
        }
        assert_eq!(IteratorKey::generate().verify(&text, 1_000).unwrap_err().message, "Invalid ShardIterator.");
        assert_eq!(key.verify("", 1_000).unwrap_err().message, "Invalid ShardIterator.");
    }
}

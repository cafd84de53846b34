//! Shard iterators: opaque, authenticated places in a shard that hold five minutes.

use anabranch_control::Stored;
use anabranch_storage::Position;
use base64_simd::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use uuid::Uuid;

use crate::error::IteratorError;
use crate::limits::ITERATOR_MS;

/// Iterators of AWS begin with these eight bytes too.
const VERSION: u64 = 1;
const PAYLOAD_BYTES: usize = 8 + 16 + 4 + 8 + 8 + 4;
const TAG_BYTES: usize = 32;

/// The key that iterators are signed with: random, one per data directory.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct IteratorKey(String);

impl Stored for IteratorKey {
    const KIND: &'static str = "iterator_key";
    const VERSION: u32 = 1;
}

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
        Self(STANDARD.encode_to_string(rand::random::<[u8; 32]>()))
    }

    pub(crate) fn sign(&self, iterator: &ShardIterator) -> String {
        let mut bytes = Vec::with_capacity(PAYLOAD_BYTES + TAG_BYTES);
        bytes.extend_from_slice(&VERSION.to_be_bytes());
        bytes.extend_from_slice(iterator.stream_id.as_bytes());
        bytes.extend_from_slice(&iterator.shard_index.to_be_bytes());
        bytes.extend_from_slice(&iterator.position.0.to_be_bytes());
        bytes.extend_from_slice(&iterator.issued_ms.to_be_bytes());
        // No two iterators are the same, even of one place in one millisecond.
        bytes.extend_from_slice(&rand::random::<[u8; 4]>());
        let tag = self.mac(&bytes).finalize().into_bytes();
        bytes.extend_from_slice(&tag);
        STANDARD.encode_to_string(bytes)
    }

    /// Reads an iterator back.
    ///
    /// # Errors
    /// If we never gave it out, and after five minutes.
    pub(crate) fn verify(&self, text: &str, now_ms: u64) -> Result<ShardIterator, IteratorError> {
        // Kinesis takes an iterator in quotes, as it stands in JSON.
        let text = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
        let bytes = STANDARD.decode_to_vec(text).map_err(|_| IteratorError::Invalid)?;
        if bytes.len() != PAYLOAD_BYTES + TAG_BYTES || bytes[..8] != VERSION.to_be_bytes() {
            return Err(IteratorError::Invalid);
        }
        let (payload, tag) = bytes.split_at(PAYLOAD_BYTES);
        self.mac(payload).verify_slice(tag).map_err(|_| IteratorError::Invalid)?;
        let number = |at: usize| payload[at..at + 8].iter().fold(0u64, |value, byte| value << 8 | u64::from(*byte));
        let iterator = ShardIterator {
            stream_id: Uuid::from_slice(&payload[8..24]).map_err(|_| IteratorError::Invalid)?,
            shard_index: (number(20) & 0xffff_ffff) as u32,
            position: Position(number(28)),
            issued_ms: number(36),
        };
        let age_ms = now_ms.saturating_sub(iterator.issued_ms);
        if age_ms > ITERATOR_MS {
            return Err(IteratorError::Expired { issued_ms: iterator.issued_ms, now_ms });
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
        assert_eq!(key.verify(&format!("\"{text}\""), 301_000).unwrap(), iterator());
        let expired = key.verify(&text, 301_001).unwrap_err();
        assert!(matches!(expired, IteratorError::Expired { .. }));
        assert_eq!(
            expired.to_string(),
            "Iterator expired. The iterator was created at time Thu Jan 01 00:00:01 UTC 1970 while right now it is Thu Jan \
             01 00:05:01 UTC 1970 which is further in the future than the tolerated delay of 300000 milliseconds."
        );
    }

    #[test]
    fn rows_of_every_version_are_read() {
        let key = IteratorKey("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=".into());
        anabranch_control::check_fixtures(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/stored"), &[key]);
    }

    #[test]
    fn no_two_iterators_are_the_same() {
        let key = IteratorKey::generate();
        assert_ne!(key.sign(&iterator()), key.sign(&iterator()));
    }

    #[test]
    fn forged_iterators_are_refused() {
        let key = IteratorKey::generate();
        let text = key.sign(&iterator());
        for at in 0..text.len() {
            let mut forged = text.clone().into_bytes();
            forged[at] = if forged[at] == b'A' { b'B' } else { b'A' };
            let forged = String::from_utf8(forged).unwrap();
            assert_eq!(key.verify(&forged, 1_000).unwrap_err(), IteratorError::Invalid);
        }
        assert_eq!(IteratorKey::generate().verify(&text, 1_000), Err(IteratorError::Invalid));
        assert_eq!(key.verify("", 1_000), Err(IteratorError::Invalid));
    }
}

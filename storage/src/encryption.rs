//! Encryption at rest: AES-256-GCM, frame by frame, under a key of each segment's own that is
//! derived from the log's data key. The data keys come from the log's user.

use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};

use aes_gcm::aead::{AeadInOut, KeyInit};
use aes_gcm::{Aes256Gcm, Nonce, Tag};
use hmac::{Hmac, Mac};
use sha2::Sha256;
use zeroize::ZeroizeOnDrop;

/// Names a data key. It is stored in the clear in each segment that the key encrypts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyId(pub [u8; 16]);

impl fmt::Display for KeyId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

/// A data key: 256 random bits. Wiped from memory when dropped.
#[derive(Clone, ZeroizeOnDrop)]
pub struct DataKey(pub [u8; 32]);

impl fmt::Debug for DataKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("DataKey(…)")
    }
}

/// Supplies the data keys of a log. What keeps them (a file, a key management service) is its
/// user's choice; the log stores key ids only.
pub trait KeyProvider: fmt::Debug + Send + Sync {
    /// The key that new segments are encrypted with.
    fn current(&self) -> (KeyId, DataKey);
    /// The key with this id, for segments written earlier. `None` if it is not, or no longer, known.
    fn find(&self, id: KeyId) -> Option<DataKey>;
}

/// Bytes before the ciphertext in an encrypted payload.
pub(crate) const NONCE_BYTES: usize = 12;
/// Bytes after it.
pub(crate) const TAG_BYTES: usize = 16;
/// What encryption adds to a payload.
pub(crate) const OVERHEAD_BYTES: usize = NONCE_BYTES + TAG_BYTES;

/// Which key a segment is encrypted with, as its header tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct KeyMark {
    pub(crate) id: KeyId,
    /// Tells a wrong key from damage: made from the segment's key, not usable to find it.
    pub(crate) check: [u8; 16],
}

/// Encrypts and decrypts the frames of one segment.
pub(crate) struct SegmentCipher {
    aead: Aes256Gcm,
    pub(crate) mark: KeyMark,
    /// Nonces are this, drawn afresh each time the segment is opened, and a count.
    nonce_prefix: [u8; 8],
    frames: AtomicU32,
}

impl fmt::Debug for SegmentCipher {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("SegmentCipher").field("key", &self.mark.id).finish_non_exhaustive()
    }
}

impl SegmentCipher {
    /// The cipher of the segment that `log_id` and `epoch` name, under the data key `key`.
    pub(crate) fn new(id: KeyId, key: &DataKey, log_id: &[u8; 16], epoch: u64, random: u64) -> Self {
        let segment_key = derive(&key.0, &[b"anabranch segment key", log_id, &epoch.to_le_bytes()]);
        let mut check = [0; 16];
        check.copy_from_slice(&derive(&segment_key, &[b"anabranch key check"])[..16]);
        Self {
            aead: Aes256Gcm::new(&segment_key.into()),
            mark: KeyMark { id, check },
            nonce_prefix: random.to_le_bytes(),
            frames: AtomicU32::new(0),
        }
    }

    /// Encrypts `payload` in place: room for the nonce, the plaintext, room for the tag. A segment
    /// has at most 2³² / 56 frames, so the count never repeats.
    pub(crate) fn seal(&self, payload: &mut [u8], associated: &[u8]) {
        let mut nonce = [0; NONCE_BYTES];
        nonce[..8].copy_from_slice(&self.nonce_prefix);
        nonce[8..].copy_from_slice(&self.frames.fetch_add(1, Ordering::Relaxed).to_le_bytes());
        let (nonce_room, rest) = payload.split_at_mut(NONCE_BYTES);
        let (text, tag_room) = rest.split_at_mut(rest.len() - TAG_BYTES);
        nonce_room.copy_from_slice(&nonce);
        // GCM refuses only texts over 64 GiB; a frame's payload is below 4 GiB.
        if let Ok(tag) = self.aead.encrypt_inout_detached(&Nonce::from(nonce), associated, text.into()) {
            tag_room.copy_from_slice(&tag);
        }
    }

    /// The plaintext of a stored payload; `None` when it was tampered with.
    pub(crate) fn open(&self, payload: &[u8], associated: &[u8]) -> Option<Vec<u8>> {
        let (nonce, rest) = payload.split_first_chunk::<NONCE_BYTES>()?;
        let (text, tag) = rest.split_last_chunk::<TAG_BYTES>()?;
        let mut plain = text.to_vec();
        let nonce = Nonce::from(*nonce);
        let tag = Tag::from(*tag);
        self.aead.decrypt_inout_detached(&nonce, associated, plain.as_mut_slice().into(), &tag).ok()?;
        Some(plain)
    }
}

fn derive(key: &[u8; 32], parts: &[&[u8]]) -> [u8; 32] {
    // HMAC takes keys of any length; this can't fail.
    let Ok(mut mac) = <Hmac<Sha256> as hmac::KeyInit>::new_from_slice(key) else { return [0; 32] };
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cipher(key: u8, epoch: u64) -> SegmentCipher {
        SegmentCipher::new(KeyId([1; 16]), &DataKey([key; 32]), &[7; 16], epoch, 99)
    }

    fn sealed(cipher: &SegmentCipher, text: &[u8]) -> Vec<u8> {
        let mut payload = [&[0; NONCE_BYTES], text, &[0; TAG_BYTES]].concat();
        cipher.seal(&mut payload, b"place");
        payload
    }

    #[test]
    fn what_is_sealed_opens_in_its_place_only() {
        let cipher_one = cipher(1, 5);
        let payload = sealed(&cipher_one, b"click");
        assert!(!payload.windows(5).any(|window| window == b"click"));
        assert_eq!(cipher_one.open(&payload, b"place").unwrap(), b"click");
        assert_eq!(cipher_one.open(&payload, b"other"), None);
        assert_eq!(cipher(1, 6).open(&payload, b"place"), None);
        assert_eq!(cipher(2, 5).open(&payload, b"place"), None);
        for at in 0..payload.len() {
            let mut flipped = payload.clone();
            flipped[at] ^= 1;
            assert_eq!(cipher_one.open(&flipped, b"place"), None, "byte {at}");
        }
    }

    #[test]
    fn no_nonce_is_used_twice_and_the_check_tells_keys_apart() {
        let cipher_one = cipher(1, 5);
        let (first, second) = (sealed(&cipher_one, b"click"), sealed(&cipher_one, b"click"));
        assert_ne!(first[..NONCE_BYTES], second[..NONCE_BYTES]);
        assert_ne!(cipher_one.mark.check, cipher(2, 5).mark.check);
        assert_eq!(cipher_one.mark, cipher(1, 5).mark);
    }
}

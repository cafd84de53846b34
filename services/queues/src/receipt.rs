//! Receipt handles: opaque to clients, and another with each receive.

use base64_simd::STANDARD;
use uuid::Uuid;

use crate::state::Seq;

/// Bytes of a handle: queue, sequence number, the number of the receive, and a checksum.
const BYTES: usize = 16 + 8 + 4 + 4;

/// What a receipt handle says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Receipt {
    /// The queue it is of.
    pub(crate) queue: Uuid,
    /// Its message.
    pub(crate) seq: Seq,
    /// Which of the message's receives it is of.
    pub(crate) receive: u32,
}

impl Receipt {
    /// The handle that clients get.
    pub(crate) fn to_handle(self) -> String {
        let mut bytes = Vec::with_capacity(BYTES);
        bytes.extend_from_slice(self.queue.as_bytes());
        bytes.extend_from_slice(&self.seq.to_le_bytes());
        bytes.extend_from_slice(&self.receive.to_le_bytes());
        bytes.extend_from_slice(&crc32fast::hash(&bytes).to_le_bytes());
        STANDARD.encode_to_string(&bytes)
    }

    /// Reads a handle. None if it was not made here.
    pub(crate) fn of_handle(handle: &str) -> Option<Self> {
        let bytes = STANDARD.decode_to_vec(handle).ok().filter(|bytes| bytes.len() == BYTES)?;
        let (said, sum) = bytes.split_at(BYTES - 4);
        (crc32fast::hash(said).to_le_bytes() == sum).then_some(())?;
        Some(Self {
            queue: Uuid::from_slice(&said[..16]).ok()?,
            seq: u64::from_le_bytes(said[16..24].try_into().ok()?),
            receive: u32::from_le_bytes(said[24..].try_into().ok()?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handles_come_back_and_others_are_refused() {
        let receipt = Receipt { queue: Uuid::new_v4(), seq: 7 << 40, receive: 3 };
        let handle = receipt.to_handle();
        assert_eq!(Receipt::of_handle(&handle), Some(receipt));
        for other in ["", "garbage", "AAAA", &handle[1..], &handle.replacen(&handle[..1], "/", 1)] {
            assert_eq!(Receipt::of_handle(other), None, "{other}");
        }
    }
}

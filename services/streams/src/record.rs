//! A Kinesis record as the log holds it: a version, the partition key with its length, the data.

use anabranch_storage::Record;

use crate::error::LogFailure;

/// Version of this encoding.
const VERSION: u8 = 1;

/// Bytes that it takes beside partition key and data.
pub(crate) const OVERHEAD_BYTES: usize = 3;

/// A record as it was put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct StoredRecord<'a> {
    pub(crate) partition_key: &'a str,
    pub(crate) data: &'a [u8],
}

impl<'a> StoredRecord<'a> {
    /// Appends the encoded record. A partition key has at most 256 characters, so two bytes hold its length.
    pub(crate) fn encode(&self, bytes: &mut Vec<u8>) {
        bytes.push(VERSION);
        bytes.extend_from_slice(&(self.partition_key.len() as u16).to_le_bytes());
        bytes.extend_from_slice(self.partition_key.as_bytes());
        bytes.extend_from_slice(self.data);
    }

    /// A record as it lies in the log.
    pub(crate) fn of(record: &Record<'a>) -> Result<Self, LogFailure> {
        Self::decode(record.data).ok_or(LogFailure::UnknownRecord(record.position))
    }

    /// Reads a record back; `None` if the bytes are of no known version.
    fn decode(bytes: &'a [u8]) -> Option<Self> {
        let ([VERSION, low, high], rest) = bytes.split_first_chunk::<3>()? else { return None };
        let (partition_key, data) = rest.split_at_checked(u16::from_le_bytes([*low, *high]).into())?;
        Some(Self { partition_key: std::str::from_utf8(partition_key).ok()?, data })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn records_are_read_back(partition_key in "\\PC{1,256}", data: Vec<u8>) {
            let record = StoredRecord { partition_key: &partition_key, data: &data };
            let mut bytes = Vec::new();
            record.encode(&mut bytes);
            prop_assert_eq!(StoredRecord::decode(&bytes), Some(record));
        }

        #[test]
        fn other_bytes_do_not_panic(bytes: Vec<u8>) {
            let _ = StoredRecord::decode(&bytes);
        }
    }
}

//! Hash keys: which shard a record belongs to. (Kinesis Developer Guide, "Partition Key".)

use md5::{Digest, Md5};

/// A 128-bit hash key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct HashKey(pub u128);

impl HashKey {
    /// The MD5 digest of a partition key, as a big-endian number.
    pub fn of_partition_key(partition_key: &str) -> Self {
        Self(u128::from_be_bytes(Md5::digest(partition_key).into()))
    }

    /// A hash key in decimal, as clients write it; `None` unless it is a number below 2^128.
    pub fn parse(decimal: &str) -> Option<Self> {
        decimal.parse().ok().map(Self)
    }
}

/// Divides all hash keys evenly among `count` shards; the last takes the remainder.
pub(crate) fn even_ranges(count: u32) -> Vec<(HashKey, HashKey)> {
    let count = u128::from(count.max(1));
    // 2^128 / count without leaving 128 bits.
    let width = if count == 1 { u128::MAX } else { u128::MAX / count + u128::from(u128::MAX % count == count - 1) };
    (0..count)
        .map(|number| {
            let start = number * width;
            let end = if number == count - 1 { u128::MAX } else { start + width - 1 };
            (HashKey(start), HashKey(end))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_hash_as_kinesis_hashes_them() {
        assert_eq!(HashKey::of_partition_key("user-1"), HashKey(285_573_413_173_782_752_570_879_317_399_258_818_820));
    }

    #[test]
    fn three_shards_are_those_of_kinesis() {
        let bounds: Vec<(u128, u128)> = even_ranges(3).into_iter().map(|(start, end)| (start.0, end.0)).collect();
        assert_eq!(
            bounds,
            [
                (0, 113_427_455_640_312_821_154_458_202_477_256_070_484),
                (
                    113_427_455_640_312_821_154_458_202_477_256_070_485,
                    226_854_911_280_625_642_308_916_404_954_512_140_969
                ),
                (226_854_911_280_625_642_308_916_404_954_512_140_970, u128::MAX),
            ]
        );
        assert_eq!(even_ranges(2)[1].0.0, 1 << 127);
        assert_eq!(even_ranges(1), [(HashKey(0), HashKey(u128::MAX))]);
    }
}

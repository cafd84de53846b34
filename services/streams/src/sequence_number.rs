//! Sequence numbers: decimal texts of 56 digits that clients compare as big integers.
//!
//! Forty-seven hexadecimal digits, as those of AWS: `2`, second in which the shard was made (9),
//! last digit of the shard index, place (16), `00`, second in which the record came (9), shard
//! index (8), `2`. So numbers increase along a shard, a child's are above its parent's (it is made
//! in a later second), and a number tells its shard and its place in the log.

use std::fmt;

/// A sequence number, taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct SequenceNumber {
    /// Second since the epoch in which the shard was made.
    pub shard_created_s: u64,
    /// The record's position in the log plus one; for a shard's start, the position it starts at.
    pub place: u64,
    /// Second since the epoch in which the record came.
    pub record_s: u64,
    /// The shard's number within its stream.
    pub shard_index: u32,
}

const SECONDS_BITS: u32 = 36;
/// Most digits of a sequence number of this crate.
const DIGITS_MAX: usize = 57;

/// The digits of the numbers below 100.
const PAIRS: [[u8; 2]; 100] = {
    let mut pairs = [[0; 2]; 100];
    let mut number = 0;
    while number < 100 {
        pairs[number] = [b'0' + (number / 10) as u8, b'0' + (number % 10) as u8];
        number += 1;
    }
    pairs
};

impl SequenceNumber {
    /// The number of the record at `position` of a shard that came at `timestamp_ms`.
    pub(crate) fn of_record(shard_index: u32, shard_created_s: u64, position: u64, timestamp_ms: u64) -> Self {
        Self { shard_created_s, place: position + 1, record_s: timestamp_ms / 1000, shard_index }
    }

    /// Reads a number of the form this crate gives out; `None` for any other.
    pub fn parse(decimal: &str) -> Option<Self> {
        if decimal.len() > DIGITS_MAX || decimal.is_empty() || !decimal.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        // 188 bits as two limbs of 94: value = high * 2^94 + low.
        let (mut high, mut low) = (0u128, 0u128);
        for digit in decimal.bytes() {
            low = low * 10 + u128::from(digit - b'0');
            high = high * 10 + (low >> 94);
            low &= (1 << 94) - 1;
        }
        // From the low end: 2 (4 bits), shard index (32), record second (36), 0 (8), the low 14 bits of the place.
        if low & 0xf != 2 || (low >> 72) & 0xff != 0 || high >> 94 != 0 {
            return None;
        }
        let shard_index = (low >> 4) as u32;
        let record_s = (low >> 36) as u64 & ((1 << SECONDS_BITS) - 1);
        let place = ((low >> 80) as u64) | ((high & ((1 << 50) - 1)) as u64) << 14;
        // High limb above the place's 50 bits: last digit of the shard index (4), shard second (36), 2 (4).
        let head = high >> 50;
        let shard_created_s = (head >> 4) as u64 & ((1 << SECONDS_BITS) - 1);
        (head & 0xf == u128::from(shard_index & 0xf) && head >> 40 == 2).then_some(Self {
            shard_created_s,
            place,
            record_s,
            shard_index,
        })
    }
}

impl fmt::Display for SequenceNumber {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let low = 2
            | u128::from(self.shard_index) << 4
            | u128::from(self.record_s) << 36
            | u128::from(self.place & ((1 << 14) - 1)) << 80;
        let high = u128::from(self.place >> 14)
            | u128::from(self.shard_index & 0xf) << 50
            | u128::from(self.shard_created_s) << 54
            | 2 << 90;
        // value = high * 2^94 + low, in limbs of 32 bits, the highest first.
        let (upper, lower) = (high >> 34, high << 94 | low);
        let mut limbs = [upper >> 32, upper, lower >> 96, lower >> 64, lower >> 32, lower].map(|limb| limb as u32);
        let mut limbs = limbs.as_mut_slice();
        // Nine digits at a time, from the low end: 188 bits have 57 at most.
        const GROUP: u64 = 1_000_000_000;
        let mut digits = [0; 63];
        for group in digits.chunks_exact_mut(9).rev() {
            let mut remainder = 0;
            for limb in limbs.iter_mut() {
                let value = remainder << 32 | u64::from(*limb);
                *limb = (value / GROUP) as u32;
                remainder = value % GROUP;
            }
            // What is left has thirty bits less.
            let zeros = limbs.iter().take_while(|limb| **limb == 0).count();
            limbs = &mut limbs[zeros..];
            let mut remainder = remainder as u32;
            if let Some((first, pairs)) = group.split_first_mut() {
                for pair in pairs.chunks_exact_mut(2).rev() {
                    pair.copy_from_slice(&PAIRS[(remainder % 100) as usize]);
                    remainder /= 100;
                }
                *first = b'0' + remainder as u8;
            }
        }
        let zeros = digits.iter().take_while(|digit| **digit == b'0').count();
        formatter.write_str(std::str::from_utf8(&digits[zeros..]).map_err(|_| fmt::Error)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn any_number() -> impl Strategy<Value = SequenceNumber> {
        (0u64..1 << 36, any::<u64>(), 0u64..1 << 36, any::<u32>()).prop_map(
            |(shard_created_s, place, record_s, shard_index)| SequenceNumber {
                shard_created_s,
                place,
                record_s,
                shard_index,
            },
        )
    }

    proptest! {
        #[test]
        fn texts_are_read_back(number in any_number()) {
            let text = number.to_string();
            prop_assert_eq!(SequenceNumber::parse(&text), Some(number), "{}", text);
        }

        #[test]
        fn order_is_kept(one in any_number(), other in any_number()) {
            let (a, b) = (format!("{one:0>60}"), format!("{other:0>60}"));
            let (a, b) = (format!("{:0>60}", a.trim_start_matches('0')), format!("{:0>60}", b.trim_start_matches('0')));
            prop_assert_eq!(a.cmp(&b), one.cmp(&other));
        }

        #[test]
        fn anything_else_is_refused_without_panic(text in "\\PC{0,140}") {
            let _ = SequenceNumber::parse(&text);
        }
    }

    #[test]
    fn a_number_of_aws_is_understood() {
        let text = "49590338271490256608559692538361571095921575989136588898";
        let number = SequenceNumber::parse(text).unwrap();
        assert_eq!((number.shard_index, number.shard_created_s, number.record_s), (6, 0x5bf4_e5c2, 0x5c18_1eea));
        assert_eq!(number.to_string(), text);
    }

    #[test]
    fn numbers_look_like_those_of_kinesis() {
        let number =
            SequenceNumber { shard_created_s: 1_763_000_000, place: 1, record_s: 1_763_000_001, shard_index: 0 };
        let text = number.to_string();
        assert_eq!((text.len(), &text[..2]), (56, "49"));
        assert_eq!(SequenceNumber::parse("0"), None);
        assert_eq!(SequenceNumber::parse(&"9".repeat(129)), None);
    }
}

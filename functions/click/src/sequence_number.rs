//! A Kinesis sequence number: decimal digits, compared as a number, never as text.

use std::cmp::Ordering;
use std::fmt;

/// The most digits a sequence number has (the API's pattern is `0|([1-9]\d{0,128})`).
const DIGITS_MAX: usize = 129;

/// A record's place in its shard. Larger means later, even across a reshard.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SequenceNumber(String);

/// The text is not a sequence number.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a sequence number")]
pub struct SequenceNumberError(String);

impl SequenceNumber {
    /// Takes decimal digits; leading zeros do not matter.
    ///
    /// # Errors
    /// [`SequenceNumberError`] when there are none, too many, or something else.
    pub fn new(text: &str) -> Result<Self, SequenceNumberError> {
        let digits = text.trim_start_matches('0');
        let digits = if digits.is_empty() && !text.is_empty() { "0" } else { digits };
        let valid = (1..=DIGITS_MAX).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
        if valid { Ok(Self(digits.to_owned())) } else { Err(SequenceNumberError(text.chars().take(160).collect())) }
    }

    /// The digits, without leading zeros.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Ord for SequenceNumber {
    fn cmp(&self, other: &Self) -> Ordering {
        // Without leading zeros, more digits mean a larger number, and equally many compare as text.
        (self.0.len(), &self.0).cmp(&(other.0.len(), &other.0))
    }
}

impl PartialOrd for SequenceNumber {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for SequenceNumber {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn refuses_what_is_no_number() {
        for text in ["", "12a", "-1", " 1", &"9".repeat(130)] {
            assert!(SequenceNumber::new(text).is_err(), "{text:?}");
        }
        assert_eq!(SequenceNumber::new("000").unwrap().as_str(), "0");
    }

    proptest! {
        #[test]
        fn orders_as_numbers_do(a in any::<u128>(), b in any::<u128>(), zeros in 0usize..5) {
            let left = SequenceNumber::new(&format!("{}{a}", "0".repeat(zeros))).unwrap();
            let right = SequenceNumber::new(&b.to_string()).unwrap();
            prop_assert_eq!(left.cmp(&right), a.cmp(&b));
        }
    }
}

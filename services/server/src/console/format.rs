//! Figures as people read them.

use bytesize::ByteSize;
use jiff::fmt::friendly::{Spacing, SpanPrinter};
use jiff::{RoundMode, SignedDuration, SignedDurationRound, Unit};

/// `1234567` as `1,234,567`.
pub(super) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Bytes in the largest unit that leaves a whole part.
pub(crate) fn bytes(number: u64) -> String {
    ByteSize(number).display().iec().to_string()
}

/// Milliseconds as a duration such as `12s` or `3h 5m`, without what is too small to matter.
pub(super) fn duration(ms: u64) -> String {
    let smallest = match ms {
        ..=999 => Unit::Millisecond,
        1_000..=3_599_999 => Unit::Second,
        _ => Unit::Minute,
    };
    let exact = SignedDuration::from_millis(i64::try_from(ms).unwrap_or(i64::MAX));
    let rounded = exact.round(SignedDurationRound::new().smallest(smallest).mode(RoundMode::Trunc));
    SpanPrinter::new().spacing(Spacing::BetweenUnits).duration_to_string(&rounded.unwrap_or(exact))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures() {
        assert_eq!([0, 999, 1000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!([0, 1023, 1024, 1_572_864].map(bytes), ["0 B", "1023 B", "1.0 KiB", "1.5 MiB"]);
        assert_eq!([0, 5, 61_999, 7_530_000].map(duration), ["0s", "5ms", "1m 1s", "2h 5m"]);
        assert_ne!(duration(u64::MAX), "");
    }
}

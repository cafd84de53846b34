//! `rate(value unit)`.

use std::str::FromStr;

use crate::NotASchedule;

const MINUTE_MS: u64 = 60_000;
/// Largest value of a rate. It keeps times within the calendar.
const RATE_VALUE_MAX: u64 = 9_999_999;

/// A regular interval, counted from a moment of its owner's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    value: u64,
    interval_ms: u64,
    is_plural: bool,
}

impl Rate {
    /// The time between two occurrences, in milliseconds.
    pub fn interval_ms(&self) -> u64 {
        self.interval_ms
    }

    /// Whether the unit agrees with the value: `1 minute`, `5 minutes`. Rules ask for it; Scheduler
    /// does not.
    pub fn agrees(&self) -> bool {
        (self.value == 1) != self.is_plural
    }

    /// The first occurrence after `after_ms`. Occurrences are whole intervals from `since_ms`, the
    /// first of them one interval after it.
    pub fn next_after(&self, after_ms: u64, since_ms: u64) -> u64 {
        let passed = after_ms.saturating_sub(since_ms) / self.interval_ms;
        since_ms.saturating_add((passed + 1).saturating_mul(self.interval_ms))
    }
}

impl FromStr for Rate {
    type Err = NotASchedule;

    /// What is between the parentheses.
    fn from_str(text: &str) -> Result<Self, NotASchedule> {
        let mut words = text.split_ascii_whitespace();
        let (Some(value), Some(unit), None) = (words.next(), words.next(), words.next()) else {
            return Err(NotASchedule::new("a rate is a value and a unit"));
        };
        let is_number = value.bytes().all(|byte| byte.is_ascii_digit());
        let value = value.parse().ok().filter(|value| is_number && (1..=RATE_VALUE_MAX).contains(value));
        let value: u64 = value.ok_or_else(|| NotASchedule::new("a rate's value is a positive number"))?;
        let (minutes, is_plural) = match unit {
            "minute" => (1, false),
            "minutes" => (1, true),
            "hour" => (60, false),
            "hours" => (60, true),
            "day" => (1_440, false),
            "days" => (1_440, true),
            _ => return Err(NotASchedule::new("a rate's unit is minutes, hours or days")),
        };
        Ok(Self { value, interval_ms: value * minutes * MINUTE_MS, is_plural })
    }
}

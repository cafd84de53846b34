//! A field of a cron expression that lists numbers: minutes, hours, months, years.

use crate::NotASchedule;

/// The numbers from `min` to `max`, and the names that some of them have.
pub(crate) struct Range {
    pub(crate) what: &'static str,
    pub(crate) min: u16,
    pub(crate) max: u16,
    /// Names of `min` and those that follow it.
    pub(crate) names: &'static [&'static str],
    /// Whether a range may go past the end, as `FRI-MON` does.
    pub(crate) wraps: bool,
}

/// The numbers that a field names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Numbers {
    min: u16,
    set: Box<[bool]>,
}

impl Numbers {
    /// Reads `1,5-7,*/10` and the like.
    pub(crate) fn parse(text: &str, range: &Range) -> Result<Self, NotASchedule> {
        let mut set = vec![false; usize::from(range.max - range.min) + 1];
        for part in text.split(',') {
            range.mark(part, &mut set)?;
        }
        Ok(Self { min: range.min, set: set.into() })
    }

    pub(crate) fn contains(&self, number: u16) -> bool {
        number.checked_sub(self.min).and_then(|at| self.set.get(usize::from(at))).is_some_and(|named| *named)
    }

    /// The numbers from `first` on.
    pub(crate) fn from(&self, first: u16) -> impl Iterator<Item = u16> {
        let skipped = usize::from(first.saturating_sub(self.min));
        let named = self.set.iter().enumerate().skip(skipped).filter(|(_, named)| **named);
        named.map(|(at, _)| self.min + at as u16)
    }
}

impl Range {
    fn mark(&self, part: &str, set: &mut [bool]) -> Result<(), NotASchedule> {
        let (span, step) = match part.split_once('/') {
            Some((span, step)) => (span, Some(self.step(step)?)),
            None => (part, None),
        };
        let (first, last) = match span.split_once('-') {
            _ if span == "*" => (self.min, self.max),
            Some((first, last)) => (self.number(first)?, self.number(last)?),
            // `5/15` goes on to the end.
            None if step.is_some() => (self.number(span)?, self.max),
            None => (self.number(span)?, self.number(span)?),
        };
        if first > last && !self.wraps {
            return Err(self.wrong(part));
        }
        let size = self.max - self.min + 1;
        let length = if first > last { last + size - first } else { last - first };
        for ahead in (0..=length).step_by(usize::from(step.unwrap_or(1))) {
            set[usize::from((first - self.min + ahead) % size)] = true;
        }
        Ok(())
    }

    /// A number in the range, or the name of one.
    pub(crate) fn number(&self, text: &str) -> Result<u16, NotASchedule> {
        let named = self.names.iter().position(|name| name.eq_ignore_ascii_case(text));
        let number = match named {
            Some(at) => Some(self.min + at as u16),
            None => digits(text).filter(|number| (self.min..=self.max).contains(number)),
        };
        number.ok_or_else(|| self.wrong(text))
    }

    fn step(&self, text: &str) -> Result<u16, NotASchedule> {
        digits(text).filter(|step| *step > 0).ok_or_else(|| self.wrong(text))
    }

    pub(crate) fn wrong(&self, text: &str) -> NotASchedule {
        NotASchedule::new(format!("{text} is not valid in the field of {}", self.what))
    }
}

/// Digits and nothing else, such as no sign.
pub(crate) fn digits(text: &str) -> Option<u16> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

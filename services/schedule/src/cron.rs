//! `cron(minutes hours day-of-month month day-of-week year)` ("Schedule types in EventBridge
//! Scheduler", "Cron expressions reference").

use std::str::FromStr;

use jiff::civil::{Date, DateTime};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{Timestamp, ToSpan};

use crate::NotASchedule;
use crate::days::Days;
use crate::field::{Numbers, Range};

const MINUTES: Range = Range { what: "minutes", min: 0, max: 59, names: &[], wraps: true };
const HOURS: Range = Range { what: "hours", min: 0, max: 23, names: &[], wraps: true };
const MONTHS: Range = Range {
    what: "months",
    min: 1,
    max: 12,
    names: &["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"],
    wraps: true,
};
const YEARS: Range = Range { what: "years", min: 1970, max: 2199, names: &[], wraps: false };

/// A cron expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cron {
    minutes: Numbers,
    hours: Numbers,
    days: Days,
    months: Numbers,
    years: Numbers,
}

impl Cron {
    /// The first occurrence after `after_ms` by the clocks of `zone`, if there is one before 2200.
    ///
    /// What falls into the hour that is skipped in spring does not happen, and what falls into the
    /// hour that comes twice in autumn happens the first time ("Daylight saving time").
    pub fn next_after(&self, after_ms: u64, zone: &TimeZone) -> Option<u64> {
        let after = Timestamp::from_millisecond(i64::try_from(after_ms).ok()?).ok()?;
        let mut local = zone.to_datetime(after);
        loop {
            local = self.next_local(local)?;
            let found = match zone.to_ambiguous_timestamp(local).offset() {
                AmbiguousOffset::Unambiguous { offset } => offset.to_timestamp(local).ok()?,
                AmbiguousOffset::Fold { before, .. } => before.to_timestamp(local).ok()?,
                AmbiguousOffset::Gap { .. } => continue,
            };
            // In the second of two equal hours, those of the first lie behind.
            if found > after {
                return u64::try_from(found.as_millisecond()).ok();
            }
        }
    }

    /// Whether it holds in the minute of `local`.
    pub fn holds_at(&self, local: DateTime) -> bool {
        self.holds_on(local.date())
            && self.hours.contains(local.hour() as u16)
            && self.minutes.contains(local.minute() as u16)
    }

    fn holds_on(&self, date: Date) -> bool {
        self.years.contains(date.year() as u16) && self.months.contains(date.month() as u16) && self.days.contains(date)
    }

    /// The first minute after that of `after` in which it holds, as clocks show it.
    fn next_local(&self, after: DateTime) -> Option<DateTime> {
        let today = after.date();
        if self.holds_on(today) {
            let (hour, minute) = (after.hour() as u16, after.minute() as u16);
            let this_hour = self.hours.contains(hour).then(|| self.minutes.from(minute + 1).next()).flatten();
            let found = match this_hour {
                Some(minute) => Some((hour, minute)),
                None => self.hours.from(hour + 1).next().zip(self.minutes.from(0).next()),
            };
            if let Some((hour, minute)) = found {
                return Some(today.at(hour as i8, minute as i8, 0, 0));
            }
        }
        let date = self.next_date(today)?;
        Some(date.at(self.hours.from(0).next()? as i8, self.minutes.from(0).next()? as i8, 0, 0))
    }

    /// The first date after `today` on which it holds.
    fn next_date(&self, today: Date) -> Option<Date> {
        for year in self.years.from(today.year() as u16) {
            for month in self.months.from(1) {
                let first = Date::new(year as i16, month as i8, 1).ok()?;
                if first.last_of_month() <= today {
                    continue;
                }
                let begin = if first > today { first } else { today.checked_add(1.day()).ok()? };
                let left = begin.day()..=begin.days_in_month();
                let found = left.filter_map(|day| Date::new(year as i16, month as i8, day).ok());
                if let Some(date) = found.into_iter().find(|date| self.days.contains(*date)) {
                    return Some(date);
                }
            }
        }
        None
    }
}

impl FromStr for Cron {
    type Err = NotASchedule;

    /// What is between the parentheses.
    fn from_str(text: &str) -> Result<Self, NotASchedule> {
        let fields: Vec<&str> = text.split_ascii_whitespace().collect();
        let [minutes, hours, day_of_month, month, day_of_week, year] = fields[..] else {
            return Err(NotASchedule::new("a cron expression has six fields"));
        };
        Ok(Self {
            minutes: Numbers::parse(minutes, &MINUTES)?,
            hours: Numbers::parse(hours, &HOURS)?,
            days: Days::parse(day_of_month, day_of_week)?,
            months: Numbers::parse(month, &MONTHS)?,
            years: Numbers::parse(year, &YEARS)?,
        })
    }
}

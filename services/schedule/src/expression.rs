//! An expression of any kind.

use std::str::FromStr;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use crate::{Cron, NotASchedule, Rate};

/// When something happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expression {
    /// `rate(5 minutes)`: at regular intervals.
    Rate(Rate),
    /// `cron(0 12 * * ? *)`: whenever clocks show a time.
    Cron(Box<Cron>),
    /// `at(2026-11-20T13:00:00)`: once.
    At(DateTime),
}

impl Expression {
    /// Reads an expression.
    ///
    /// # Errors
    /// [`NotASchedule`] when it is none.
    pub fn parse(text: &str) -> Result<Self, NotASchedule> {
        let inner = |kind: &str| text.trim().strip_prefix(kind)?.strip_prefix('(')?.strip_suffix(')');
        if let Some(rate) = inner("rate") {
            return rate.parse().map(Self::Rate);
        }
        if let Some(cron) = inner("cron") {
            return cron.parse().map(|cron| Self::Cron(Box::new(cron)));
        }
        let at = inner("at").ok_or_else(|| NotASchedule::new("an expression is rate(…), cron(…) or at(…)"))?;
        let has_seconds = at.len() == "yyyy-mm-ddThh:mm:ss".len() && at.as_bytes()[10] == b'T';
        let time = DateTime::from_str(at).ok().filter(|_| has_seconds);
        time.map(Self::At).ok_or_else(|| NotASchedule::new("a time is of the form yyyy-mm-ddThh:mm:ss"))
    }

    /// The first time after `after_ms`, if there is one. Rates count from `since_ms`; the others go by
    /// the clocks of `zone`.
    pub fn next_after(&self, after_ms: u64, since_ms: u64, zone: &TimeZone) -> Option<u64> {
        match self {
            Self::Rate(rate) => Some(rate.next_after(after_ms, since_ms)),
            Self::Cron(cron) => cron.next_after(after_ms, zone),
            Self::At(_) => self.at_ms(zone).filter(|at_ms| *at_ms > after_ms),
        }
    }

    /// When it happens, if it happens once. A time that clocks skip counts as if they did not.
    pub fn at_ms(&self, zone: &TimeZone) -> Option<u64> {
        let Self::At(time) = self else { return None };
        let moment = zone.to_ambiguous_timestamp(*time).compatible().ok()?;
        u64::try_from(moment.as_millisecond()).ok()
    }
}

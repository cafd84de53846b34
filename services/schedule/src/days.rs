//! The two fields of a cron expression that say on which days of a month it holds. One of them is
//! `?`.

use jiff::civil::Date;

use crate::NotASchedule;
use crate::field::{Numbers, Range, digits};

const DAYS_OF_MONTH: Range = Range { what: "days of the month", min: 1, max: 31, names: &[], wraps: true };
const DAYS_OF_WEEK: Range = Range {
    what: "days of the week",
    min: 1,
    max: 7,
    names: &["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"],
    wraps: true,
};
/// Sunday, as AWS counts: from 1.
const SUNDAY: u16 = 1;
/// Saturday, the last day of the week.
const SATURDAY: u16 = 7;

/// On which days of a month.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Days {
    /// Days of the month by number.
    OfMonth(Numbers),
    /// `L`.
    Last,
    /// `LW`: the last of Monday to Friday.
    LastWeekday,
    /// `15W`: the one of Monday to Friday that is nearest to a day, in the same month.
    NearestWeekday(u16),
    /// Days of the week by number.
    OfWeek(Numbers),
    /// `6L`: the last Friday.
    LastOfWeek(u16),
    /// `3#2`: the second Tuesday.
    NthOfWeek(u16, u16),
}

impl Days {
    /// Reads both fields.
    pub(crate) fn parse(of_month: &str, of_week: &str) -> Result<Self, NotASchedule> {
        match (of_month, of_week) {
            ("?", "?") => Err(NotASchedule::new("one of the two fields of days names days")),
            (of_month, "?") => Self::of_month(of_month),
            ("?", of_week) => Self::of_week(of_week),
            _ => Err(NotASchedule::new("one of the two fields of days is ?")),
        }
    }

    fn of_month(text: &str) -> Result<Self, NotASchedule> {
        match text {
            "L" => Ok(Self::Last),
            "LW" => Ok(Self::LastWeekday),
            _ => match text.strip_suffix('W') {
                Some(day) => DAYS_OF_MONTH.number(day).map(Self::NearestWeekday),
                None => Numbers::parse(text, &DAYS_OF_MONTH).map(Self::OfMonth),
            },
        }
    }

    fn of_week(text: &str) -> Result<Self, NotASchedule> {
        if text == "L" {
            return Numbers::parse("SAT", &DAYS_OF_WEEK).map(Self::OfWeek);
        }
        if let Some((day, nth)) = text.split_once('#') {
            let nth = digits(nth).filter(|nth| (1..=5).contains(nth)).ok_or_else(|| DAYS_OF_WEEK.wrong(text))?;
            return Ok(Self::NthOfWeek(DAYS_OF_WEEK.number(day)?, nth));
        }
        match text.strip_suffix('L') {
            Some(day) => DAYS_OF_WEEK.number(day).map(Self::LastOfWeek),
            None => Numbers::parse(text, &DAYS_OF_WEEK).map(Self::OfWeek),
        }
    }

    /// Whether it holds on `date`.
    pub(crate) fn contains(&self, date: Date) -> bool {
        let day = date.day() as u16;
        let length = date.days_in_month() as u16;
        match self {
            Self::OfMonth(days) => days.contains(day),
            Self::Last => day == length,
            Self::LastWeekday => is_nearest_weekday(date, length),
            Self::NearestWeekday(wanted) => *wanted <= length && is_nearest_weekday(date, *wanted),
            Self::OfWeek(days) => days.contains(weekday(date)),
            Self::LastOfWeek(wanted) => weekday(date) == *wanted && day + 7 > length,
            Self::NthOfWeek(wanted, nth) => weekday(date) == *wanted && day.div_ceil(7) == *nth,
        }
    }
}

/// From 1, Sunday.
fn weekday(date: Date) -> u16 {
    date.weekday().to_sunday_one_offset() as u16
}

/// Whether `date` is the one of Monday to Friday nearest to the day `wanted` of its month. A Saturday
/// gives way to the Friday before and a Sunday to the Monday after, but neither leaves the month.
fn is_nearest_weekday(date: Date, wanted: u16) -> bool {
    let length = date.days_in_month() as u16;
    let day = date.day() as u16;
    // The weekday of the day wanted, from that of the date.
    let ahead = (wanted + 35 - day) % 7;
    let nearest = match (weekday(date) - 1 + ahead) % 7 + 1 {
        SATURDAY if wanted == 1 => 3,
        SATURDAY => wanted - 1,
        SUNDAY if wanted == length => wanted - 2,
        SUNDAY => wanted + 1,
        _ => wanted,
    };
    day == nearest
}

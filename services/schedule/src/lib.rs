//! Schedule expressions of EventBridge rules and EventBridge Scheduler: `rate(5 minutes)`,
//! `cron(0 12 * * ? *)` and `at(2026-11-20T13:00:00)`, read once and asked for the next time.
//!
//! Times are milliseconds since the Unix epoch. This crate reads no clock and knows no service.
//! Start reading at `cron.rs`.
//!
//! ```
//! use anabranch_schedule::{Expression, TimeZone};
//!
//! let noon = Expression::parse("cron(0 12 * * ? *)")?;
//! let morning_ms = 1_772_697_600_000; // 2026-03-05T08:00:00Z
//! assert_eq!(noon.next_after(morning_ms, 0, &TimeZone::UTC), Some(morning_ms + 4 * 3_600_000));
//! # Ok::<(), anabranch_schedule::NotASchedule>(())
//! ```

mod cron;
mod days;
mod error;
mod expression;
mod field;
mod rate;

pub use cron::Cron;
pub use error::NotASchedule;
pub use expression::Expression;
pub use jiff::tz::TimeZone;
pub use rate::Rate;

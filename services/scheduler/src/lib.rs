//! EventBridge Scheduler: schedules that send to a target once, at regular intervals or whenever
//! clocks show a time.
//!
//! Offered are schedules with all kinds of expressions, time zones and flexible windows, schedule
//! groups with tags, retries and dead-letter queues, and the targets that take messages here.
//! Universal targets (`aws-sdk`) are refused by name.
//!
//! What a schedule sends is accepted in the commit that notes that it fired (`timer.rs`), and handed on
//! by `anabranch-delivery`. Start reading at `schedule.rs`.

#![cfg_attr(not(test), deny(clippy::disallowed_methods))]

mod error;
mod limits;
mod model;
mod operations;
mod plan;
mod registry;
mod schedule;
mod scheduler;
mod section;
mod service;
mod shapes;
mod target;
mod timer;

pub use error::SchedulerError;
pub use scheduler::Scheduler;

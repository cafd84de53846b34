//! CloudWatch Logs (API 2014-03-28): log groups, their streams, the events in them, filters over
//! them and subscriptions to them. Queries (Insights), exports, destinations, transformers and the
//! rest are refused by name.
//!
//! # How events are kept
//!
//! **A log group is one log, a stream a lane in it, a put a record** (`batch.rs`). A group has a log
//! of its own because retention is a setting of groups: expired events go by whole segments, and a
//! deleted group is a removed directory. One flush covers all puts to a group that wait. Logs are
//! open only while they are used, no more than `OPEN_LOGS_MAX` at once (`store.rs`): a
//! thousand idle groups take neither descriptors nor time.
//!
//! The log orders puts by when they came; readers ask for events by when they happened. Of every
//! stream a sparse index of bounded size says which times lie where (`time_index.rs`), and events are
//! merged from there (`read/merge.rs`), so memory does not grow with what is stored.
//!
//! Of streams control state has a row each (`stored.rs`), which is stored at checkpoints: after some
//! megabytes, and when the log is closed. After a crash, what lies in the log behind the checkpoint
//! is read again (`group_log.rs`). A put is answered once a flush covers it, and needs no commit.
//!
//! Start reading at `put.rs`.

#![cfg_attr(not(test), deny(clippy::disallowed_methods))]

mod batch;
mod error;
mod event_key;
mod group;
mod group_log;
mod groups;
mod limits;
mod new_group;
mod operations;
mod pattern;
mod put;
mod read;
mod retention;
mod section;
mod service;
mod shapes;
mod shared;
mod sink;
mod store;
mod stored;
mod subscriptions;
mod time_index;

pub use error::LogsError;
pub use service::Logs;

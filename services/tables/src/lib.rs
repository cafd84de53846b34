//! The DynamoDB part: real tables on disk, so that the pipeline runs with nothing else
//! installed. The engine is `dynoxide` over SQLite; this crate gives it the wire, a bound on
//! concurrent work, expiry of items and a place in the data directory.
//!
//! A table belongs to the account and region of the call that made it; each of those has a database
//! of its own (`databases.rs`).
//!
//! It is not a model of DynamoDB's partitions or capacity: reads are always consistent and
//! throughput is that of the disk.
//!
//! **Invariant**: a write is acknowledged, or shown to a reader, once it is in SQLite's write-ahead
//! log and that log is flushed; one flush covers all commits made before it (`flush.rs`).
//!
//! Start reading at `engine.rs`: a call's way to SQLite and back.

#![cfg_attr(not(test), deny(clippy::disallowed_methods))]

mod answer;
mod bounds;
mod change_streams;
mod changes;
mod check;
mod databases;
mod engine;
mod error;
mod expiry;
mod flush;
mod identity;
mod model;
mod names;
mod operations;
mod owner;
mod request;
mod section;
mod service;
mod streams_service;
mod wording;
mod workers;

pub use error::TablesError;
pub use section::TableStat;
pub use service::Tables;
pub use streams_service::TableStreams;

//! Kinesis Data Streams (API 2013-12-02) on the durable log.
//!
//! A stream is one log, a shard a lane in it: one flush makes the records of all shards durable,
//! and splitting moves no data. [`Streams`] serves the operations of the API as a
//! [`Service`](anabranch_protocol::Service), one file each in `operations/`, and lets
//! other services read shards from inside the program (`source.rs`).
//!
//! It is not the log: what is on the disk, and when it is durable, is `anabranch-storage`'s.
//! Start reading at `operations/put_records.rs`, a request's way to the log.

#![cfg_attr(not(test), deny(clippy::disallowed_methods))]

mod account;
mod addressing;
mod append;
mod call_rates;
mod config;
mod error;
mod faults;
mod figures;
mod hash_key;
mod iterator;
mod leftovers;
mod limits;
mod meters;
mod on_demand;
mod open_logs;
mod operations;
mod policy;
mod quota;
mod reading;
mod record;
mod registry;
mod resharding;
mod retention;
mod routing;
mod section;
mod sequence_number;
mod service;
mod shapes;
mod shard;
mod source;
mod state;
mod stream;
mod stream_log;
mod subscription;
mod tags;

pub use config::StreamsConfig;
pub use error::OpenError;
pub use figures::StreamStat;
pub use hash_key::HashKey;
pub use meters::Measured;
pub use quota::Limits;
pub use sequence_number::SequenceNumber;
pub use service::Streams;

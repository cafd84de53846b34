//! What the command line says.

use std::net::SocketAddr;

use clap::{Parser, ValueEnum};

/// Load on a Kinesis endpoint
#[derive(Debug, Clone, Parser)]
pub(crate) struct Options {
    /// What to do
    #[arg(long, value_enum, default_value_t = Work::Put)]
    pub(crate) work: Work,
    /// Where the endpoint listens
    #[arg(long, default_value = "127.0.0.1:4566")]
    pub(crate) endpoint: SocketAddr,
    /// Connections, each with one call at a time
    #[arg(long, default_value_t = 8)]
    pub(crate) connections: usize,
    /// Records a call; 1 calls PutRecord, more call PutRecords
    #[arg(long, default_value_t = 100)]
    pub(crate) batch: usize,
    /// Bytes of a record's data
    #[arg(long, default_value_t = 512)]
    pub(crate) bytes: usize,
    /// Shards of the stream
    #[arg(long, default_value_t = 4)]
    pub(crate) shards: u32,
    /// Seconds that are measured
    #[arg(long, default_value_t = 5.0)]
    pub(crate) seconds: f64,
    /// Seconds before that
    #[arg(long, default_value_t = 1.0)]
    pub(crate) warm_up: f64,
    /// Stream to put to, table to update or queue to send to; made if absent
    #[arg(long, default_value = "load")]
    pub(crate) stream: String,
    /// Stop after so many records instead of by time
    #[arg(long)]
    pub(crate) records: Option<u64>,
    /// Streams, for `subscribers` and `put-spread`
    #[arg(long, default_value_t = 50)]
    pub(crate) streams: usize,
    /// Consumers of each stream, for `subscribers`
    #[arg(long, default_value_t = 20)]
    pub(crate) consumers: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Work {
    /// Put records
    Put,
    /// Put records, the connections spread evenly over the streams
    PutSpread,
    /// Put records alone and beside three clients that create and delete streams, in turn
    PutBeside,
    /// Drain the stream by GetRecords, again and again
    Get,
    /// Put single records and take the time until a subscriber has each
    Delivery,
    /// Update items of a table, each of which counts a click
    Update,
    /// Send messages to a queue, at most ten a call
    Queue,
    /// Have many subscribers each get every record
    Subscribers,
}

//! What a source is.

use anabranch_pattern::{Body, SourceFilter};
use anabranch_ports::{PortError, ShardCursor, ShardInfo, Start};
use anabranch_protocol::Arn;
use async_trait::async_trait;
use std::sync::Arc;
use std::time::Duration;

/// A kind of event source.
#[async_trait]
pub trait EventSource: Send + Sync + 'static {
    /// The settings that its mappings may have, and its words.
    fn rules(&self) -> &'static Rules;

    /// Whether mappings may be made of what `arn` names, which is of the service in
    /// [`Rules::service`].
    ///
    /// # Errors
    /// Why not, to follow the ARN and a colon.
    fn check(&self, arn: &Arn) -> Result<(), String>;

    /// Whether what `arn` names can be read in batches of this size, collected for so long; both are
    /// within the bounds of all sources.
    ///
    /// # Errors
    /// Why not.
    fn check_batch(&self, _arn: &Arn, _batch_size: u32, _window_seconds: u32) -> Result<(), String> {
        Ok(())
    }

    /// Opens what `arn` names, to be read through what is returned.
    ///
    /// # Errors
    /// `NotFound` when there is no such thing.
    async fn open(&self, arn: &Arn) -> Result<Reader, PortError>;
}

/// What is allowed to mappings of a source.
#[derive(Debug)]
pub struct Rules {
    /// The service in the ARNs, such as `kinesis`.
    pub service: &'static str,
    /// What it is for messages, such as `Kinesis stream`.
    pub title: &'static str,
    /// What it is in messages about settings that it doesn't have, such as `SQS`.
    pub short_title: &'static str,
    /// What is said of an ARN that names nothing, such as `Stream not found`.
    pub not_found: &'static str,
    /// `BatchSize` where none is given.
    pub batch_size_default: u32,
    /// The largest `BatchSize`.
    pub batch_size_max: u32,
    /// The member under which filters see a record's data.
    pub filter_body: &'static str,
    /// What that data may be.
    pub filter_body_form: Body,
    /// How its records come and go.
    pub delivery: Delivery,
}

/// How the records of a source come and go.
#[derive(Debug)]
pub enum Delivery {
    /// In order by shard, again until they are done or given up.
    Stream {
        /// Where mappings may start.
        starting_positions: &'static [StartingPosition],
        /// The member of a failure record that says which records it is about, such as
        /// `KinesisBatchInfo`.
        batch_info: &'static str,
    },
    /// In any order, or in that of message groups; what fails stays with the queue, whose affair its
    /// retries are.
    Queue,
}

/// Where a mapping of a stream starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StartingPosition {
    /// At records that come from now on.
    Latest,
    /// At a given time.
    AtTimestamp,
    /// At the oldest record.
    TrimHorizon,
}

impl StartingPosition {
    /// Its name in requests.
    pub fn name(self) -> &'static str {
        match self {
            Self::Latest => "LATEST",
            Self::AtTimestamp => "AT_TIMESTAMP",
            Self::TrimHorizon => "TRIM_HORIZON",
        }
    }
}

/// What reads a source.
#[derive(Clone)]
pub enum Reader {
    /// For [`Delivery::Stream`].
    Stream(Arc<dyn StreamReader>),
    /// For [`Delivery::Queue`].
    Queue(Arc<dyn QueueReader>),
}

/// A record, before it is known whether a filter lets it through.
pub trait SourceRecord: Send + Sync {
    /// By what a function names it in `batchItemFailures`: a sequence number (decimal, growing
    /// within a shard) or a message id.
    fn identifier(&self) -> &str;

    /// When it came, in ms since the Unix epoch.
    fn arrival_ms(&self) -> u64;

    /// Among records of one key order is kept: a partition key, an item's keys, a message group.
    /// `None` where there is no order.
    fn ordering_key(&self) -> Option<&str>;

    /// Whether `filter` lets it through.
    fn passes(&self, filter: &SourceFilter) -> bool;

    /// Appends its entry in the `Records` of an event, a JSON object, to `buffer`.
    fn write_event(&self, buffer: &mut Vec<u8>);
}

/// Reads a stream that was opened.
#[async_trait]
pub trait StreamReader: Send + Sync + 'static {
    /// All shards that still hold data or are open, parents before children.
    ///
    /// # Errors
    /// When the stream can't be read.
    async fn list_shards(&self) -> Result<Vec<ShardInfo>, PortError>;

    /// The place that `start` means now.
    ///
    /// # Errors
    /// When stream or shard can't be read.
    async fn resolve_start(&self, shard_id: &str, start: Start) -> Result<ShardCursor, PortError>;

    /// Records at and after `cursor`, at least one if there is one. `bytes_max` is about their data.
    ///
    /// # Errors
    /// When stream or shard can't be read.
    async fn read(
        &self,
        shard_id: &str,
        cursor: &ShardCursor,
        records_max: usize,
        bytes_max: usize,
    ) -> Result<StreamRead, PortError>;

    /// Completes when a read at `cursor`, which was at the tip, may find something new.
    ///
    /// # Errors
    /// When there is nothing to wait for.
    async fn wait(&self, shard_id: &str, cursor: &ShardCursor) -> Result<(), PortError>;
}

/// What one read of a shard found.
pub struct StreamRead {
    /// Records in order; may be empty.
    pub records: Vec<Box<dyn SourceRecord>>,
    /// Where the next read goes on.
    pub next: ShardCursor,
    /// Nothing more can be read now.
    pub at_tip: bool,
    /// The shard is closed and `next` lies at its end.
    pub closed_and_drained: bool,
}

/// Takes messages of a queue that was opened.
#[async_trait]
pub trait QueueReader: Send + Sync + 'static {
    /// Waits for messages and takes up to `messages_max` of them. Until they are deleted or released
    /// nobody else gets them, or for as long as the queue says. May return none. Whoever drops the
    /// future before it completes has taken none.
    ///
    /// # Errors
    /// When the queue can't be read.
    async fn receive(&self, messages_max: usize) -> Result<Vec<Message>, PortError>;

    /// Deletes messages that are done.
    ///
    /// # Errors
    /// When they may not be gone: they come again.
    async fn delete(&self, receipts: &[String]) -> Result<(), PortError>;

    /// Gives back messages that were not tried, at once. Those that were tried and failed are left:
    /// they come again once the queue's visibility timeout is over.
    ///
    /// # Errors
    /// When they can't be given back; they come again after the visibility timeout, too.
    async fn release(&self, receipts: &[String]) -> Result<(), PortError>;

    /// How long a message that was received stays invisible.
    fn visibility_timeout(&self) -> Duration;

    /// Whether order holds within message groups.
    fn is_fifo(&self) -> bool;
}

/// A message that was received.
pub struct Message {
    /// What it says.
    pub record: Box<dyn SourceRecord>,
    /// By what it is deleted or released.
    pub receipt: String,
}

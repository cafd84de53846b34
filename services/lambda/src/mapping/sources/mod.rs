//! Event sources: what mappings read.
//!
//! A source says which ARNs it takes, which settings it allows and what its records look like, and
//! opens a [`Reader`]. Batching, filtering, invoking, retrying, bisecting and giving up are the same
//! for all sources of a kind and know none of them: a [stream](StreamReader) has shards, an order
//! and places to go on from; a [queue](QueueReader) has messages that are deleted once they are
//! done. A new source is a file here and a line in the list that the server opens Lambda with.

mod dynamodb;
mod kinesis;
mod port_stream;
mod source;
mod sqs;
mod write;

use anabranch_protocol::Arn;
use std::sync::Arc;

pub use dynamodb::DynamoDb;
pub use kinesis::Kinesis;
pub use source::{
    Delivery, EventSource, Message, QueueReader, Reader, Rules, SourceRecord, StartingPosition, StreamRead,
    StreamReader,
};
pub use sqs::Sqs;

/// The sources that there are.
#[derive(Clone)]
pub(crate) struct Sources(Arc<[Arc<dyn EventSource>]>);

impl Sources {
    pub(crate) fn new(sources: Vec<Arc<dyn EventSource>>) -> Self {
        Self(sources.into())
    }

    /// The source that `arn` is of.
    pub(crate) fn of(&self, arn: &Arn) -> Option<&Arc<dyn EventSource>> {
        self.0.iter().find(|source| source.rules().service == &*arn.service)
    }

    /// What there is, for messages: `Kinesis streams`.
    pub(crate) fn titles(&self) -> String {
        let titles: Vec<String> = self.0.iter().map(|source| format!("{}s", source.rules().title)).collect();
        titles.join(", ")
    }
}

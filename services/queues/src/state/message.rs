//! What is kept in memory of a message.

use std::sync::Arc;

/// A message's sequence number in its queue.
pub(crate) type Seq = u64;

/// Where a message is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// It can be received.
    Ready,
    /// It was sent with a delay that is not over.
    Delayed,
    /// It was received, and nobody else gets it until it is due.
    InFlight,
    /// It is being moved to another queue.
    Leaving,
}

/// A message without its contents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Message {
    /// Where in the log its contents are.
    pub(crate) position: u64,
    /// Bytes of that record.
    pub(crate) record_bytes: u32,
    /// When it was sent, in milliseconds since the epoch.
    pub(crate) sent_ms: u64,
    /// When it becomes visible, in milliseconds since the epoch, if it is delayed or in flight.
    pub(crate) due_ms: u64,
    /// When it was first received; 0 if it never was.
    pub(crate) first_received_ms: u64,
    /// How often it was received, also in the queue that it came from as a dead letter.
    pub(crate) receives: u32,
    /// How many of those were in that queue.
    pub(crate) receives_before: u32,
    /// The number of its newest receipt handle.
    pub(crate) receipt: u32,
    /// Where it is in its life.
    pub(crate) place: Place,
    /// Its message group in a FIFO queue; empty in others.
    pub(crate) group: Arc<str>,
}

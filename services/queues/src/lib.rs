//! Amazon SQS (API 2012-11-05): standard and FIFO queues, in AWS JSON and AWS Query.
//!
//! Start reading at `state.rs`, what can become of a message, then `sending.rs` and `receiving.rs`.
//!
//! # Where messages are
//!
//! **All queues share one log, and one lane of it** (`journal.rs`, `record.rs`). A send, a receive, a
//! deletion and a change of visibility are a record each; a batch is one append, and one flush covers
//! the calls of all queues that came meanwhile. An idle queue is a row in control state and some
//! hundred bytes of memory: it has no file, no task and no timer. A log for each queue would flush
//! each by itself and need two descriptors for each; a lane for each would spread a batch's frames
//! and make replaying take as many passes as there are queues.
//!
//! **Memory holds an index, not messages** (`state.rs`): for each message some 200 bytes, with the
//! position of its record. Bodies are read from the log when they are received.
//!
//! **The order of the log is the order of what happened** in each queue: its lock is held from the
//! look at a message to the append. So replaying the log (`opening.rs`) does again what was done, and
//! what was deleted stays deleted.
//!
//! **A message that is not durable is shown to nobody**: it can be received once the log's watermark
//! is past its position. Sends, deletions, purges and changes of visibility are answered once a flush
//! covers them. Receives are not waited for, and are flushed within 50 ms: a crash may forget one, and
//! then the message is visible earlier than it would have been.
//!
//! **The disk is given back from the front** (`upkeep.rs`), a segment at a time, as soon as nothing in
//! it is needed. What stays there for long is copied to the end of the log, but not before there is as
//! much garbage as there are messages.
//!
//! **Messages move between queues whole** (`moving.rs`): the copy in one and the deletion in the other
//! are appended together.
//!
//! # What is not enforced
//!
//! Policies, including what AddPermission writes, and encryption by KMS keys are kept and shown only;
//! there are no credentials to check and no keys. `MessageGroupId` in a standard queue is kept and
//! shown, and makes no difference to the order: what comes is received first come, first served.
//! FIFO queues have no limit of throughput.

#![cfg_attr(not(test), deny(clippy::disallowed_methods))]

mod attempts;
mod blocking;
mod compose;
mod dedup;
mod deleting;
mod error;
mod journal;
mod limits;
mod message_attributes;
mod move_table;
mod move_tasks;
mod moving;
mod name;
mod opening;
mod operations;
mod port;
mod queue;
mod receipt;
mod receiving;
mod record;
mod redrive;
mod registry;
mod section;
mod sending;
mod service;
mod settings;
mod shown;
mod state;
mod stored;
mod upkeep;

pub use error::QueuesError;
pub use service::Queues;

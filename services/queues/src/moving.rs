//! Messages on their way from one queue to another: dead letters, and back.

use std::sync::Arc;

use anabranch_protocol::ApiError;
use parking_lot::MutexGuard;
use uuid::Uuid;

use crate::error::{log_failure, no_such_queue};
use crate::journal::Appending;
use crate::queue::{Messages, Queue};
use crate::record::{self, Scope};
use crate::registry::Registry;
use crate::state::{Message, Place, Seq};

/// Why messages are moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Move {
    /// They were received too often. What they are stays, in standard queues also when they were
    /// sent ("Using dead-letter queues in Amazon SQS").
    Dead,
    /// A move task takes them away, and they are new messages there ("StartMessageMoveTask").
    Task,
}

/// Makes messages visible again that could not leave.
pub(crate) fn stay(queue: &Queue, seqs: &[Seq]) {
    let mut contents = queue.raw();
    seqs.iter().for_each(|seq| contents.state.stay(*seq));
    drop(contents);
    queue.arrivals.notify_one();
}

/// Messages that were moved, and are shown once that is durable.
#[derive(Default)]
pub(crate) struct Moved {
    pub(crate) count: usize,
    appending: Option<Appending>,
}

impl Moved {
    /// Waits until it is durable.
    pub(crate) async fn done(self) -> Result<usize, ApiError> {
        if let Some(appending) = self.appending {
            appending.done().await.map_err(|failure| log_failure(&failure))?;
        }
        Ok(self.count)
    }
}

/// As [`move_messages`]; what can't be moved stays.
pub(crate) fn move_or_stay(registry: &Registry, from: &Arc<Queue>, to: &Arc<Queue>, seqs: &[Seq], why: Move) -> Moved {
    move_messages(registry, from, to, seqs, why).unwrap_or_else(|error| {
        tracing::warn!(from = from.arn, to = to.arn, %error, "messages can't be moved");
        stay(from, seqs);
        Moved::default()
    })
}

/// Moves messages of `from` that are [`Place::Leaving`] to `to`. Neither queue shows them before they
/// are durable, and a crash leaves them in one of the two. Says how many there were. Blocks.
pub(crate) fn move_messages(
    registry: &Registry,
    from: &Arc<Queue>,
    to: &Arc<Queue>,
    seqs: &[Seq],
    why: Move,
) -> Result<Moved, ApiError> {
    let (journal, now_ms) = (&registry.journal, registry.clock.now_ms());
    if from.id == to.id {
        stay(from, seqs);
        return Ok(Moved::default());
    }
    let mut found = Vec::with_capacity(seqs.len());
    for seq in seqs {
        match from.read(journal, *seq)? {
            Some(contents) => found.push((*seq, contents)),
            None => stay(from, &[*seq]),
        }
    }
    let (mut source, mut target) = both(from, to, || to.now(journal, now_ms))?;
    let mut moved: Vec<(Seq, Seq, Message, Vec<u8>)> = Vec::with_capacity(found.len());
    for (seq, mut contents) in found {
        let Some(before) = source.state.get(seq).filter(|message| message.place == Place::Leaving) else { continue };
        let is_dead = why == Move::Dead;
        let keeps_time = is_dead && !to.name.is_fifo();
        if is_dead {
            contents.source_arn = Some(from.arn.clone());
        } else {
            contents.id = Uuid::new_v4();
            contents.source_arn = None;
        }
        let mut message = Message {
            sent_ms: if keeps_time { before.sent_ms } else { now_ms },
            due_ms: 0,
            first_received_ms: if is_dead { before.first_received_ms } else { 0 },
            receives: if is_dead { before.receives } else { 0 },
            receives_before: if is_dead { before.receives } else { 0 },
            receipt: 0,
            place: Place::Ready,
            ..before.clone()
        };
        let mut record = record::message(to.id, &message, Scope::None, &contents);
        let new_seq = target.state.next_seq(now_ms);
        record::set_seq(&mut record, new_seq);
        message.record_bytes = u32::try_from(record.len()).unwrap_or(u32::MAX);
        moved.push((seq, new_seq, message, record));
    }
    if moved.is_empty() {
        return Ok(Moved::default());
    }
    let gone: Vec<Seq> = moved.iter().map(|(seq, ..)| *seq).collect();
    let deleted = record::deleted(from.id, &gone);
    // Should a crash part them, the message is in both queues rather than in none.
    let records: Vec<&[u8]> = moved.iter().map(|(.., record)| record.as_slice()).chain([deleted.as_slice()]).collect();
    let (first, appending) = journal.append(now_ms, &records).map_err(|failure| log_failure(&failure))?;
    let count = moved.len();
    for (position, (seq, new_seq, message, _)) in (first..).zip(moved) {
        target.state.insert(new_seq, Message { position, ..message });
        source.state.remove(seq);
    }
    drop((source, target));
    registry.expect_expiry_of(to);
    from.arrivals.notify_one();
    to.arrivals.notify_one();
    Ok(Moved { count, appending: Some(appending) })
}

/// Locks two queues, always in the same order.
fn both<'a>(
    from: &'a Queue,
    to: &'a Queue,
    lock_to: impl FnOnce() -> Result<MutexGuard<'a, Messages>, ApiError>,
) -> Result<(MutexGuard<'a, Messages>, MutexGuard<'a, Messages>), ApiError> {
    let (source, target) = if from.id < to.id {
        let source = from.raw();
        (source, lock_to()?)
    } else {
        let target = lock_to()?;
        (from.raw(), target)
    };
    if source.is_gone() { Err(no_such_queue()) } else { Ok((source, target)) }
}

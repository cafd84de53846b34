//! Messages on their way into a queue.

use std::collections::HashMap;

use anabranch_protocol::ApiError;
use uuid::Uuid;

use crate::dedup::{self, Key};
use crate::error::{log_failure, unavailable};
use crate::journal::{Appending, Journal};
use crate::queue::{Figures, Queue};
use crate::record::{self, Contents, Remembered, Scope};
use crate::state::{Message, Place, Seq};

/// A message that is sent; it was checked.
#[derive(Debug, Clone)]
pub(crate) struct Outgoing {
    pub(crate) contents: Contents,
    /// How long it stays invisible, in seconds.
    pub(crate) delay_seconds: u64,
}

/// A message that was sent, now or by whoever had the same deduplication id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sent {
    pub(crate) id: Uuid,
    pub(crate) seq: Seq,
}

/// Messages that were appended, and what has to be durable before that is said.
pub(crate) struct Sending {
    pub(crate) sent: Vec<Sent>,
    appending: Option<Appending>,
    /// The position of a message that was sent before with the same deduplication id.
    before: Option<u64>,
}

impl Sending {
    /// Waits until all of it is durable.
    pub(crate) async fn done(self, journal: &Journal) -> Result<Vec<Sent>, ApiError> {
        if let Some(appending) = self.appending {
            appending.done().await.map_err(|failure| log_failure(&failure))?;
        }
        if let Some(position) = self.before {
            durable(journal, position).await?;
        }
        Ok(self.sent)
    }
}

/// Waits until the record at `position` is durable.
pub(crate) async fn durable(journal: &Journal, position: u64) -> Result<(), ApiError> {
    journal.past(position).await;
    if journal.visible() > position {
        return Ok(());
    }
    Err(unavailable("The log of the queues failed; the server's log says why. Send the request again."))
}

impl Queue {
    /// Appends messages, each of which counts as sent once it is durable. Blocks.
    pub(crate) fn send(&self, journal: &Journal, now_ms: u64, outgoing: Vec<Outgoing>) -> Result<Sending, ApiError> {
        let scope = self.description().settings.deduplication_scope();
        let mut prepared: Vec<Prepared> =
            outgoing.into_iter().map(|message| Prepared::new(self.id, scope, now_ms, message)).collect();
        let mut sent = Vec::with_capacity(prepared.len());
        let mut before = None;
        let mut contents = self.now(journal, now_ms)?;
        let mut of_this_batch: HashMap<Key, Sent> = HashMap::new();
        for message in &mut prepared {
            if let Some(key) = &message.key {
                if let Some((position, found)) = contents.deduplication.find(key, now_ms) {
                    before = before.max(Some(*position));
                    sent.push(Sent { id: found.id, seq: found.seq });
                    continue;
                }
                if let Some(found) = of_this_batch.get(key) {
                    sent.push(*found);
                    continue;
                }
            }
            message.seq = contents.state.next_seq(now_ms);
            record::set_seq(&mut message.record, message.seq);
            let one = Sent { id: message.id, seq: message.seq };
            sent.push(one);
            message.key.map(|key| of_this_batch.insert(key, one));
        }
        prepared.retain(|message| message.seq != 0);
        let records: Vec<&[u8]> = prepared.iter().map(|message| message.record.as_slice()).collect();
        if records.is_empty() {
            return Ok(Sending { sent, appending: None, before });
        }
        let (first, appending) = journal.append(now_ms, &records).map_err(|failure| log_failure(&failure))?;
        let bytes = records.iter().map(|record| record.len()).sum();
        let count = records.len();
        for (position, message) in (first..).zip(prepared) {
            if let Some(key) = message.key {
                let remembered = Remembered { key, seq: message.seq, id: message.id, sent_ms: now_ms };
                contents.deduplication.remember(position, remembered);
            }
            contents.state.insert(message.seq, Message { position, ..message.state });
        }
        drop(contents);
        self.arrivals.notify_one();
        Figures::add(&self.figures.sent, count);
        Figures::add(&self.figures.sent_bytes, bytes);
        Ok(Sending { sent, appending: Some(appending), before })
    }
}

/// A message whose record lacks its sequence number only.
struct Prepared {
    record: Vec<u8>,
    state: Message,
    id: Uuid,
    key: Option<Key>,
    /// 0 until it has one.
    seq: Seq,
}

impl Prepared {
    fn new(queue: Uuid, scope: Scope, now_ms: u64, outgoing: Outgoing) -> Self {
        let Outgoing { contents, delay_seconds } = outgoing;
        let group = if scope == Scope::None { "" } else { contents.group.as_deref().unwrap_or_default() };
        let mut state = Message {
            position: 0,
            record_bytes: 0,
            sent_ms: now_ms,
            due_ms: if delay_seconds > 0 { now_ms + delay_seconds * 1_000 } else { 0 },
            first_received_ms: 0,
            receives: 0,
            receives_before: 0,
            receipt: 0,
            place: if delay_seconds > 0 { Place::Delayed } else { Place::Ready },
            group: group.into(),
        };
        let key = contents.deduplication.as_deref().filter(|_| scope != Scope::None);
        let key = key.map(|id| dedup::key(scope, &state.group, id));
        let record = record::message(queue, &state, scope, &contents);
        state.record_bytes = u32::try_from(record.len()).unwrap_or(u32::MAX);
        Self { record, state, id: contents.id, key, seq: 0 }
    }
}

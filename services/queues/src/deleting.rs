//! What is done to messages by their receipt handles, and to all of them.

use std::sync::atomic::Ordering;

use anabranch_protocol::ApiError;

use crate::error::{MESSAGE_NOT_IN_FLIGHT, PURGE_QUEUE_IN_PROGRESS, bad_receipt_handle, invalid_value, log_failure};
use crate::journal::{Appending, Journal};
use crate::limits::PURGED_RECENTLY_MS;
use crate::queue::{Figures, Messages, Queue};
use crate::receipt::Receipt;
use crate::record;
use crate::sending::durable;
use crate::state::{Place, Seq};

/// A change that was appended, or that was made before.
pub(crate) struct Changing {
    appending: Option<Appending>,
    before: Option<u64>,
}

impl Changing {
    /// Waits until it is durable.
    pub(crate) async fn done(self, journal: &Journal) -> Result<(), ApiError> {
        match (self.appending, self.before) {
            (Some(appending), _) => appending.done().await.map_err(|failure| log_failure(&failure)),
            (None, Some(position)) => durable(journal, position).await,
            (None, None) => Ok(()),
        }
    }
}

/// What became of each of several, in their order, and the change that they are together.
pub(crate) type Outcomes = (Vec<Result<(), ApiError>>, Changing);

impl Queue {
    /// What a receipt handle says, if it is of this queue.
    pub(crate) fn receipt(&self, handle: &str) -> Result<Receipt, ApiError> {
        let receipt = Receipt::of_handle(handle).filter(|receipt| receipt.queue == self.id);
        receipt.ok_or_else(|| bad_receipt_handle(handle))
    }

    /// Deletes messages. One that is gone already counts as deleted. Blocks.
    pub(crate) fn delete(&self, journal: &Journal, now_ms: u64, handles: &[String]) -> Result<Outcomes, ApiError> {
        let mut messages = self.now(journal, now_ms)?;
        let mut gone: Vec<Seq> = Vec::with_capacity(handles.len());
        let mut outcomes = Vec::with_capacity(handles.len());
        for handle in handles {
            outcomes.push(self.receipt(handle).and_then(|receipt| {
                let Some(message) = messages.state.get(receipt.seq) else { return Ok(()) };
                let is_current = message.place == Place::InFlight && message.receipt == receipt.receive;
                // In a standard queue whoever once received a message may delete it.
                if self.name.is_fifo() && !is_current {
                    return Err(invalid_value(handle, "ReceiptHandle", "The receipt handle has expired."));
                }
                if !gone.contains(&receipt.seq) {
                    gone.push(receipt.seq);
                }
                Ok(())
            }));
        }
        let records = if gone.is_empty() { vec![] } else { vec![record::deleted(self.id, &gone)] };
        let changing = change(&mut messages, journal, now_ms, &records)?;
        gone.iter().for_each(|seq| drop(messages.state.remove(*seq)));
        drop(messages);
        Figures::add(&self.figures.deleted, gone.len());
        if self.name.is_fifo() {
            // Their groups go on.
            self.arrivals.notify_one();
        }
        Ok((outcomes, changing))
    }

    /// Sets how many seconds from now messages in flight become visible. Blocks.
    pub(crate) fn change_visibility(
        &self,
        journal: &Journal,
        now_ms: u64,
        changes: &[(String, u64)],
    ) -> Result<Outcomes, ApiError> {
        let mut messages = self.now(journal, now_ms)?;
        let mut due: Vec<(Seq, u64)> = Vec::with_capacity(changes.len());
        let mut outcomes = Vec::with_capacity(changes.len());
        for (handle, seconds) in changes {
            outcomes.push(self.receipt(handle).and_then(|receipt| {
                let reason = "Message does not exist or is not available for visibility timeout change.";
                let message = messages.state.get(receipt.seq);
                let message = message.ok_or_else(|| invalid_value(handle, "ReceiptHandle", reason))?;
                if message.place != Place::InFlight || message.receipt != receipt.receive {
                    let message = "The message is not in flight by this receipt handle.";
                    return Err(ApiError::conflict(MESSAGE_NOT_IN_FLIGHT, message));
                }
                due.push((receipt.seq, now_ms + seconds * 1_000));
                Ok(())
            }));
        }
        let records: Vec<Vec<u8>> = due.iter().map(|(seq, due_ms)| record::due(self.id, *due_ms, &[*seq])).collect();
        let changing = change(&mut messages, journal, now_ms, &records)?;
        due.iter().for_each(|(seq, due_ms)| messages.state.set_due(*seq, *due_ms, now_ms));
        drop(messages);
        self.arrivals.notify_one();
        Ok((outcomes, changing))
    }

    /// Deletes all messages that there are. Blocks.
    pub(crate) fn purge(&self, journal: &Journal, now_ms: u64) -> Result<Changing, ApiError> {
        let mut messages = self.now(journal, now_ms)?;
        let last_ms = self.purged_ms.load(Ordering::Acquire);
        if last_ms != 0 && last_ms + PURGED_RECENTLY_MS > now_ms {
            let name = &self.name.name;
            let message = format!("Only one PurgeQueue operation on {name} is allowed every 60 seconds.");
            return Err(ApiError::conflict(PURGE_QUEUE_IN_PROGRESS, message));
        }
        let last = messages.state.last_seq();
        let changing = change(&mut messages, journal, now_ms, &[record::purged(self.id, last)])?;
        messages.state.purge(last);
        self.purged_ms.store(now_ms, Ordering::Release);
        Ok(changing)
    }
}

/// Appends the records of a change, if there are any.
fn change(messages: &mut Messages, journal: &Journal, now_ms: u64, records: &[Vec<u8>]) -> Result<Changing, ApiError> {
    let before = messages.changed_at;
    if records.is_empty() {
        return Ok(Changing { appending: None, before });
    }
    let records: Vec<&[u8]> = records.iter().map(Vec::as_slice).collect();
    let (first, appending) = journal.append(now_ms, &records).map_err(|failure| log_failure(&failure))?;
    messages.changed_at = Some(first + records.len() as u64 - 1);
    Ok(Changing { appending: Some(appending), before })
}

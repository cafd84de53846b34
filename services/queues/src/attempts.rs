//! Receives of FIFO queues that may be asked for again: who repeats a ReceiveMessage with the same
//! `ReceiveRequestAttemptId` gets the same messages ("ReceiveMessage").

use std::collections::{BTreeSet, HashMap};

use crate::limits::{ATTEMPTS_MAX, DEDUPLICATION_MS};
use crate::state::{Place, Seq, State};

/// The attempts of the last five minutes, of which the oldest go if there are too many.
#[derive(Debug, Default)]
pub(crate) struct Attempts {
    by_id: HashMap<String, (u64, Vec<(Seq, u32)>)>,
    order: BTreeSet<(u64, String)>,
}

impl Attempts {
    /// The messages of an attempt, if all of them are still in flight by it.
    pub(crate) fn find(&mut self, id: &str, now_ms: u64, state: &State) -> Option<Vec<Seq>> {
        self.forget(now_ms);
        let (_, receipts) = self.by_id.get(id)?;
        let is_unchanged = |(seq, receipt): &(Seq, u32)| {
            state.get(*seq).is_some_and(|message| message.place == Place::InFlight && message.receipt == *receipt)
        };
        let unchanged = !receipts.is_empty() && receipts.iter().all(is_unchanged);
        unchanged.then(|| receipts.iter().map(|(seq, _)| *seq).collect())
    }

    /// Remembers what an attempt took.
    pub(crate) fn remember(&mut self, id: &str, now_ms: u64, receipts: Vec<(Seq, u32)>) {
        if let Some((before_ms, _)) = self.by_id.insert(id.to_string(), (now_ms, receipts)) {
            self.order.remove(&(before_ms, id.to_string()));
        }
        self.order.insert((now_ms, id.to_string()));
        while self.order.len() > ATTEMPTS_MAX {
            if let Some((_, oldest)) = self.order.pop_first() {
                self.by_id.remove(&oldest);
            }
        }
    }

    fn forget(&mut self, now_ms: u64) {
        while self.order.first().is_some_and(|(at_ms, _)| at_ms + DEDUPLICATION_MS <= now_ms) {
            if let Some((_, oldest)) = self.order.pop_first() {
                self.by_id.remove(&oldest);
            }
        }
    }
}

//! The order of a standard queue: first visible, first received. So a message that comes back stands
//! behind those that wait, and does not keep them from being received.

use std::collections::{BTreeMap, HashMap};

use super::message::Seq;

/// Messages that can be received.
#[derive(Debug, Default)]
pub(super) struct Ready {
    by_turn: BTreeMap<u64, Seq>,
    turns: HashMap<Seq, u64>,
    last_turn: u64,
}

impl Ready {
    pub(super) fn front(&self) -> Option<Seq> {
        self.by_turn.first_key_value().map(|(_, seq)| *seq)
    }

    pub(super) fn push(&mut self, seq: Seq) {
        self.last_turn += 1;
        let before = self.turns.insert(seq, self.last_turn);
        debug_assert!(before.is_none(), "a message stands in line once");
        self.by_turn.insert(self.last_turn, seq);
    }

    pub(super) fn pop(&mut self) {
        if let Some((_, seq)) = self.by_turn.pop_first() {
            self.turns.remove(&seq);
        }
    }

    pub(super) fn remove(&mut self, seq: Seq) {
        if let Some(turn) = self.turns.remove(&seq) {
            self.by_turn.remove(&turn);
        }
    }
}

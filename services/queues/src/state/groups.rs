//! The order of a FIFO queue: within a group, messages are received in the order in which they were
//! sent, and none while an earlier one is in flight. Groups take turns.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::message::{Place, Seq};

/// The groups of a queue that have messages.
#[derive(Debug, Default)]
pub(super) struct Groups {
    groups: HashMap<Arc<str>, Group>,
    /// Groups from which messages can be received, by whose turn it is.
    turns: BTreeMap<u64, Arc<str>>,
    last_turn: u64,
    /// The group that messages are being taken from: one receive may take several in a row.
    taking: Option<Arc<str>>,
}

#[derive(Debug, Default)]
struct Group {
    /// Messages that wait, and whether they are delayed.
    waiting: BTreeMap<Seq, bool>,
    /// How many are in flight, or leaving.
    in_flight: usize,
    /// Its turn, if messages can be received from it.
    turn: Option<u64>,
}

impl Group {
    /// The message that is next, if it is not delayed.
    fn next(&self) -> Option<Seq> {
        self.waiting.first_key_value().filter(|(_, is_delayed)| !**is_delayed).map(|(seq, _)| *seq)
    }
}

impl Groups {
    /// The message that is next.
    pub(super) fn front(&self) -> Option<Seq> {
        let taking = self.taking.as_ref().and_then(|group| self.groups.get(group)?.next());
        taking.or_else(|| self.groups.get(self.turns.first_key_value()?.1)?.next())
    }

    /// Takes the message at the front, which is of `group`.
    pub(super) fn take(&mut self, group: &Arc<str>, seq: Seq) {
        let Some(found) = self.groups.get_mut(group) else { return };
        if let Some(turn) = found.turn.take() {
            self.turns.remove(&turn);
        }
        found.waiting.remove(&seq);
        found.in_flight += 1;
        self.taking = Some(group.clone());
    }

    /// Ends a receive.
    pub(super) fn settle(&mut self) {
        self.taking = None;
    }

    /// Adds a message.
    pub(super) fn insert(&mut self, group: &Arc<str>, seq: Seq, place: Place) {
        let found = self.groups.entry(group.clone()).or_default();
        match place {
            Place::Ready | Place::Delayed => drop(found.waiting.insert(seq, place == Place::Delayed)),
            Place::InFlight | Place::Leaving => found.in_flight += 1,
        }
        self.line_up(group);
    }

    /// Makes a message visible that was in another place.
    pub(super) fn appear(&mut self, group: &Arc<str>, seq: Seq, was: Place) {
        let Some(found) = self.groups.get_mut(group) else { return };
        if matches!(was, Place::InFlight | Place::Leaving) {
            found.in_flight -= 1;
        }
        found.waiting.insert(seq, false);
        self.line_up(group);
    }

    /// Takes out a message that is in `place`.
    pub(super) fn detach(&mut self, group: &Arc<str>, seq: Seq, place: Place) {
        let Some(found) = self.groups.get_mut(group) else { return };
        match place {
            Place::Ready | Place::Delayed => drop(found.waiting.remove(&seq)),
            Place::InFlight | Place::Leaving => found.in_flight -= 1,
        }
        self.line_up(group);
    }

    /// Gives a group a turn if messages can be received from it, or takes it away.
    fn line_up(&mut self, group: &Arc<str>) {
        let Some(found) = self.groups.get_mut(group) else { return };
        let can = found.in_flight == 0 && found.next().is_some();
        match found.turn {
            None if can => {
                self.last_turn += 1;
                found.turn = Some(self.last_turn);
                self.turns.insert(self.last_turn, group.clone());
            }
            Some(turn) if !can => {
                found.turn = None;
                self.turns.remove(&turn);
            }
            _ => {}
        }
        if found.in_flight == 0 && found.waiting.is_empty() {
            self.groups.remove(group);
        }
    }
}

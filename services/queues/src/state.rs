//! A queue's messages and what became of each: the state machine, without disk or clock.
//!
//! Whoever calls says what time it is and up to where the log is durable. Messages are known by
//! their sequence number; their contents stay in the log, of which the position is kept.

mod groups;
mod message;
mod ready;

use std::collections::{BTreeSet, HashMap};

use groups::Groups;
pub(crate) use message::{Message, Place, Seq};
use ready::Ready;

/// The messages of one queue.
#[derive(Debug)]
pub(crate) struct State {
    messages: HashMap<Seq, Message>,
    order: Order,
    /// When messages become visible that are delayed or in flight.
    timers: BTreeSet<(u64, Seq)>,
    /// By the time they were sent, for retention.
    ages: BTreeSet<(u64, Seq)>,
    delayed: usize,
    in_flight: usize,
    last_seq: Seq,
    live_bytes: u64,
}

/// Who is next.
#[derive(Debug)]
enum Order {
    /// Whoever became visible first.
    Standard(Ready),
    /// By groups.
    Fifo(Groups),
}

/// What a receive found.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Taken {
    /// Messages that are in flight from now on.
    pub(crate) messages: Vec<Seq>,
    /// Messages that were received too often; they are [`Place::Leaving`].
    pub(crate) dead: Vec<Seq>,
    /// A message that could be taken once the log is durable past this position.
    pub(crate) unflushed: Option<u64>,
}

/// What a receive takes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Want {
    /// At most so many messages.
    pub(crate) messages_max: usize,
    /// The moment, in milliseconds since the epoch.
    pub(crate) now_ms: u64,
    /// Until when they are in flight.
    pub(crate) until_ms: u64,
    /// Messages of the log below are durable.
    pub(crate) visible: u64,
    /// Receives after which a message is dead.
    pub(crate) receives_max: Option<u32>,
}

impl State {
    pub(crate) fn new(is_fifo: bool) -> Self {
        Self {
            messages: HashMap::new(),
            order: if is_fifo { Order::Fifo(Groups::default()) } else { Order::Standard(Ready::default()) },
            timers: BTreeSet::new(),
            ages: BTreeSet::new(),
            delayed: 0,
            in_flight: 0,
            last_seq: 0,
            live_bytes: 0,
        }
    }

    /// Messages that can be received.
    pub(crate) fn visible_count(&self) -> usize {
        self.messages.len() - self.delayed - self.in_flight
    }

    /// Messages whose delay is not over.
    pub(crate) fn delayed_count(&self) -> usize {
        self.delayed
    }

    /// Messages that are received and not deleted.
    pub(crate) fn in_flight_count(&self) -> usize {
        self.in_flight
    }

    /// Bytes of the log that hold messages.
    pub(crate) fn live_bytes(&self) -> u64 {
        self.live_bytes
    }

    /// When the oldest message was sent.
    pub(crate) fn oldest_ms(&self) -> Option<u64> {
        self.ages.first().map(|(sent_ms, _)| *sent_ms)
    }

    /// The earliest position that holds a message.
    pub(crate) fn first_position(&self) -> Option<u64> {
        self.messages.values().map(|message| message.position).min()
    }

    /// Messages at positions below `position`, in the order of the log.
    pub(crate) fn below(&self, position: u64) -> Vec<(u64, Seq)> {
        let mut found: Vec<(u64, Seq)> = self
            .messages
            .iter()
            .filter(|(_, message)| message.position < position)
            .map(|(seq, message)| (message.position, *seq))
            .collect();
        found.sort_unstable();
        found
    }

    pub(crate) fn get(&self, seq: Seq) -> Option<&Message> {
        self.messages.get(&seq)
    }

    /// The sequence number of the next message: greater than all before, also those of before a
    /// restart that left no trace in the log, since it grows with the time.
    pub(crate) fn next_seq(&mut self, now_ms: u64) -> Seq {
        /// So many messages have a number in one millisecond without running ahead of the time.
        const PER_MS_BITS: u32 = 20;
        self.last_seq = (self.last_seq + 1).max(now_ms << PER_MS_BITS);
        self.last_seq
    }

    /// Adds a message. One with a later due time is delayed, or in flight, until then.
    pub(crate) fn insert(&mut self, seq: Seq, message: Message) {
        debug_assert!(!self.messages.contains_key(&seq), "sequence numbers are given once");
        self.last_seq = self.last_seq.max(seq);
        self.ages.insert((message.sent_ms, seq));
        self.live_bytes += u64::from(message.record_bytes);
        match message.place {
            Place::Delayed => {
                self.delayed += 1;
                self.timers.insert((message.due_ms, seq));
            }
            Place::InFlight => {
                self.in_flight += 1;
                self.timers.insert((message.due_ms, seq));
            }
            Place::Leaving => self.in_flight += 1,
            Place::Ready => {}
        }
        let (place, group) = (message.place, message.group.clone());
        self.messages.insert(seq, message);
        match &mut self.order {
            Order::Standard(ready) if place == Place::Ready => ready.push(seq),
            Order::Standard(_) => {}
            Order::Fifo(groups) => groups.insert(&group, seq, place),
        }
    }

    /// Makes visible what is due.
    pub(crate) fn advance(&mut self, now_ms: u64) {
        while let Some((due_ms, seq)) = self.timers.first().copied().filter(|(due_ms, _)| *due_ms <= now_ms) {
            self.timers.remove(&(due_ms, seq));
            self.appear(seq);
        }
    }

    /// Makes a message visible that has no timer any more.
    fn appear(&mut self, seq: Seq) {
        let Some(message) = self.messages.get_mut(&seq) else { return };
        let was = std::mem::replace(&mut message.place, Place::Ready);
        let group = message.group.clone();
        match was {
            Place::Delayed => self.delayed -= 1,
            Place::InFlight | Place::Leaving => self.in_flight -= 1,
            Place::Ready => return,
        }
        match &mut self.order {
            Order::Standard(ready) => ready.push(seq),
            Order::Fifo(groups) => groups.appear(&group, seq, was),
        }
    }

    /// When the next message becomes visible by itself.
    pub(crate) fn next_due_ms(&self) -> Option<u64> {
        self.timers.first().map(|(due_ms, _)| *due_ms)
    }

    /// Removes what was sent at or before `sent_ms`, and says what that was.
    pub(crate) fn expire(&mut self, sent_ms: u64) -> Vec<Seq> {
        let mut expired = Vec::new();
        while let Some((_, seq)) = self.ages.first().copied().filter(|(sent, _)| *sent <= sent_ms) {
            self.remove(seq);
            expired.push(seq);
        }
        expired
    }

    /// Takes messages that can be received. Call [`State::advance`] first.
    pub(crate) fn take(&mut self, want: &Want) -> Taken {
        let mut taken = Taken::default();
        while taken.messages.len() + taken.dead.len() < want.messages_max {
            let next = match &self.order {
                Order::Standard(ready) => ready.front(),
                Order::Fifo(groups) => groups.front(),
            };
            let Some(seq) = next else { break };
            let Some(message) = self.messages.get_mut(&seq) else {
                debug_assert!(false, "what is ready is there");
                break;
            };
            debug_assert_eq!(message.place, Place::Ready);
            if message.position >= want.visible {
                taken.unflushed = Some(message.position);
                break;
            }
            match &mut self.order {
                Order::Standard(ready) => ready.pop(),
                Order::Fifo(groups) => groups.take(&message.group, seq),
            }
            self.in_flight += 1;
            if want.receives_max.is_some_and(|most| message.receives - message.receives_before >= most) {
                message.place = Place::Leaving;
                taken.dead.push(seq);
                continue;
            }
            message.place = Place::InFlight;
            message.due_ms = want.until_ms;
            message.receives += 1;
            message.receipt += 1;
            if message.first_received_ms == 0 {
                message.first_received_ms = want.now_ms;
            }
            self.timers.insert((want.until_ms, seq));
            taken.messages.push(seq);
        }
        if let Order::Fifo(groups) = &mut self.order {
            groups.settle();
        }
        taken
    }

    /// As [`State::take`] of one message, as the log says that it happened.
    pub(crate) fn replay_receive(&mut self, seq: Seq, now_ms: u64, until_ms: u64) {
        self.detach(seq);
        let Some(message) = self.messages.get_mut(&seq) else { return };
        message.place = Place::InFlight;
        message.due_ms = until_ms;
        message.receives += 1;
        message.receipt += 1;
        if message.first_received_ms == 0 {
            message.first_received_ms = now_ms;
        }
        self.attach(seq);
    }

    /// Takes back a receive that nobody will know of.
    pub(crate) fn untake(&mut self, seq: Seq) {
        let Some(message) = self.messages.get_mut(&seq).filter(|message| message.place == Place::InFlight) else {
            return;
        };
        message.receives -= 1;
        if message.receives == message.receives_before {
            message.first_received_ms = 0;
        }
        self.timers.remove(&(message.due_ms, seq));
        self.appear(seq);
    }

    /// Sets when a message becomes visible again, if it is in flight.
    pub(crate) fn set_due(&mut self, seq: Seq, due_ms: u64, now_ms: u64) {
        let Some(message) = self.messages.get_mut(&seq).filter(|message| message.place == Place::InFlight) else {
            return;
        };
        self.timers.remove(&(message.due_ms, seq));
        message.due_ms = due_ms;
        self.timers.insert((due_ms, seq));
        self.advance(now_ms);
    }

    /// Changes the delay of messages that are delayed, of which each was sent with `before_ms`.
    pub(crate) fn change_delay(&mut self, before_ms: u64, after_ms: u64) {
        let delayed: Vec<(u64, Seq)> = self.timers.iter().copied().collect();
        for (due_ms, seq) in delayed {
            let Some(message) = self.messages.get_mut(&seq).filter(|message| message.place == Place::Delayed) else {
                continue;
            };
            message.due_ms = (due_ms + after_ms).saturating_sub(before_ms);
            self.timers.remove(&(due_ms, seq));
            self.timers.insert((message.due_ms, seq));
        }
    }

    /// Makes a message that was [`Place::Leaving`] visible again, since it could not leave.
    pub(crate) fn stay(&mut self, seq: Seq) {
        if self.messages.get(&seq).is_some_and(|message| message.place == Place::Leaving) {
            self.appear(seq);
        }
    }

    /// Says where the log has a copy of a message, which replaces the record before.
    pub(crate) fn move_to(&mut self, seq: Seq, position: u64) {
        if let Some(message) = self.messages.get_mut(&seq) {
            message.position = position;
        }
    }

    /// Removes a message.
    pub(crate) fn remove(&mut self, seq: Seq) -> Option<Message> {
        self.detach(seq);
        let message = self.messages.remove(&seq)?;
        self.ages.remove(&(message.sent_ms, seq));
        self.live_bytes -= u64::from(message.record_bytes);
        Some(message)
    }

    /// Removes all messages up to `last`.
    pub(crate) fn purge(&mut self, last: Seq) {
        let purged: Vec<Seq> = self.messages.keys().copied().filter(|seq| *seq <= last).collect();
        for seq in purged {
            self.remove(seq);
        }
    }

    /// The last sequence number that was given.
    pub(crate) fn last_seq(&self) -> Seq {
        self.last_seq
    }

    /// Takes a message out of timers, counts and order, in whatever place it is.
    fn detach(&mut self, seq: Seq) {
        let Some(message) = self.messages.get(&seq) else { return };
        match message.place {
            Place::Ready => {}
            Place::Delayed => {
                self.timers.remove(&(message.due_ms, seq));
                self.delayed -= 1;
            }
            Place::InFlight => {
                self.timers.remove(&(message.due_ms, seq));
                self.in_flight -= 1;
            }
            Place::Leaving => self.in_flight -= 1,
        }
        let (place, group) = (message.place, message.group.clone());
        match &mut self.order {
            Order::Standard(ready) if place == Place::Ready => ready.remove(seq),
            Order::Standard(_) => {}
            Order::Fifo(groups) => groups.detach(&group, seq, place),
        }
    }

    /// The inverse of [`State::detach`].
    fn attach(&mut self, seq: Seq) {
        let Some(message) = self.messages.get(&seq) else { return };
        match message.place {
            Place::Ready => {}
            Place::Delayed => {
                self.timers.insert((message.due_ms, seq));
                self.delayed += 1;
            }
            Place::InFlight => {
                self.timers.insert((message.due_ms, seq));
                self.in_flight += 1;
            }
            Place::Leaving => self.in_flight += 1,
        }
        let (place, group) = (message.place, message.group.clone());
        match &mut self.order {
            Order::Standard(ready) if place == Place::Ready => ready.push(seq),
            Order::Standard(_) => {}
            Order::Fifo(groups) => groups.insert(&group, seq, place),
        }
    }
}

#[cfg(test)]
mod tests;

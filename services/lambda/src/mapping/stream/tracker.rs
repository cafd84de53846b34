//! How far a shard is done, while lanes finish its records in any order.

use std::collections::VecDeque;
use std::sync::Arc;

use anabranch_ports::ShardCursor;

use super::checkpoint::Checkpoint;
use super::window::TumblingWindow;
use crate::mapping::payload::EventRecord;

/// The records of a shard that were read and are not all done, in the order in which they were read.
/// The checkpoint lies before the oldest one that is not done.
#[derive(Debug)]
pub(super) struct Tracker {
    outstanding: VecDeque<Outstanding>,
    /// The position of the first of them.
    first: u64,
    /// Where the next read starts.
    next: ShardCursor,
    /// The last record that is done, if the first outstanding one was read with it.
    done_through: Option<Arc<str>>,
    /// When what was read last arrived, while there is more to read.
    behind_ms: Option<u64>,
    /// The tumbling window that is open.
    window: Option<TumblingWindow>,
}

#[derive(Debug)]
struct Outstanding {
    identifier: Arc<str>,
    arrival_ms: u64,
    /// Where the read that returned it started.
    read_at: Arc<ShardCursor>,
    is_done: bool,
}

impl Tracker {
    pub(super) fn new(next: ShardCursor, window: Option<TumblingWindow>) -> Self {
        Self { outstanding: VecDeque::new(), first: 0, next, done_through: None, behind_ms: None, window }
    }

    /// Adds what a read at `read_at` found and a filter let through; the next one starts at `next`.
    /// Returns the position of the first of `records`.
    pub(super) fn add(
        &mut self,
        read_at: ShardCursor,
        next: ShardCursor,
        records: &[EventRecord],
        behind_ms: Option<u64>,
    ) -> u64 {
        let position = self.first + self.outstanding.len() as u64;
        let read_at = Arc::new(read_at);
        self.outstanding.extend(records.iter().map(|record| Outstanding {
            identifier: record.identifier.clone(),
            arrival_ms: record.arrival_ms,
            read_at: read_at.clone(),
            is_done: false,
        }));
        (self.next, self.behind_ms) = (next, behind_ms);
        position
    }

    /// Notes that the records at `positions` are done. True if the checkpoint moved.
    pub(super) fn done(&mut self, positions: &[u64]) -> bool {
        for position in positions {
            let index = position.checked_sub(self.first).and_then(|index| usize::try_from(index).ok());
            if let Some(record) = index.and_then(|index| self.outstanding.get_mut(index)) {
                record.is_done = true;
            }
        }
        let mut moved = false;
        while let Some(done) = self.outstanding.pop_front_if(|record| record.is_done) {
            self.first += 1;
            moved = true;
            let goes_on = self.outstanding.front().is_some_and(|next| Arc::ptr_eq(&next.read_at, &done.read_at));
            self.done_through = goes_on.then_some(done.identifier);
        }
        moved
    }

    /// Keeps the tumbling window that the checkpoint holds from now on.
    pub(super) fn set_window(&mut self, window: Option<TumblingWindow>) {
        self.window = window;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.outstanding.is_empty()
    }

    /// Where a restart goes on.
    pub(super) fn checkpoint(&self) -> Checkpoint {
        let oldest = self.outstanding.front();
        Checkpoint::At {
            cursor: oldest.map_or(&self.next, |oldest| &oldest.read_at).clone(),
            done_through: self.done_through.as_deref().map(str::to_string),
            window: self.window.clone(),
        }
    }

    /// When the oldest record arrived that is not done; `None` at the tip.
    pub(super) fn waits_since(&self) -> Option<u64> {
        self.outstanding.front().map(|oldest| oldest.arrival_ms).or(self.behind_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cursor(text: &str) -> ShardCursor {
        ShardCursor::from_text(text)
    }

    fn at(place: &str, done_through: Option<&str>) -> Checkpoint {
        Checkpoint::At { cursor: cursor(place), done_through: done_through.map(str::to_string), window: None }
    }

    #[test]
    fn the_checkpoint_lies_before_the_oldest_record_that_is_not_done() {
        let mut tracker = Tracker::new(cursor("0"), None);
        let records = ["a", "b", "c"].map(EventRecord::named);
        assert_eq!(tracker.add(cursor("0"), cursor("3"), &records, None), 0);
        assert_eq!(tracker.add(cursor("3"), cursor("5"), &["d", "e"].map(EventRecord::named), None), 3);
        assert!(!tracker.done(&[1, 4]), "the first is not done");
        assert_eq!(tracker.checkpoint(), at("0", None));
        assert!(tracker.done(&[0]));
        assert_eq!(tracker.checkpoint(), at("0", Some("b")));
        assert!(tracker.done(&[2]));
        assert_eq!(tracker.checkpoint(), at("3", None));
        assert!(tracker.done(&[3]));
        assert_eq!((tracker.checkpoint(), tracker.is_empty()), (at("5", None), true));
        assert_eq!(tracker.add(cursor("5"), cursor("6"), &["f"].map(EventRecord::named), None), 5);
        assert!(tracker.done(&[5]));
    }

    /// Whatever the order in which records are done, nothing before the checkpoint is undone.
    #[test]
    fn no_order_of_completion_skips_a_record() {
        for seed in 0..200_u64 {
            let mut tracker = Tracker::new(cursor("0"), None);
            let mut left: Vec<u64> = (0..12).collect();
            for read in 0..3_u64 {
                let names: Vec<String> = (0..4).map(|index| (100 + read * 4 + index).to_string()).collect();
                let records: Vec<EventRecord> = names.iter().map(|name| EventRecord::named(name)).collect();
                let place = |read: u64| cursor(&(read * 4).to_string());
                tracker.add(place(read), place(read + 1), &records, None);
            }
            let mut random = seed;
            while !left.is_empty() {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let position = left.remove((random >> 33) as usize % left.len());
                tracker.done(&[position]);
                let Checkpoint::At { cursor, done_through, .. } = tracker.checkpoint() else { panic!() };
                let read_from: u64 = cursor.as_str().parse().unwrap();
                let resumes = done_through.map_or(read_from, |done| done.parse::<u64>().unwrap() - 100 + 1);
                let oldest = left.iter().min().copied().unwrap_or(12);
                assert_eq!(resumes, oldest, "seed {seed}");
            }
        }
    }
}

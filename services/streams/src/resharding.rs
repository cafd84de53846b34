//! Splitting and merging shards: the records stay where they are, only ranges and lineage change.

use std::collections::BTreeMap;

use anabranch_storage::Position;

use crate::error::{ReshardError, ShardNotFound};
use crate::hash_key::{HashKey, even_ranges};
use crate::shard::{Closed, Shard, ShardId, shard_id};
use crate::state::stream::StreamState;

/// A change of a stream's shards at one position of its log: shards that close end before it,
/// their children begin at it.
pub(crate) struct Resharding<'a> {
    pub(crate) state: &'a mut StreamState,
    pub(crate) at: Position,
    pub(crate) now_ms: u64,
}

impl Resharding<'_> {
    /// Splits an open shard in two, of which the second starts with `key`.
    pub(crate) fn split(&mut self, index: u32, key: HashKey) -> Result<(u32, u32), ReshardError> {
        self.split_at(index, &key.0.to_string())
    }

    /// Splits as [`Resharding::split`] does, at a key in decimal, which may be above all hash keys.
    pub(crate) fn split_at(&mut self, index: u32, decimal: &str) -> Result<(u32, u32), ReshardError> {
        let parent = self.open(index)?;
        let (start, end) = (parent.start_key, parent.end_key);
        match HashKey::parse(decimal).filter(|key| key.0 > start.0.saturating_add(1) && *key < end) {
            Some(key) => Ok(self.cut(&parent, key)),
            None => Err(ReshardError::KeyOutOfRange {
                decimal: decimal.to_string(),
                shard: Box::new(parent),
                key: self.state.key.clone(),
            }),
        }
    }

    /// Merges two open shards, of which the second's hash keys follow the first's; the first becomes
    /// the parent, the other the adjacent parent.
    pub(crate) fn merge(&mut self, index: u32, adjacent: u32) -> Result<u32, ReshardError> {
        let (first, second) = (self.open(index)?, self.open(adjacent)?);
        if first.end_key.0.checked_add(1) != Some(second.start_key.0) {
            let (first, second) = (ShardId(index), ShardId(adjacent));
            return Err(ReshardError::NotAdjacent { first, second, key: self.state.key.clone() });
        }
        Ok(self.join(&first, &second))
    }

    /// Splits and merges until `count` open shards divide all hash keys evenly. Shards that have
    /// their range already stay; those that come between close at once and hold nothing.
    pub(crate) fn scale(&mut self, count: u32) -> Result<(), ReshardError> {
        let mut open: BTreeMap<u128, u32> =
            self.state.open_shards().map(|shard| (shard.start_key.0, shard.index)).collect();
        let ranges = even_ranges(count);
        for (start, _) in &ranges {
            if let Some((_, index)) = open.range(..=start.0).next_back().filter(|(first, _)| **first != start.0) {
                let parent = self.open(*index)?;
                let (left, right) = self.cut(&parent, *start);
                open.insert(parent.start_key.0, left);
                open.insert(start.0, right);
            }
        }
        for (start, end) in ranges {
            let mut pieces = open.range(start.0..=end.0).map(|(_, index)| *index);
            let Some(mut whole) = pieces.next() else { continue };
            for piece in pieces {
                let (first, second) = (self.open(whole)?, self.open(piece)?);
                whole = self.join(&first, &second);
            }
        }
        Ok(())
    }

    /// The shard of this index, which must be open.
    pub(crate) fn open(&self, index: u32) -> Result<Shard, ReshardError> {
        let shards = &self.state.shards;
        let found = shards.binary_search_by_key(&index, |shard| shard.index).ok().map(|at| &shards[at]);
        let found = found.filter(|shard| !shard.is_closed_before(self.state.horizon_ms(self.now_ms)));
        let unresolved = || ShardNotFound::Unresolved { shard_id: shard_id(index), key: self.state.key.clone() };
        let shard = found.ok_or_else(unresolved)?;
        if shard.closed.is_some() {
            return Err(ReshardError::Closed { shard: ShardId(index), key: self.state.key.clone() });
        }
        Ok(shard.clone())
    }

    fn cut(&mut self, parent: &Shard, key: HashKey) -> (u32, u32) {
        self.close(parent.index);
        let last = HashKey(key.0.saturating_sub(1));
        let left = self.add(parent.start_key, last, parent, None);
        (left, self.add(key, parent.end_key, parent, None))
    }

    fn join(&mut self, first: &Shard, second: &Shard) -> u32 {
        self.close(first.index);
        self.close(second.index);
        let start = first.start_key.min(second.start_key);
        self.add(start, first.end_key.max(second.end_key), first, Some(second))
    }

    fn close(&mut self, index: u32) {
        if let Ok(at) = self.state.shards.binary_search_by_key(&index, |shard| shard.index) {
            self.state.shards[at].closed = Some(Closed { at: self.at.0, at_ms: self.now_ms });
        }
    }

    /// Adds a shard whose sequence numbers are all above those of its parents.
    fn add(&mut self, start: HashKey, end: HashKey, parent: &Shard, adjacent: Option<&Shard>) -> u32 {
        let parents_s = parent.created_s.max(adjacent.map_or(0, |shard| shard.created_s));
        // The last shard made is never dropped before it has children, so indexes are not used again.
        let index = self.state.shards.last().map_or(0, |shard| shard.index + 1);
        self.state.shards.push(Shard {
            index,
            start_key: start,
            end_key: end,
            parent: Some(parent.index),
            adjacent_parent: adjacent.map(|shard| shard.index),
            created_s: (self.now_ms / 1000).max(parents_s + 1),
            opened_ms: self.now_ms,
            opened_at: self.at.0,
            closed: None,
        });
        index
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::key::StreamKey;
    use proptest::prelude::*;

    /// Open shards by hash key; panics unless they cover all keys without gap or overlap.
    fn open(state: &StreamState) -> Vec<Shard> {
        let mut shards: Vec<Shard> = state.open_shards().cloned().collect();
        shards.sort_by_key(|shard| shard.start_key);
        let mut next = Some(0);
        for shard in &shards {
            assert_eq!(Some(shard.start_key.0), next);
            assert!(shard.start_key <= shard.end_key);
            next = shard.end_key.0.checked_add(1);
        }
        assert_eq!(next, None, "the last key is covered");
        shards
    }

    proptest! {
        #[test]
        fn ranges_stay_whole_and_numbers_rise(steps in prop::collection::vec((0u8..3, any::<u32>(), any::<u128>()), 1..40)) {
            let mut state = StreamState::new(StreamKey::of_name(&Default::default(), "clicks"), 2, 1_763_000_000_000);
            for (number, (kind, pick, key)) in steps.into_iter().enumerate() {
                let shards = open(&state);
                let (one, other) = (pick as usize % shards.len(), (pick as usize + 1) % shards.len());
                let now_ms = 1_763_000_000_000 + number as u64 * 300;
                let mut resharding = Resharding { state: &mut state, at: Position(number as u64), now_ms };
                // What is refused must leave all as it was; `open` sees to that.
                let outcome = match kind {
                    0 => resharding.split(shards[one].index, HashKey(key)).map(|_| ()),
                    1 => resharding.merge(shards[one].index, shards[other].index).map(|_| ()),
                    _ => resharding.scale(pick % 12 + 1),
                };
                if outcome.is_ok() && kind == 2 {
                    let ranges: Vec<_> = open(&state).iter().map(|shard| (shard.start_key, shard.end_key)).collect();
                    prop_assert_eq!(ranges, even_ranges(pick % 12 + 1));
                }
            }
            open(&state);
            for (at, shard) in state.shards.iter().enumerate() {
                prop_assert_eq!(shard.index, at as u32);
                for parent in shard.parent.into_iter().chain(shard.adjacent_parent) {
                    let end = state.shards[parent as usize].ending_sequence_number();
                    prop_assert!(end.is_some_and(|end| end < shard.starting_sequence_number()), "{:?}", shard);
                }
            }
        }
    }
}

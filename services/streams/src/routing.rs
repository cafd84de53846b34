//! Where records go: hash keys to open shards.

use std::sync::Arc;

use anabranch_storage::{LaneId, Position};

use crate::hash_key::HashKey;
use crate::sequence_number::SequenceNumber;
use crate::shard::{Shard, ShardId};
use crate::state::stream::StreamState;

/// What a put needs to know of an open shard. There may be thousands, so it is small and lies beside
/// the others.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OpenShard {
    pub(crate) index: u32,
    created_s: u64,
}

impl OpenShard {
    fn new(shard: &Shard) -> Self {
        Self { index: shard.index, created_s: shard.created_s }
    }

    pub(crate) fn id(self) -> ShardId {
        ShardId(self.index)
    }

    pub(crate) fn lane(self) -> LaneId {
        LaneId(self.index)
    }

    /// The sequence number of the record at `position` that came at `timestamp_ms`.
    pub(crate) fn sequence_number(self, position: Position, timestamp_ms: u64) -> SequenceNumber {
        SequenceNumber::of_record(self.index, self.created_s, position.0, timestamp_ms)
    }
}

/// Where keys go: the open shards by their first hash key.
#[derive(Debug)]
pub(crate) struct Routes {
    starts: Vec<HashKey>,
    shards: Vec<OpenShard>,
}

impl Routes {
    pub(crate) fn new(state: &StreamState) -> Self {
        let mut shards: Vec<(HashKey, OpenShard)> =
            state.open_shards().map(|shard| (shard.start_key, OpenShard::new(shard))).collect();
        shards.sort_by_key(|(start, _)| *start);
        let (starts, shards) = shards.into_iter().unzip();
        Self { starts, shards }
    }

    /// Number of the open shard whose range holds `key`, for [`Routes::shard`].
    fn of(&self, key: HashKey) -> usize {
        // Where the ranges are even, as they mostly are, it is found without a search.
        let guess = (((key.0 >> 64) * self.starts.len() as u128) >> 64) as usize;
        let begins = self.starts.get(guess).is_some_and(|start| *start <= key);
        if begins && self.starts.get(guess + 1).is_none_or(|next| *next > key) {
            return guess;
        }
        self.starts.partition_point(|start| *start <= key).saturating_sub(1)
    }

    pub(crate) fn shard(&self, number: usize) -> OpenShard {
        self.shards[number]
    }
}

/// Hash keys and where they go, each looked up once.
pub(crate) struct Targets {
    pub(crate) hash_keys: Vec<HashKey>,
    pub(crate) routes: Arc<Routes>,
    /// For each record the number of its shard in `routes`.
    pub(crate) numbers: Vec<usize>,
}

impl Targets {
    pub(crate) fn of(routes: &Arc<Routes>, hash_keys: Vec<HashKey>) -> Self {
        let numbers = hash_keys.iter().map(|key| routes.of(*key)).collect();
        Self { hash_keys, routes: routes.clone(), numbers }
    }

    /// The shards, in the records' order.
    pub(crate) fn shards(&self) -> impl Iterator<Item = OpenShard> {
        self.numbers.iter().map(|number| self.routes.shard(*number))
    }

    /// Leaves out the records whose number `keep` does not hold for.
    pub(crate) fn retain(&mut self, keep: impl Fn(usize) -> bool) {
        let mut record = 0..;
        self.hash_keys.retain(|_| record.next().is_some_and(&keep));
        let mut record = 0..;
        self.numbers.retain(|_| record.next().is_some_and(&keep));
    }

    /// The records' numbers in runs of one shard each, in the order given within a run.
    pub(crate) fn runs<'a>(&'a self, order: &'a [usize]) -> impl Iterator<Item = &'a [usize]> {
        order.chunk_by(|one, other| self.numbers[*one] == self.numbers[*other])
    }

    /// The records' numbers, those of one shard together.
    pub(crate) fn by_shard(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.numbers.len()).collect();
        order.sort_by_key(|record| self.numbers[*record]);
        order
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::hash_key::even_ranges;

    fn routes(starts: impl Iterator<Item = HashKey>) -> Routes {
        let (starts, shards) =
            (0..).zip(starts).map(|(index, start)| (start, OpenShard { index, created_s: 0 })).unzip();
        Routes { starts, shards }
    }

    proptest! {
        #[test]
        fn a_key_goes_to_the_last_shard_that_begins_at_or_before_it(
            even in 1..200u32,
            mut uneven in proptest::collection::vec(any::<u128>(), 0..20),
            keys in proptest::collection::vec(any::<u128>(), 1..50),
        ) {
            uneven.push(0);
            uneven.sort_unstable();
            uneven.dedup();
            let even = routes(even_ranges(even).into_iter().map(|(start, _)| start));
            for routes in [even, routes(uneven.into_iter().map(HashKey))] {
                // Bounds and what lies beside them, too.
                let bounds = routes.starts.iter().flat_map(|start| [start.0.wrapping_sub(1), start.0]);
                for key in bounds.chain(keys.iter().copied()).map(HashKey) {
                    prop_assert_eq!(routes.of(key), routes.starts.iter().rposition(|start| *start <= key).unwrap());
                }
            }
        }
    }
}

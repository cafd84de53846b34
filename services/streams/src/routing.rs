//! Where records go: hash keys to open shards, and appending that no resharding overtakes.

use std::sync::Arc;

use anabranch_protocol::ApiError;
use anabranch_storage::{Acknowledgement, LaneBatch, LaneId, Position};
use tokio::runtime::Handle;

use crate::hash_key::HashKey;
use crate::sequence_number::SequenceNumber;
use crate::shard::{Shard, ShardId};
use crate::stream::{Stream, StreamState};
use crate::stream_log::LogInUse;

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

    fn lane(self) -> LaneId {
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
            state.open_shards().map(|shard| (shard.start_key(), OpenShard::new(shard))).collect();
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

    fn shard(&self, number: usize) -> OpenShard {
        self.shards[number]
    }
}

/// Hash keys and where they go, each looked up once.
pub(crate) struct Targets {
    hash_keys: Vec<HashKey>,
    routes: Arc<Routes>,
    /// For each record the number of its shard in `routes`.
    numbers: Vec<usize>,
}

impl Targets {
    fn of(routes: &Arc<Routes>, hash_keys: Vec<HashKey>) -> Self {
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
    fn runs<'a>(&'a self, order: &'a [usize]) -> impl Iterator<Item = &'a [usize]> {
        order.chunk_by(|one, other| self.numbers[*one] == self.numbers[*other])
    }

    /// The records' numbers, those of one shard together.
    fn by_shard(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.numbers.len()).collect();
        order.sort_by_key(|record| self.numbers[*record]);
        order
    }
}

/// Records on their way to the disk. Readers are told when they are there, even if who put them
/// does not wait for it.
pub(crate) struct Appending(Option<(LogInUse, Acknowledgement)>);

impl Appending {
    /// Waits until the records are durable.
    pub(crate) async fn done(mut self) -> Result<(), ApiError> {
        // It stays in place while it is waited for, since the caller may be dropped meanwhile.
        let Some((log, appended)) = &mut self.0 else { return Ok(()) };
        let outcome = appended.await;
        log.appended(&outcome);
        let outcome = outcome.map_err(|error| log.failed(&error));
        self.0 = None;
        outcome
    }
}

impl Drop for Appending {
    fn drop(&mut self) {
        if let Some((log, appended)) = self.0.take()
            && let Ok(runtime) = Handle::try_current()
        {
            runtime.spawn(async move { log.appended(&appended.await) });
        }
    }
}

/// Records that were appended: where they went, and what their sequence numbers are made of.
pub(crate) struct Routed {
    pub(crate) targets: Targets,
    /// The position of each record.
    pub(crate) positions: Vec<Position>,
    pub(crate) timestamp_ms: u64,
    pub(crate) appending: Appending,
}

impl Stream {
    /// Where records with these hash keys would go now.
    pub(crate) fn targets(&self, hash_keys: Vec<HashKey>) -> Targets {
        Targets::of(&self.routes.read(), hash_keys)
    }

    /// Appends each of `records` to the open shard that its hash key belongs to; `targets` are those
    /// of a moment ago. The routes are held until the log has given the positions, so that no record
    /// lands in a closed shard. What it costs does not depend on how many shards there are.
    pub(crate) fn append(
        &self,
        log: LogInUse,
        now_ms: u64,
        targets: Targets,
        records: &[&[u8]],
    ) -> Result<Routed, ApiError> {
        let routes = self.routes.read();
        let targets =
            if Arc::ptr_eq(&routes, &targets.routes) { targets } else { Targets::of(&routes, targets.hash_keys) };
        let order = targets.by_shard();
        let in_order: Vec<&[u8]> = order.iter().map(|record| records[*record]).collect();
        let mut rest = in_order.as_slice();
        let batch = |run: &[usize]| {
            let (records, behind) = rest.split_at(run.len());
            rest = behind;
            LaneBatch { lane: routes.shard(targets.numbers[run[0]]).lane(), records }
        };
        let batches: Vec<LaneBatch<'_>> = targets.runs(&order).map(batch).collect();
        let appended = log.append(now_ms, &batches).inspect_err(|error| log.refused(error));
        let appended = appended.map_err(|error| self.unless_deleted(log.failed(&error)))?;
        let mut positions = vec![Position(0); records.len()];
        for (run, first) in targets.runs(&order).zip(appended.first_positions()) {
            for (record, position) in run.iter().zip(first.0..) {
                positions[*record] = Position(position);
            }
        }
        let timestamp_ms = appended.timestamp_ms();
        Ok(Routed { targets, positions, timestamp_ms, appending: Appending(Some((log, appended))) })
    }

    /// The position behind all that was appended, once all of that is durable. Called while no
    /// append can run; control state may then refer to the position.
    pub(crate) fn durable_end(&self, log: &LogInUse) -> Result<Position, ApiError> {
        log.barrier().map_err(|error| log.failed(&error))
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

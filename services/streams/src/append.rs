//! Appending records to the shards that their hash keys belong to, which no resharding overtakes.

use std::sync::Arc;

use anabranch_storage::{Acknowledgement, LaneBatch, Position};
use tokio::runtime::Handle;

use crate::error::{AccessError, LogFailure};
use crate::hash_key::HashKey;
use crate::routing::Targets;
use crate::stream::Stream;
use crate::stream_log::LogInUse;

/// Records on their way to the disk. Readers are told when they are there, even if who put them
/// does not wait for it.
pub(crate) struct Appending(Option<(LogInUse, Acknowledgement)>);

impl Appending {
    /// Waits until the records are durable.
    pub(crate) async fn done(mut self) -> Result<(), LogFailure> {
        // It stays in place while it is being waited for, since the caller may be dropped meanwhile.
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
    ) -> Result<Routed, AccessError> {
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
    pub(crate) fn durable_end(&self, log: &LogInUse) -> Result<Position, LogFailure> {
        log.barrier().map_err(|error| log.failed(&error))
    }
}

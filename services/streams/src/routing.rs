//! Where records go: hash keys to open shards, and appending that no resharding overtakes.

use std::sync::Arc;

use anabranch_protocol::ApiError;
use anabranch_storage::{Acknowledgement, LaneBatch, Position};
use tokio::runtime::Handle;

use crate::hash_key::HashKey;
use crate::shard::Shard;
use crate::stream::{Stream, StreamState};
use crate::stream_log::LogInUse;

/// Where keys go: the open shards by their first hash key.
#[derive(Debug)]
pub(crate) struct Routes {
    starts: Vec<HashKey>,
    shards: Vec<Arc<Shard>>,
}

impl Routes {
    pub(crate) fn new(state: &StreamState) -> Self {
        let mut shards: Vec<Arc<Shard>> = state.open_shards().cloned().map(Arc::new).collect();
        shards.sort_by_key(|shard| shard.start_key());
        Self { starts: shards.iter().map(|shard| shard.start_key()).collect(), shards }
    }

    /// Number of the open shard whose range holds `key`, for [`Routes::shard`].
    pub(crate) fn of(&self, key: HashKey) -> usize {
        self.starts.partition_point(|start| *start <= key).saturating_sub(1)
    }

    pub(crate) fn shard(&self, number: usize) -> &Arc<Shard> {
        &self.shards[number]
    }
}

/// Hash keys and where they go, each looked up once.
pub(crate) struct Targets {
    pub(crate) routes: Arc<Routes>,
    /// For each record the number of its shard in `routes`.
    pub(crate) numbers: Vec<usize>,
}

impl Targets {
    fn of(routes: &Arc<Routes>, hash_keys: &[HashKey]) -> Self {
        Self { routes: routes.clone(), numbers: hash_keys.iter().map(|key| routes.of(*key)).collect() }
    }

    /// The shards, in the records' order.
    pub(crate) fn shards(&self) -> impl Iterator<Item = &Arc<Shard>> {
        self.numbers.iter().map(|number| self.routes.shard(*number))
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
    /// First position of each of the routes' shards.
    pub(crate) first_positions: Vec<Position>,
    pub(crate) timestamp_ms: u64,
    pub(crate) appending: Appending,
}

impl Stream {
    /// Where records with these hash keys would go now.
    pub(crate) fn targets(&self, hash_keys: &[HashKey]) -> Targets {
        Targets::of(&self.routes.read(), hash_keys)
    }

    /// Appends each of `records` to the open shard that its hash key belongs to; `targets` are those
    /// of a moment ago. The routes are held until the log has given the positions, so that no record
    /// lands in a closed shard.
    pub(crate) fn append(
        &self,
        log: LogInUse,
        now_ms: u64,
        hash_keys: &[HashKey],
        targets: Targets,
        records: &[&[u8]],
    ) -> Result<Routed, ApiError> {
        let routes = self.routes.read();
        let targets = if Arc::ptr_eq(&routes, &targets.routes) { targets } else { Targets::of(&routes, hash_keys) };
        let mut by_shard: Vec<Vec<&[u8]>> = vec![Vec::new(); routes.shards.len()];
        for (target, record) in targets.numbers.iter().zip(records) {
            by_shard[*target].push(record);
        }
        let pairs = routes.shards.iter().zip(&by_shard);
        let batches: Vec<LaneBatch<'_>> =
            pairs.map(|(shard, records)| LaneBatch { lane: shard.lane(), records }).collect();
        let appended = log.append(now_ms, &batches).inspect_err(|error| log.refused(error));
        let appended = appended.map_err(|error| self.unless_deleted(log.failed(&error)))?;
        Ok(Routed {
            targets,
            first_positions: appended.first_positions().to_vec(),
            timestamp_ms: appended.timestamp_ms(),
            appending: Appending(Some((log, appended))),
        })
    }

    /// The position behind all that was appended, once all of that is durable. Called while no
    /// append can run; control state may then refer to the position.
    pub(crate) fn durable_end(&self, log: &LogInUse) -> Result<Position, ApiError> {
        log.barrier().map_err(|error| log.failed(&error))
    }
}

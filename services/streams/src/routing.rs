//! Where records go: hash keys to open shards, and appending that no resharding overtakes.

use std::sync::Arc;

use anabranch_protocol::ApiError;
use anabranch_storage::{Appended, LaneBatch, Log, Position};

use crate::error::log_failure;
use crate::hash_key::HashKey;
use crate::shard::Shard;
use crate::stream::{Stream, StreamState};

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

/// Records on their way to the disk, and the shards that they go to.
pub(crate) struct Routed {
    pub(crate) routes: Arc<Routes>,
    /// For each record the number of its shard in `routes`.
    pub(crate) targets: Vec<usize>,
    pub(crate) appended: Appended,
}

impl Stream {
    /// Appends each of `records` to the open shard that its hash key belongs to. The routes are
    /// held until the log has given the positions, so that no record lands in a closed shard.
    pub(crate) fn append(&self, now_ms: u64, hash_keys: &[HashKey], records: &[&[u8]]) -> Result<Routed, ApiError> {
        let log = self.log()?;
        let routes = self.routes.read();
        let targets: Vec<usize> = hash_keys.iter().map(|key| routes.of(*key)).collect();
        let mut by_shard: Vec<Vec<&[u8]>> = vec![Vec::new(); routes.shards.len()];
        for (target, record) in targets.iter().zip(records) {
            by_shard[*target].push(record);
        }
        let pairs = routes.shards.iter().zip(&by_shard);
        let batches: Vec<LaneBatch<'_>> =
            pairs.map(|(shard, records)| LaneBatch { lane: shard.lane(), records }).collect();
        let appended = log.append(now_ms, &batches).map_err(|error| log_failure(&error))?;
        Ok(Routed { routes: routes.clone(), targets, appended })
    }

    /// The position behind all that was appended, once all of that is durable. Called while no
    /// append can run; control state may then refer to the position.
    pub(crate) fn durable_end(&self, log: &Log) -> Result<Position, ApiError> {
        log.flush().map_err(|error| log_failure(&error))?;
        Ok(log.visible())
    }
}

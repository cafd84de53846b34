//! The shards of the stream of one mapping: which are polled, and when children may start.

use anabranch_ports::{PortError, ShardInfo};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::task::{Id, JoinSet};

use super::checkpoint::Checkpoint;
use super::poller;
use crate::mapping::context::Context;

/// Runs the mapping until it is stopped.
pub(crate) async fn run(context: Arc<Context>) {
    let mut polled: BTreeMap<String, Id> = BTreeMap::new();
    let mut pollers = JoinSet::new();
    let mut failures = 0;
    while !context.is_stopped() {
        match shards(&context).await {
            Ok(shards) => {
                failures = 0;
                context.stat.failing.succeeded("");
                for shard_id in startable(&context, &shards) {
                    let poller = poller::run(context.clone(), shard_id.clone());
                    polled.entry(shard_id).or_insert_with(|| pollers.spawn(poller).id());
                }
            }
            Err(error) => {
                failures += 1;
                context.source_failed("", &error);
            }
        }
        let pause = if failures > 0 { context.backoff.after(failures) } else { context.backoff.max };
        // A list that failed is repeated soon; otherwise shards change only when one ends.
        let repeat = failures > 0 || pollers.is_empty();
        tokio::select! {
            () = context.stopped() => {}
            () = context.clock.sleep(pause), if repeat => {}
            Some(ended) = pollers.join_next() => if let Err(error) = ended {
                // A bug of ours; the shard starts again from its checkpoint.
                tracing::error!(mapping = %context.uuid, %error, "the poller of a shard ended unexpectedly");
                polled.retain(|_, task| *task != error.id());
                context.stopped_during(context.backoff.max).await;
            },
        }
    }
    // Invocations under way are waited for, so that what they did is in the checkpoint.
    while pollers.join_next().await.is_some() {}
}

/// All shards. At the mapping's first start each gets a checkpoint where the mapping is to
/// start, all of them at once; shards that come later are children and start at their
/// oldest record.
pub(crate) async fn shards(context: &Context) -> Result<Vec<ShardInfo>, PortError> {
    let stream = context.stream().await?;
    let shards = stream.list_shards().await?;
    if !shards.is_empty() && !context.checkpoints.has_any(&context.uuid) {
        let start = context.stream_settings().start;
        let mut checkpoints = Vec::new();
        for shard in &shards {
            let cursor = stream.resolve_start(&shard.shard_id, start).await?;
            checkpoints.push((shard.shard_id.clone(), Checkpoint::At { cursor, done_through: None, window: None }));
        }
        context.checkpoints.set_all(&context.uuid, checkpoints);
    }
    Ok(shards)
}

/// Shards that are not done and whose parents are: those at their end, and those that
/// retention has removed.
fn startable(context: &Context, shards: &[ShardInfo]) -> Vec<String> {
    let is_done = |shard_id: &str| {
        let listed = shards.iter().any(|shard| shard.shard_id == shard_id);
        !listed || context.checkpoints.get(&context.uuid, shard_id) == Some(Checkpoint::ShardEnd)
    };
    let parents_done = |shard: &ShardInfo| {
        [&shard.parent_shard_id, &shard.adjacent_parent_shard_id].into_iter().flatten().all(|parent| is_done(parent))
    };
    let to_poll = shards.iter().filter(|shard| !is_done(&shard.shard_id) && parents_done(shard));
    to_poll.map(|shard| shard.shard_id.clone()).collect()
}

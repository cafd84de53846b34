//! On-demand streams grow by themselves: a shard that is written to much is split ("Data Stream
//! Capacity Mode": a shard above 500 KB/s is split within 15 minutes). What a stream is to be warm
//! for, it has shards for at once.

use std::time::Duration;

use crate::error::ReshardError;
use crate::hash_key::HashKey;
use crate::limits::{ON_DEMAND_SHARDS_MAX, SHARDS_MAX, SPLIT_BYTES, SPLIT_RECORDS};
use crate::quota::Written;
use crate::registry::Registry;
use crate::resharding::Resharding;
use crate::state::stream::{StreamMode, StreamState};
use crate::stream::Stream;

/// Splits the shards of on-demand streams that were written to much since the last call, which
/// was `passed` ago.
pub(crate) fn grow(registry: &Registry, passed: Duration) {
    let passed_ms = passed.as_millis() as u64;
    for stream in registry.all() {
        let state = stream.state();
        stream.quota.retain(|index| state.knows_shard(index));
        let written = stream.quota.take_written();
        if state.mode != StreamMode::OnDemand {
            continue;
        }
        let busy: Vec<u32> =
            written.into_iter().filter(|(_, written)| is_much(written, passed_ms)).map(|(index, _)| index).collect();
        if busy.is_empty() {
            continue;
        }
        match split(registry, &stream, &busy) {
            Ok(count) => tracing::info!(stream = state.key.name, count, "split shards that grew busy"),
            Err(error) => tracing::debug!(stream = state.key.name, %error, "can't split busy shards"),
        }
    }
}

fn is_much(written: &Written, passed_ms: u64) -> bool {
    let in_a_second = |count: u64| count * 1_000 / passed_ms.max(1);
    in_a_second(written.bytes) > SPLIT_BYTES || in_a_second(written.records) > SPLIT_RECORDS
}

/// Splits shards in the middle of their hash keys, all in one change, since the stream is UPDATING
/// after it. Returns how many; those that can't be split are left out.
fn split(registry: &Registry, stream: &Stream, indices: &[u32]) -> Result<usize, ReshardError> {
    registry.reshard_in_any_mode(stream, |resharding| {
        let mut count = 0;
        let mut refusal = None;
        for index in indices {
            match split_one(resharding, *index) {
                Ok(()) => count += 1,
                Err(error) => refusal = Some(error),
            }
        }
        match refusal {
            Some(error) if count == 0 => Err(error),
            _ => Ok(count),
        }
    })
}

fn split_one(resharding: &mut Resharding<'_>, index: u32) -> Result<(), ReshardError> {
    let most = ON_DEMAND_SHARDS_MAX.max(warm_shards(resharding.state).into());
    if resharding.state.open_shards().count() as i64 >= most {
        return Err(ReshardError::TooManyShards { limit: most });
    }
    let shard = resharding.open(index)?;
    let (start, end) = (shard.start_key.0, shard.end_key.0);
    resharding.split(index, HashKey(start + (end - start) / 2 + 1)).map(|_| ())
}

/// Shards that the stream's warm throughput takes, at 1 MiB/s each.
pub(crate) fn warm_shards(state: &StreamState) -> u32 {
    state.warm_throughput_mibps.unwrap_or(0).min(SHARDS_MAX as u32)
}

/// Gives a stream the shards that its warm throughput takes, if it has fewer.
pub(crate) fn warm_up(resharding: &mut Resharding<'_>) -> Result<(), ReshardError> {
    let shards = warm_shards(resharding.state);
    match shards as usize > resharding.state.open_shards().count() {
        true => resharding.scale(shards),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use anabranch_control::ControlStore;
    use anabranch_protocol::{Encoding, ManualClock, RequestContext, Service};
    use anabranch_storage::Config;
    use serde_json::{Value, json};
    use tempfile::TempDir;

    use super::*;
    use crate::StreamsConfig;
    use crate::service::Streams;

    async fn call(streams: &Streams, operation: &str, request: Value) -> Value {
        let body = request.to_string().into();
        let answer = streams.call(&RequestContext::default(), operation, Encoding::Json, body).await.unwrap();
        serde_json::from_slice(&answer).unwrap_or_default()
    }

    async fn put(streams: &Streams, hash_key: u128, kib: usize) -> Value {
        let record = json!({ "StreamName": "clicks", "PartitionKey": "key", "ExplicitHashKey": hash_key.to_string(),
            "Data": "A".repeat(kib << 10) });
        call(streams, "PutRecord", record).await
    }

    /// An ACTIVE on-demand stream, whose changes take `transition_delay`.
    async fn opened(transition_delay: Duration) -> (TempDir, Arc<ManualClock>, Arc<Streams>) {
        let directory = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::new(1_763_000_000_000));
        let config = StreamsConfig {
            log: Config { segment_bytes_min: 64 << 10, ..Config::default() },
            transition_delay,
            ..StreamsConfig::new(directory.path().join("streams"))
        };
        let control = ControlStore::open(&directory.path().join("control.redb")).unwrap();
        let streams = Streams::open(config, control, clock.clone()).unwrap();
        let mode = json!({ "StreamName": "clicks", "StreamModeDetails": { "StreamMode": "ON_DEMAND" } });
        call(&streams, "CreateStream", mode).await;
        clock.advance_ms(transition_delay.as_millis() as u64);
        (directory, clock, streams)
    }

    #[tokio::test]
    async fn all_busy_shards_are_split_at_once() {
        let (_directory, clock, streams) = opened(Duration::from_secs(5)).await;
        for _ in 0..10 {
            put(&streams, 0, 1_000).await;
            put(&streams, u128::MAX, 1_000).await;
            clock.advance_ms(1_000);
        }
        grow(&streams.registry, Duration::from_secs(10));
        let shards = call(&streams, "ListShards", json!({ "StreamName": "clicks" })).await["Shards"].clone();
        let shards = shards.as_array().unwrap();
        let mut parents: Vec<_> = shards.iter().filter_map(|shard| shard["ParentShardId"].as_str()).collect();
        parents.sort_unstable();
        let [first, last] = ["shardId-000000000000", "shardId-000000000003"];
        assert_eq!(parents, [first, first, last, last]);
    }

    #[tokio::test]
    async fn a_busy_shard_is_split_and_a_quiet_one_is_not() {
        let (_directory, clock, streams) = opened(Duration::ZERO).await;
        for second in 0..10 {
            // 768 KiB of data a second; the other shard gets half as much.
            put(&streams, 0, 1_000).await;
            if second % 2 == 0 {
                put(&streams, u128::MAX, 1_000).await;
            }
            clock.advance_ms(1_000);
        }
        grow(&streams.registry, Duration::from_secs(10));
        let shards = call(&streams, "ListShards", json!({ "StreamName": "clicks" })).await["Shards"].clone();
        let shards = shards.as_array().unwrap();
        let parents: Vec<_> = shards.iter().filter_map(|shard| shard["ParentShardId"].as_str()).collect();
        assert_eq!(parents, ["shardId-000000000000"; 2]);
        let middle = (u128::MAX / 8 + 1).to_string();
        assert_eq!(shards[5]["HashKeyRange"]["StartingHashKey"], middle);
        assert_eq!(put(&streams, 0, 1).await["ShardId"], "shardId-000000000004");
        clock.advance_ms(60_000);
        grow(&streams.registry, Duration::from_secs(60));
        let shards = call(&streams, "ListShards", json!({ "StreamName": "clicks" })).await["Shards"].clone();
        assert_eq!(shards.as_array().unwrap().len(), 6, "what was written before does not count again");
    }
}

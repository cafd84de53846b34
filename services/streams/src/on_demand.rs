//! On-demand streams grow by themselves: a shard that is written to much is split ("Data Stream
//! Capacity Mode": a shard above 500 KB/s is split within 15 minutes).

use crate::error::shard_limit;
use crate::hash_key::HashKey;
use crate::limits::ON_DEMAND_SHARDS_MAX;
use crate::quota::Written;
use crate::stream::{Stream, StreamMode};
use crate::streams::Streams;

/// What a shard takes by the second before it is split, half of what it may.
const SPLIT_BYTES: u64 = 500_000;
const SPLIT_RECORDS: u64 = 500;

/// Splits the shards of on-demand streams that were written to much since the last call, which
/// was `passed_ms` ago.
pub(crate) fn grow(streams: &Streams, passed_ms: u64) {
    for stream in streams.all() {
        let state = stream.state();
        stream.quota.retain(|index| state.shards.iter().any(|shard| shard.index == index));
        let written = stream.quota.take_written();
        if state.mode != StreamMode::OnDemand {
            continue;
        }
        for (index, _) in written.into_iter().filter(|(_, written)| is_much(written, passed_ms)) {
            match split(streams, &stream, index) {
                Ok(()) => tracing::info!(stream = state.key.name, shard = index, "split a shard that grew busy"),
                Err(error) => {
                    tracing::debug!(stream = state.key.name, shard = index, %error, "can't split a busy shard")
                }
            }
        }
    }
}

fn is_much(written: &Written, passed_ms: u64) -> bool {
    let in_a_second = |count: u64| count * 1_000 / passed_ms.max(1);
    in_a_second(written.bytes) > SPLIT_BYTES || in_a_second(written.records) > SPLIT_RECORDS
}

/// Splits a shard in the middle of its hash keys.
fn split(streams: &Streams, stream: &Stream, index: u32) -> Result<(), anabranch_protocol::ApiError> {
    streams.reshard_in_any_mode(stream, |resharding| {
        if resharding.state.open_shards().count() as i64 >= ON_DEMAND_SHARDS_MAX {
            return Err(shard_limit(ON_DEMAND_SHARDS_MAX));
        }
        let shard = resharding.open(index)?;
        let (start, end) = (shard.start_key().0, shard.end_key().0);
        resharding.split(index, HashKey(start + (end - start) / 2 + 1)).map(|_| ())
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use anabranch_control::ControlStore;
    use anabranch_protocol::{Encoding, JsonService, ManualClock, RequestContext};
    use anabranch_storage::Config;
    use serde_json::{Value, json};

    use super::*;
    use crate::{Limits, StreamsConfig};

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

    #[tokio::test]
    async fn a_busy_shard_is_split_and_a_quiet_one_is_not() {
        let directory = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::new(1_763_000_000_000));
        let config = StreamsConfig {
            directory: directory.path().join("streams"),
            log: Config { segment_bytes_min: 64 << 10, ..Config::default() },
            transition_delay: Duration::ZERO,
            limits: Limits::Aws,
        };
        let control = ControlStore::open(&directory.path().join("control.redb")).unwrap();
        let streams = Streams::open(config, control, clock.clone()).unwrap();
        let mode = json!({ "StreamName": "clicks", "StreamModeDetails": { "StreamMode": "ON_DEMAND" } });
        call(&streams, "CreateStream", mode).await;
        for second in 0..10 {
            // 768 KiB of data a second; the other shard gets half as much.
            put(&streams, 0, 1_000).await;
            if second % 2 == 0 {
                put(&streams, u128::MAX, 1_000).await;
            }
            clock.advance_ms(1_000);
        }
        grow(&streams, 10_000);
        let shards = call(&streams, "ListShards", json!({ "StreamName": "clicks" })).await["Shards"].clone();
        let shards = shards.as_array().unwrap();
        let parents: Vec<_> = shards.iter().filter_map(|shard| shard["ParentShardId"].as_str()).collect();
        assert_eq!(parents, ["shardId-000000000000"; 2]);
        let middle = (u128::MAX / 8 + 1).to_string();
        assert_eq!(shards[5]["HashKeyRange"]["StartingHashKey"], middle);
        assert_eq!(put(&streams, 0, 1).await["ShardId"], "shardId-000000000004");
        clock.advance_ms(60_000);
        grow(&streams, 60_000);
        let shards = call(&streams, "ListShards", json!({ "StreamName": "clicks" })).await["Shards"].clone();
        assert_eq!(shards.as_array().unwrap().len(), 6, "what was written before does not count again");
    }
}

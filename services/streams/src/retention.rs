//! Drops what is older than its stream's retention period.

use std::sync::atomic::Ordering;

use anabranch_storage::ReadLimit;

use crate::error::LogFailure;
use crate::limits::{RETENTION_OPENS_MAX, RETENTION_PARTS};
use crate::registry::Registry;
use crate::state::stream::StreamState;
use crate::stream::Stream;
use crate::stream_log::LogInUse;

/// Drops expired segments of all registry. A log that is closed is opened for it only when something
/// in it may have expired, or, some in each round, when that is not known yet.
pub(crate) fn trim(registry: &Registry) {
    let mut opens_left = RETENTION_OPENS_MAX;
    for stream in registry.all() {
        let (state, now_ms) = (stream.state(), registry.clock.now_ms());
        if state.created_ms >= state.horizon_ms(now_ms) {
            continue;
        }
        if let Err(error) = registry.drop_expired_shards(&stream) {
            tracing::error!(stream = state.key.name, %error, "forgetting expired shards");
        }
        if !stream.log.is_open() {
            let due_ms = stream.trim_due_ms.load(Ordering::Relaxed);
            if due_ms > now_ms || opens_left == 0 {
                continue;
            }
            opens_left -= 1;
        }
        let Ok(log) = stream.log() else { continue };
        if let Err(error) = trim_one(&stream, &state, &log, now_ms) {
            tracing::error!(stream = state.key.name, %error, "dropping expired segments");
        }
    }
}

fn trim_one(stream: &Stream, state: &StreamState, log: &LogInUse, now_ms: u64) -> Result<(), LogFailure> {
    let horizon_ms = state.horizon_ms(now_ms);
    let segments = log.trim_before(horizon_ms).map_err(|error| log.failed(&error))?;
    if segments > 0 {
        tracing::info!(stream = state.key.name, segments, "dropped expired segments");
    }
    let retention_ms = u64::from(state.retention_hours) * 3_600_000;
    let due_ms = oldest_held_ms(state, log, horizon_ms)?.unwrap_or(now_ms) + retention_ms;
    stream.trim_due_ms.store(due_ms.max(now_ms + retention_ms / RETENTION_PARTS), Ordering::Relaxed);
    Ok(())
}

/// When the oldest record came that is within retention. What can't be read is kept as long as if it
/// had come just then.
fn oldest_held_ms(state: &StreamState, log: &LogInUse, horizon_ms: u64) -> Result<Option<u64>, LogFailure> {
    let mut oldest: Option<u64> = None;
    for shard in &state.shards {
        let from = log.seek_time(shard.lane(), horizon_ms).map_err(|error| log.failed(&error))?;
        let first_ms = match log.read(shard.lane(), from, ReadLimit { records: 1, bytes: 1 }) {
            Ok(found) => found.iter().next().map(|record| record.timestamp_ms),
            Err(_) => Some(horizon_ms),
        };
        oldest = oldest.into_iter().chain(first_ms).min();
    }
    Ok(oldest)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use anabranch_control::ControlStore;
    use anabranch_protocol::{ManualClock, RequestContext};
    use anabranch_storage::Config;

    use super::*;
    use crate::config::StreamsConfig;
    use crate::hash_key::HashKey;
    use crate::service::Streams;
    use crate::state::key::StreamKey;
    use crate::state::stream::StreamState;

    #[tokio::test]
    async fn expired_shards_are_forgotten_and_their_ids_are_not_used_again() {
        let directory = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::new(1_763_000_000_000));
        let open = || {
            let control = ControlStore::open(&directory.path().join("control.redb")).unwrap();
            let config = StreamsConfig {
                log: Config { segment_bytes_min: 64 << 10, ..Config::default() },
                limits: crate::Limits::Off,
                ..StreamsConfig::new(directory.path().join("streams"))
            };
            Streams::open(config, control, clock.clone()).unwrap()
        };
        let streams = open();
        let key = StreamKey::of_name(&RequestContext::default(), "clicks");
        let claim = streams.registry.claim_shards(&RequestContext::default(), 1).unwrap();
        streams.registry.create(StreamState::new(key.clone(), 1, 1_763_000_000_000), claim).unwrap();
        streams
            .registry
            .reshard(&streams.registry.get(&key).unwrap(), |resharding| resharding.split(0, HashKey(100)))
            .unwrap();
        clock.advance_ms(1_000);
        streams.registry.reshard(&streams.registry.get(&key).unwrap(), |resharding| resharding.merge(1, 2)).unwrap();
        clock.advance_ms(24 * 3_600_000);
        trim(&streams.registry);
        let indexes = |streams: &Streams| -> Vec<u32> {
            streams.registry.get(&key).unwrap().state().shards.iter().map(|shard| shard.index).collect()
        };
        assert_eq!(indexes(&streams), [1, 2, 3], "what was closed a moment later is held");
        clock.advance_ms(1_000);
        trim(&streams.registry);
        streams.shutdown().await;
        drop(streams);
        let streams = open();
        assert_eq!(indexes(&streams), [3]);
        streams
            .registry
            .reshard(&streams.registry.get(&key).unwrap(), |resharding| resharding.split(3, HashKey(100)))
            .unwrap();
        assert_eq!(indexes(&streams), [3, 4, 5]);
    }
}

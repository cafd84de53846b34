//! Drops what is older than its stream's retention period.

use crate::streams::Streams;

/// Drops expired segments of all streams. Logs that nobody opened are opened for it, so that quiet
/// streams give their space back too.
pub(crate) fn trim(streams: &Streams) {
    for stream in streams.all() {
        let state = stream.state();
        let horizon_ms = state.horizon_ms(streams.clock.now_ms());
        if state.created_ms >= horizon_ms {
            continue;
        }
        if let Err(error) = streams.drop_expired_shards(&stream) {
            tracing::error!(stream = state.key.name, %error, "forgetting expired shards");
        }
        let Ok(log) = stream.log() else { continue };
        match log.trim_before(horizon_ms) {
            Ok(0) => {}
            Ok(segments) => tracing::info!(stream = state.key.name, segments, "dropped expired segments"),
            Err(error) => tracing::error!(stream = state.key.name, %error, "dropping expired segments"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use anabranch_control::ControlStore;
    use anabranch_protocol::{ManualClock, RequestContext};
    use anabranch_storage::Config;

    use super::*;
    use crate::hash_key::HashKey;
    use crate::stream::{StreamKey, StreamState};
    use crate::streams::StreamsConfig;

    #[tokio::test]
    async fn expired_shards_are_forgotten_and_their_ids_are_not_used_again() {
        let directory = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::new(1_763_000_000_000));
        let open = || {
            let control = ControlStore::open(&directory.path().join("control.redb")).unwrap();
            let config = StreamsConfig {
                directory: directory.path().join("streams"),
                log: Config { segment_bytes_min: 64 << 10, ..Config::default() },
                transition_delay: Duration::ZERO,
                limits: crate::Limits::Off,
            };
            Streams::open(config, control, clock.clone()).unwrap()
        };
        let streams = open();
        let key = StreamKey::of_name(&RequestContext::default(), "clicks");
        streams.create(StreamState::new(key.clone(), 1, 1_763_000_000_000)).unwrap();
        streams.reshard(&streams.get(&key).unwrap(), |resharding| resharding.split(0, HashKey(100))).unwrap();
        clock.advance_ms(1_000);
        streams.reshard(&streams.get(&key).unwrap(), |resharding| resharding.merge(1, 2)).unwrap();
        clock.advance_ms(24 * 3_600_000);
        trim(&streams);
        let indexes = |streams: &Streams| -> Vec<u32> {
            streams.get(&key).unwrap().state().shards.iter().map(|shard| shard.index).collect()
        };
        assert_eq!(indexes(&streams), [1, 2, 3], "what was closed a moment later is held");
        clock.advance_ms(1_000);
        trim(&streams);
        streams.shutdown().await;
        drop(streams);
        let streams = open();
        assert_eq!(indexes(&streams), [3]);
        streams.reshard(&streams.get(&key).unwrap(), |resharding| resharding.split(3, HashKey(100))).unwrap();
        assert_eq!(indexes(&streams), [3, 4, 5]);
    }
}

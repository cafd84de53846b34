//! Drops what is older than its stream's retention period.

use std::sync::Weak;
use std::time::Duration;

use tokio::sync::watch;

use crate::limits::RETENTION_CHECK_MS;
use crate::streams::Streams;

/// Looks for expired segments until `stop`. Logs that nobody opened are opened for it, so that
/// quiet streams give their space back too.
pub(crate) async fn run(streams: Weak<Streams>, mut stop: watch::Receiver<bool>) {
    loop {
        tokio::select! {
            _ = stop.changed() => return,
            () = tokio::time::sleep(Duration::from_millis(RETENTION_CHECK_MS)) => {}
        }
        let Some(streams) = streams.upgrade() else { return };
        // A panic in there is printed; the next round tries again.
        let _ = tokio::task::spawn_blocking(move || trim(&streams)).await;
    }
}

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

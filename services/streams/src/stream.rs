//! A stream that is served: its state, its log and what is counted of it.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use anabranch_storage::Config;
use parking_lot::{Mutex, RwLock};
use tokio::sync::watch;

use crate::error::{AccessError, LogFailure, StreamNotFound};
use crate::meters::Meters;
use crate::open_logs::OpenLogs;
use crate::quota::StreamQuota;
use crate::routing::Routes;
use crate::state::stream::StreamState;
use crate::stream_log::{LogInUse, StreamLog};

/// A stream that is served. Its log is open only while it is needed, so that thousands of quiet
/// streams cost nothing.
#[derive(Debug)]
pub(crate) struct Stream {
    state: RwLock<Arc<StreamState>>,
    /// Held for reading while records are appended, for writing while shards change.
    pub(crate) routes: RwLock<Arc<Routes>>,
    /// Held by whoever changes the state, from the moment it is read.
    pub(crate) changing: Mutex<()>,
    pub(crate) log: Arc<StreamLog>,
    /// When retention looks at the log again, in milliseconds since the epoch; 0 if it never has.
    pub(crate) trim_due_ms: AtomicU64,
    /// Changes whenever the state does, and when the stream is removed.
    changes: watch::Sender<()>,
    /// What its shards may take in, where quotas apply.
    pub(crate) quota: StreamQuota,
    pub(crate) meters: Meters,
    pub(crate) records_in: AtomicU64,
    pub(crate) bytes_in: AtomicU64,
}

impl Stream {
    /// A stream whose log lies in `directory`, under its id.
    pub(crate) fn new(state: StreamState, directory: &Path, config: Config, logs: Arc<OpenLogs>) -> Self {
        Self {
            log: StreamLog::new(state.id, directory, config, logs),
            trim_due_ms: AtomicU64::new(0),
            changes: watch::Sender::new(()),
            routes: RwLock::new(Arc::new(Routes::new(&state))),
            state: RwLock::new(Arc::new(state)),
            changing: Mutex::new(()),
            quota: StreamQuota::default(),
            meters: Meters::default(),
            records_in: AtomicU64::new(0),
            bytes_in: AtomicU64::new(0),
        }
    }

    pub(crate) fn state(&self) -> Arc<StreamState> {
        self.state.read().clone()
    }

    /// A copy of the state, unless the stream is deleted, for a caller that holds `changing`.
    pub(crate) fn held_state(&self) -> Result<StreamState, StreamNotFound> {
        let state = self.state();
        if self.log.is_deleted() { Err(StreamNotFound(state.key.clone())) } else { Ok((*state).clone()) }
    }

    /// Replaces the state; the routes, if they changed, go with it.
    pub(crate) fn set_state(&self, state: StreamState) {
        *self.state.write() = Arc::new(state);
        self.tell_change();
    }

    /// Wakes whoever waits for a change.
    pub(crate) fn tell_change(&self) {
        self.changes.send_replace(());
    }

    /// Receives changes from now on.
    pub(crate) fn changes(&self) -> watch::Receiver<()> {
        self.changes.subscribe()
    }

    /// The log, opened if necessary.
    pub(crate) fn log(&self) -> Result<LogInUse, AccessError> {
        self.log.acquire().map_err(|error| self.unless_deleted(error))
    }

    /// As [`Stream::log`], for asynchronous callers.
    pub(crate) async fn log_acquired(&self) -> Result<LogInUse, AccessError> {
        self.log.acquired().await.map_err(|error| self.unless_deleted(error))
    }

    /// A failure of the log, or that the stream is gone, so that its log can no longer be used.
    pub(crate) fn unless_deleted(&self, failure: LogFailure) -> AccessError {
        match self.log.is_deleted() {
            true => StreamNotFound(self.state().key.clone()).into(),
            false => failure.into(),
        }
    }
}

//! A stream that is served: its state, its log and what is counted of it.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use anabranch_protocol::ApiError;
use anabranch_storage::Config;
use parking_lot::{Mutex, RwLock};
use tokio::sync::watch;

use crate::error::stream_not_found;
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
    /// When retention looks at the log again, in milliseconds since the epoch; 0 if it did not yet.
    pub(crate) trim_due_ms: AtomicU64,
    /// Ticks when the state changes, and when the stream goes.
    changes: watch::Sender<()>,
    /// What its shards may take, where quotas hold.
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
    pub(crate) fn held_state(&self) -> Result<StreamState, ApiError> {
        let state = self.state();
        if self.log.is_deleted() { Err(stream_not_found(&state.key)) } else { Ok((*state).clone()) }
    }

    /// Replaces the state; the routes, if they changed, go with it.
    pub(crate) fn set_state(&self, state: StreamState) {
        *self.state.write() = Arc::new(state);
        self.tell_change();
    }

    /// Wakes those who wait for something to change.
    pub(crate) fn tell_change(&self) {
        self.changes.send_replace(());
    }

    /// Is told of changes from now on.
    pub(crate) fn changes(&self) -> watch::Receiver<()> {
        self.changes.subscribe()
    }

    /// The log, opened if it is not.
    pub(crate) fn log(&self) -> Result<LogInUse, ApiError> {
        self.log.acquire().map_err(|error| self.unless_deleted(error))
    }

    /// As [`Stream::log`], for asynchronous callers.
    pub(crate) async fn log_acquired(&self) -> Result<LogInUse, ApiError> {
        self.log.acquired().await.map_err(|error| self.unless_deleted(error))
    }

    /// An error of the log, or that of a stream that is gone: its log can't be used any more then.
    pub(crate) fn unless_deleted(&self, error: ApiError) -> ApiError {
        if self.log.is_deleted() { stream_not_found(&self.state().key) } else { error }
    }
}

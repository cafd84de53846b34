//! All streams by name and id. Their changes are in `change.rs`, how they come and go in
//! `lifecycle.rs`, how many an account may have in `account_quota.rs`. Operations and background
//! work know the registry; it knows none of them.

mod account_quota;
mod change;
mod lifecycle;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use anabranch_control::{Changes, ControlStore, Marker, Table};
use anabranch_protocol::{Clock, RequestContext};
use parking_lot::{Mutex, RwLock};
use uuid::Uuid;

use crate::config::StreamsConfig;
use crate::error::{AddressError, StreamNotFound};
use crate::leftovers::UNFINISHED;
use crate::open_logs::OpenLogs;
use crate::state::account_use::AccountUse;
use crate::state::key::StreamKey;
use crate::state::status::StreamStatus;
use crate::state::stored::StoredStream;
use crate::state::stream::StreamState;
use crate::stream::Stream;

pub(crate) const STREAMS: Table = Table("streams");

/// The streams that there are. Its lock is held for a look or an entry only, never over a commit or
/// a file.
pub(crate) struct Registry {
    pub(crate) config: StreamsConfig,
    pub(crate) clock: Arc<dyn Clock>,
    control: ControlStore,
    open_logs: Arc<OpenLogs>,
    entries: RwLock<Entries>,
    /// Held by whoever takes more of an account's quotas: see `account_quota.rs`.
    claiming: Mutex<()>,
}

#[derive(Default)]
struct Entries {
    by_key: BTreeMap<StreamKey, Arc<Stream>>,
    /// The same, for iterators.
    by_id: HashMap<Uuid, Arc<Stream>>,
    /// Streams that are being made: their names are taken, and they count against quotas.
    creating: HashMap<StreamKey, AccountUse>,
}

impl Entries {
    fn insert(&mut self, stream: Arc<Stream>) {
        let state = stream.state();
        self.by_id.insert(state.id, stream.clone());
        self.by_key.insert(state.key.clone(), stream);
    }

    fn remove(&mut self, state: &StreamState) {
        self.by_id.remove(&state.id);
        self.by_key.remove(&state.key);
    }
}

impl Registry {
    /// The streams that control state knows. Those that were being deleted are not: their files are
    /// entered among those that are to go.
    pub(crate) fn open(
        config: StreamsConfig,
        control: ControlStore,
        clock: Arc<dyn Clock>,
    ) -> anabranch_control::Result<Self> {
        let (mut entries, mut removed) = (Entries::default(), Changes::default());
        let open_logs = Arc::new(OpenLogs::new(config.open_logs_max));
        for (key, row) in control.scan::<StoredStream>(STREAMS, "")? {
            let state = StreamState::from(row);
            if state.deleting {
                removed.delete(STREAMS, &key);
                removed.put(UNFINISHED, &state.id.to_string(), &Marker)?;
                continue;
            }
            let stream = Stream::new(state, &config.directory, config.log.clone(), open_logs.clone());
            stream.log.check_presence();
            entries.insert(Arc::new(stream));
        }
        control.commit(removed)?;
        Ok(Self { config, clock, control, open_logs, entries: RwLock::new(entries), claiming: Mutex::new(()) })
    }

    /// How many logs are open now.
    pub(crate) fn open_logs(&self) -> usize {
        self.open_logs.count()
    }

    /// Closes all logs.
    pub(crate) fn close_logs(&self) {
        self.all().iter().for_each(|stream| stream.log.close());
    }

    pub(crate) fn all(&self) -> Vec<Arc<Stream>> {
        self.entries.read().by_key.values().cloned().collect()
    }

    /// The streams that the caller sees, by name.
    pub(crate) fn of(&self, context: &RequestContext) -> Vec<Arc<Stream>> {
        let streams = self.entries.read();
        streams.by_key.iter().filter(|(key, _)| key.is_of(context)).map(|(_, stream)| stream.clone()).collect()
    }

    pub(crate) fn get(&self, key: &StreamKey) -> Result<Arc<Stream>, StreamNotFound> {
        self.entries.read().by_key.get(key).cloned().ok_or_else(|| StreamNotFound(key.clone()))
    }

    pub(crate) fn by_id(&self, id: Uuid) -> Option<Arc<Stream>> {
        self.entries.read().by_id.get(&id).cloned()
    }

    /// The stream that a request names by name, ARN or both.
    pub(crate) fn named(
        &self,
        context: &RequestContext,
        name: Option<&str>,
        arn: Option<&str>,
    ) -> Result<Arc<Stream>, AddressError> {
        Ok(self.get(&StreamKey::of_request(context, name, arn)?)?)
    }

    /// The stream that a request for data names: it must be past CREATING and not DELETING.
    pub(crate) fn readable(
        &self,
        context: &RequestContext,
        name: Option<&str>,
        arn: Option<&str>,
    ) -> Result<Arc<Stream>, AddressError> {
        let stream = self.named(context, name, arn)?;
        let state = stream.state();
        match state.status(self.clock.now_ms()) {
            StreamStatus::Creating | StreamStatus::Deleting => Err(StreamNotFound(state.key.clone()).into()),
            StreamStatus::Active | StreamStatus::Updating => Ok(stream),
        }
    }
}

//! All streams: what exists, by name; opening them, creating and deleting.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::{Arc, Weak};
use std::time::Duration;

use anabranch_control::{Changes, ControlStore, Marker, Table};
use anabranch_protocol::{ApiError, Clock, Problem, RequestContext};
use anabranch_storage::Config;
use parking_lot::{Mutex, RwLock};
use tokio::sync::watch;
use uuid::Uuid;

use crate::call_rates::CallRates;
use crate::error::{OpenError, stream_exists, stream_not_found};
use crate::iterator::IteratorKey;
use crate::leftovers::{UNFINISHED, move_strays, remove_unfinished};
use crate::limits::{GROWTH_CHECK_MS, OPEN_LOGS_DEFAULT, RETENTION_CHECK_MS};
use crate::open_logs::OpenLogs;
use crate::quota::Limits;
use crate::resharding::Resharding;
use crate::routing::Routes;
use crate::stream::{Stream, StreamKey, StreamMode, StreamState};
use crate::subscription::Subscriptions;

const STREAMS: Table = Table("streams");
const SECRETS: Table = Table("streams_secrets");

/// Settings of the service.
#[derive(Debug, Clone)]
pub struct StreamsConfig {
    /// Where the streams' logs lie, one directory each.
    pub directory: PathBuf,
    /// Where directories are moved that lie there and that control state does not explain.
    pub strays: PathBuf,
    /// Settings of each log, its flush policy among them.
    pub log: Config,
    /// Most logs that are open at once, two file descriptors each; at least one. A stream that needs
    /// another has the one closed that was not used for longest.
    pub open_logs_max: usize,
    /// How long a new stream stays CREATING, a changed one UPDATING and a deleted one DELETING.
    pub transition_delay: Duration,
    /// Whether AWS's quotas hold.
    pub limits: Limits,
}

impl StreamsConfig {
    /// Settings for streams in `directory`: AWS's quotas hold, changes are complete at once, and what
    /// is not explained goes to `strays` beside it.
    pub fn new(directory: PathBuf) -> Self {
        Self {
            strays: directory.with_file_name("strays").join("streams"),
            directory,
            log: Config::default(),
            open_logs_max: OPEN_LOGS_DEFAULT,
            transition_delay: Duration::ZERO,
            limits: Limits::Aws,
        }
    }
}

/// Kinesis Data Streams.
pub struct Streams {
    pub(crate) config: StreamsConfig,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) iterator_key: IteratorKey,
    pub(crate) control: ControlStore,
    /// Held by whoever changes the settings of an account, from reading them on.
    pub(crate) changing_accounts: Mutex<()>,
    streams: RwLock<Registry>,
    /// Held while a stream is made.
    creating: Mutex<()>,
    open_logs: Arc<OpenLogs>,
    /// Directories that nothing explains, as they were found at the start.
    strays: Vec<Problem>,
    pub(crate) subscriptions: Subscriptions,
    pub(crate) call_rates: CallRates,
    stop: watch::Sender<bool>,
    /// For what outlives a call.
    this: Weak<Self>,
}

/// The streams that there are.
#[derive(Default)]
struct Registry {
    by_key: BTreeMap<StreamKey, Arc<Stream>>,
    /// The same, for iterators.
    by_id: HashMap<Uuid, Arc<Stream>>,
}

impl Registry {
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

/// Figures of a stream for people.
#[derive(Debug, Clone)]
pub struct StreamStat {
    /// Its name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// Its status.
    pub status: &'static str,
    /// Open shards.
    pub open_shards: usize,
    /// All shards.
    pub shards: usize,
    /// Hours for which records are kept.
    pub retention_hours: u32,
    /// Records held, if the log was opened yet.
    pub records: Option<u64>,
    /// Bytes taken on the disk, if the log was opened yet.
    pub reserved_bytes: Option<u64>,
    /// Records put since the start.
    pub records_in: u64,
    /// Bytes of data put since the start.
    pub bytes_in: u64,
}

impl Streams {
    /// Opens all streams that control state knows. Files of streams that were being made or removed
    /// are removed; what else lies there and is not known is moved aside. Logs are opened when they
    /// are first used. Needs a Tokio runtime.
    ///
    /// # Errors
    /// When the control store or the directory can't be read.
    pub fn open(config: StreamsConfig, control: ControlStore, clock: Arc<dyn Clock>) -> Result<Arc<Self>, OpenError> {
        let at = |source| OpenError::Io { path: config.directory.clone(), source };
        std::fs::create_dir_all(&config.directory).map_err(at)?;
        let iterator_key = match control.get(SECRETS, "iterator_key")? {
            Some(key) => key,
            None => {
                let key = IteratorKey::generate();
                control.put(SECRETS, "iterator_key", &key)?;
                key
            }
        };
        let (mut streams, mut removed) = (Registry::default(), Changes::default());
        let open_logs = Arc::new(OpenLogs::new(config.open_logs_max));
        for (key, state) in control.scan::<StreamState>(STREAMS, "")? {
            if state.deleting {
                removed.delete(STREAMS, &key);
                removed.put(UNFINISHED, &state.id.to_string(), &Marker)?;
                continue;
            }
            let stream = Stream::new(state, &config.directory, config.log.clone(), open_logs.clone());
            stream.log.check_presence();
            streams.insert(Arc::new(stream));
        }
        control.commit(removed)?;
        remove_unfinished(&control, &config.directory)?;
        let strays =
            move_strays(&config.directory, &config.strays, |id| streams.by_id.contains_key(&id)).map_err(at)?;
        let service = Arc::new_cyclic(|this| Self {
            config,
            clock,
            iterator_key,
            control,
            changing_accounts: Mutex::new(()),
            streams: RwLock::new(streams),
            creating: Mutex::new(()),
            open_logs,
            strays,
            subscriptions: Subscriptions::default(),
            call_rates: CallRates::default(),
            stop: watch::Sender::new(false),
            this: this.clone(),
        });
        let growth = service.config.limits == Limits::Aws;
        service.spawn_rounds(RETENTION_CHECK_MS, crate::retention::trim);
        if growth {
            service.spawn_rounds(GROWTH_CHECK_MS, |streams| crate::on_demand::grow(streams, GROWTH_CHECK_MS));
        }
        Ok(service)
    }

    /// Does `work` each so many milliseconds, until the service ends.
    fn spawn_rounds(&self, every_ms: u64, work: fn(&Self)) {
        let (this, mut stop) = (self.this.clone(), self.stop.subscribe());
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    _ = stop.changed() => return,
                    () = tokio::time::sleep(Duration::from_millis(every_ms)) => {}
                }
                let Some(streams) = this.upgrade() else { return };
                // A panic in there is printed; the next round tries again.
                let _ = tokio::task::spawn_blocking(move || work(&streams)).await;
            }
        });
    }

    /// Ends the background work and closes all logs.
    pub async fn shutdown(&self) {
        self.stop.send_replace(true);
        let streams = self.all();
        // A panic while closing was printed already, and the process is ending.
        let _ = tokio::task::spawn_blocking(move || streams.iter().for_each(|stream| stream.log.close())).await;
    }

    /// Figures of all streams, by name.
    pub fn stat(&self) -> Vec<StreamStat> {
        let now_ms = self.clock.now_ms();
        let stat = |stream: Arc<Stream>| {
            let state = stream.state();
            let log = stream.log.stat();
            StreamStat {
                name: state.key.name.clone(),
                arn: state.key.arn(),
                status: state.status(now_ms),
                open_shards: state.open_shards().count(),
                shards: state.shards.len(),
                retention_hours: state.retention_hours,
                records: log.map(|log| log.records),
                reserved_bytes: log.map(|log| log.reserved_bytes),
                records_in: stream.records_in.load(std::sync::atomic::Ordering::Relaxed),
                bytes_in: stream.bytes_in.load(std::sync::atomic::Ordering::Relaxed),
            }
        };
        self.all().into_iter().map(stat).collect()
    }

    /// What is wrong with streams, as far as it was met. Opens no log.
    pub fn problems(&self) -> Vec<Problem> {
        let of_stream = |stream: &Arc<Stream>| stream.log.problems(&stream.state().key.name);
        self.strays.iter().cloned().chain(self.all().iter().flat_map(of_stream)).collect()
    }

    /// How many logs are open now; at most [`StreamsConfig::open_logs_max`].
    pub fn open_logs(&self) -> usize {
        self.open_logs.count()
    }

    /// Itself, for what outlives a call.
    pub(crate) fn shared(&self) -> Result<Arc<Self>, ApiError> {
        self.this.upgrade().ok_or_else(|| ApiError::internal("the service is shutting down"))
    }

    pub(crate) fn all(&self) -> Vec<Arc<Stream>> {
        self.streams.read().by_key.values().cloned().collect()
    }

    /// The streams that the caller sees, by name.
    pub(crate) fn of(&self, context: &RequestContext) -> Vec<Arc<Stream>> {
        let streams = self.streams.read();
        streams.by_key.iter().filter(|(key, _)| key.is_of(context)).map(|(_, stream)| stream.clone()).collect()
    }

    pub(crate) fn get(&self, key: &StreamKey) -> Result<Arc<Stream>, ApiError> {
        self.streams.read().by_key.get(key).cloned().ok_or_else(|| stream_not_found(key))
    }

    pub(crate) fn by_id(&self, id: Uuid) -> Option<Arc<Stream>> {
        self.streams.read().by_id.get(&id).cloned()
    }

    /// The stream that a request names by name, ARN or both.
    pub(crate) fn named(
        &self,
        context: &RequestContext,
        name: Option<&str>,
        arn: Option<&str>,
    ) -> Result<Arc<Stream>, ApiError> {
        self.get(&StreamKey::of_request(context, name, arn)?)
    }

    /// The stream that a request for data names: it must be past CREATING and not DELETING.
    pub(crate) fn readable(
        &self,
        context: &RequestContext,
        name: Option<&str>,
        arn: Option<&str>,
    ) -> Result<Arc<Stream>, ApiError> {
        let stream = self.named(context, name, arn)?;
        let state = stream.state();
        match state.status(self.clock.now_ms()) {
            "CREATING" | "DELETING" => Err(stream_not_found(&state.key)),
            _ => Ok(stream),
        }
    }

    /// Changes a stream's state by `apply`, in control state first. The stream must be ACTIVE, and
    /// nothing else changes it meanwhile.
    pub(crate) fn change<T>(
        &self,
        stream: &Stream,
        apply: impl FnOnce(&mut StreamState, u64) -> Result<T, ApiError>,
    ) -> Result<T, ApiError> {
        self.change_in_any_status(stream, |state, now_ms| {
            state.check_active(now_ms)?;
            apply(state, now_ms)
        })
    }

    /// Changes a stream as [`Streams::change`] does, whatever its status.
    pub(crate) fn change_in_any_status<T>(
        &self,
        stream: &Stream,
        apply: impl FnOnce(&mut StreamState, u64) -> Result<T, ApiError>,
    ) -> Result<T, ApiError> {
        let _changing = stream.changing.lock();
        let mut state = stream.held_state()?;
        let result = apply(&mut state, self.clock.now_ms())?;
        self.update(stream, state)?;
        Ok(result)
    }

    /// Changes a stream as [`Streams::change`] does, after which it is UPDATING for a while.
    pub(crate) fn change_slowly<T>(
        &self,
        stream: &Stream,
        apply: impl FnOnce(&mut StreamState, u64) -> Result<T, ApiError>,
    ) -> Result<T, ApiError> {
        self.change(stream, |state, now_ms| {
            let result = apply(state, now_ms)?;
            state.updating_until_ms = self.after_transition(now_ms);
            Ok(result)
        })
    }

    /// Changes the shards of a provisioned stream by `apply`, after which it is UPDATING for a while.
    pub(crate) fn reshard<T>(
        &self,
        stream: &Stream,
        apply: impl FnOnce(&mut Resharding<'_>) -> Result<T, ApiError>,
    ) -> Result<T, ApiError> {
        self.reshard_in_any_mode(stream, |resharding| match resharding.state.mode {
            StreamMode::Provisioned => apply(resharding),
            StreamMode::OnDemand => Err(ApiError::validation(format!(
                "Request is invalid. Stream {} is in On-Demand mode.",
                resharding.state.key.under_account()
            ))),
        })
    }

    /// Changes a stream's shards as [`Streams::reshard`] does, whatever its mode. Appends wait until
    /// it is done, for a flush and a commit: what closed shards hold is durable by then, and no
    /// append goes to a shard that control state does not know.
    pub(crate) fn reshard_in_any_mode<T>(
        &self,
        stream: &Stream,
        apply: impl FnOnce(&mut Resharding<'_>) -> Result<T, ApiError>,
    ) -> Result<T, ApiError> {
        let log = stream.log()?;
        let _changing = stream.changing.lock();
        let now_ms = self.clock.now_ms();
        let mut state = stream.held_state()?;
        state.check_active(now_ms)?;
        let mut routes = stream.routes.write();
        let at = stream.durable_end(&log)?;
        let result = apply(&mut Resharding { state: &mut state, at, now_ms })?;
        state.updating_until_ms = self.after_transition(now_ms);
        self.store(&state)?;
        let changed = Arc::new(Routes::new(&state));
        *routes = changed;
        stream.set_state(state);
        Ok(result)
    }

    /// When a change that begins now is complete.
    pub(crate) fn after_transition(&self, now_ms: u64) -> u64 {
        now_ms + self.config.transition_delay.as_millis() as u64
    }

    /// Replaces a stream's state, in control state first. Its shards stay as they are.
    fn update(&self, stream: &Stream, state: StreamState) -> Result<(), ApiError> {
        self.store(&state)?;
        stream.set_state(state);
        Ok(())
    }

    /// Forgets closed shards whose records are all out of retention.
    pub(crate) fn drop_expired_shards(&self, stream: &Stream) -> Result<(), ApiError> {
        let _changing = stream.changing.lock();
        let mut state = (*stream.state()).clone();
        let horizon_ms = state.horizon_ms(self.clock.now_ms());
        state.shards.retain(|shard| !shard.is_closed_before(horizon_ms));
        if stream.log.is_deleted() || state.shards.len() == stream.state().shards.len() {
            return Ok(());
        }
        self.update(stream, state)
    }

    /// Makes a stream: its log first, then its entry in control state, which says before that there
    /// is something to be removed if it comes to nothing.
    pub(crate) fn create(&self, state: StreamState) -> Result<(), ApiError> {
        let _creating = self.creating.lock();
        if self.streams.read().by_key.contains_key(&state.key) {
            return Err(stream_exists(&state.key));
        }
        let id = state.id.to_string();
        self.control.put(UNFINISHED, &id, &Marker).map_err(|error| control_failure(&error))?;
        let stream = Stream::new(state, &self.config.directory, self.config.log.clone(), self.open_logs.clone());
        let made = stream.log.make().and_then(|()| {
            let (state, mut changes) = (stream.state(), Changes::default());
            changes.delete(UNFINISHED, &id);
            let entered = changes.put(STREAMS, &state.key.to_string(), &*state);
            entered.and_then(|()| self.control.commit(changes)).map_err(|error| control_failure(&error))
        });
        if let Err(error) = made {
            self.remove_files(&stream);
            return Err(error);
        }
        self.streams.write().insert(Arc::new(stream));
        Ok(())
    }

    /// Marks a stream as being deleted.
    pub(crate) fn begin_deletion(&self, stream: &Stream) -> Result<(), ApiError> {
        self.change_in_any_status(stream, |state, _| {
            state.deleting = true;
            Ok(())
        })
    }

    /// Removes a stream: its entry in control state first, which keeps that its files are to go until
    /// they are gone.
    pub(crate) fn finish_deletion(&self, stream: &Stream) -> Result<(), ApiError> {
        let _changing = stream.changing.lock();
        let (state, mut changes) = (stream.held_state()?, Changes::default());
        changes.delete(STREAMS, &state.key.to_string());
        let noted = changes.put(UNFINISHED, &state.id.to_string(), &Marker);
        noted.and_then(|()| self.control.commit(changes)).map_err(|error| control_failure(&error))?;
        self.streams.write().remove(&state);
        self.remove_files(stream);
        stream.tell_change();
        Ok(())
    }

    /// Closes a stream's log and removes its files, and then what control state knows of them. What
    /// can't be removed now is removed at the next start.
    fn remove_files(&self, stream: &Stream) {
        let state = stream.state();
        let removed = stream.log.delete().map_err(|error| error.to_string());
        let forgotten = removed
            .and_then(|()| self.control.delete(UNFINISHED, &state.id.to_string()).map_err(|error| error.to_string()));
        if let Err(error) = forgotten {
            tracing::warn!(stream = state.key.name, error, "removing a deleted stream's files");
        }
    }

    /// Removes a stream once it was DELETING long enough. A restart meanwhile removes it at once.
    pub(crate) fn finish_deletion_after(&self, stream: Arc<Stream>, delay: Duration) {
        let (this, mut stop) = (self.this.clone(), self.stop.subscribe());
        tokio::spawn(async move {
            tokio::select! {
                _ = stop.changed() => return,
                () = tokio::time::sleep(delay) => {}
            }
            let Some(streams) = this.upgrade() else { return };
            let removed = tokio::task::spawn_blocking(move || streams.finish_deletion(&stream)).await;
            if let Ok(Err(error)) = removed {
                tracing::error!(%error, "removing a deleted stream");
            }
        });
    }

    fn store(&self, state: &StreamState) -> Result<(), ApiError> {
        let stored = self.control.put(STREAMS, &state.key.to_string(), state);
        stored.map_err(|error| control_failure(&error))
    }
}

/// The logs are closed, if [`Streams::shutdown`] did not.
impl Drop for Streams {
    fn drop(&mut self) {
        self.all().iter().for_each(|stream| stream.log.close());
    }
}

pub(crate) fn control_failure(error: &anabranch_control::ControlError) -> ApiError {
    tracing::error!(%error, "control state of a stream");
    ApiError::internal(error.to_string())
}

//! The service: its parts, opened and closed, and its work in the background.

use std::sync::{Arc, Weak};
use std::time::Duration;

use anabranch_control::{ControlStore, Table};
use anabranch_protocol::{ApiError, Clock, Problem};
use parking_lot::Mutex;
use tokio::sync::watch;

use crate::call_rates::CallRates;
use crate::config::StreamsConfig;
use crate::error::OpenError;
use crate::iterator::IteratorKey;
use crate::leftovers::{move_strays, remove_unfinished};
use crate::limits::{GROWTH_CHECK, RETENTION_CHECK};
use crate::quota::Limits;
use crate::registry::Registry;
use crate::stream::Stream;
use crate::subscription::Subscriptions;
use crate::{on_demand, retention};

const SECRETS: Table = Table("streams_secrets");

/// Kinesis Data Streams.
pub struct Streams {
    pub(crate) registry: Arc<Registry>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) iterator_key: IteratorKey,
    pub(crate) control: ControlStore,
    /// Held by whoever changes the settings of an account, from the moment they are read.
    pub(crate) changing_accounts: Mutex<()>,
    /// Directories that nothing explains, as they were found at the start.
    strays: Vec<Problem>,
    pub(crate) subscriptions: Subscriptions,
    pub(crate) call_rates: CallRates,
    stop: watch::Sender<bool>,
    /// For what outlives a call.
    this: Weak<Self>,
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
        let registry = Arc::new(Registry::open(config.clone(), control.clone(), clock.clone())?);
        remove_unfinished(&control, &config.directory)?;
        let is_known = |id| registry.by_id(id).is_some();
        let strays = move_strays(&config.directory, &config.strays, is_known).map_err(at)?;
        let service = Arc::new_cyclic(|this| Self {
            registry,
            clock,
            iterator_key,
            control,
            changing_accounts: Mutex::new(()),
            strays,
            subscriptions: Subscriptions::default(),
            call_rates: CallRates::default(),
            stop: watch::Sender::new(false),
            this: this.clone(),
        });
        service.spawn_rounds(RETENTION_CHECK, |registry, _| retention::trim(registry));
        if config.limits == Limits::Aws {
            service.spawn_rounds(GROWTH_CHECK, on_demand::grow);
        }
        Ok(service)
    }

    /// Does `work` again and again, `pause` after the last time, until the service ends. It is told
    /// how long ago the last time began.
    fn spawn_rounds(&self, pause: Duration, work: fn(&Registry, Duration)) {
        let (registry, mut stop) = (Arc::downgrade(&self.registry), self.stop.subscribe());
        let clock = self.clock.clone();
        let mut last = clock.instant();
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    _ = stop.changed() => return,
                    () = clock.sleep(pause) => {}
                }
                let Some(registry) = registry.upgrade() else { return };
                let now = clock.instant();
                let passed = now - last;
                last = now;
                // A panic in there is printed; the next round tries again.
                let _ = tokio::task::spawn_blocking(move || work(&registry, passed)).await;
            }
        });
    }

    /// Ends the background work and closes all logs.
    pub async fn shutdown(&self) {
        self.stop.send_replace(true);
        let registry = self.registry.clone();
        // A panic while closing was printed already, and the process is ending.
        let _ = tokio::task::spawn_blocking(move || registry.close_logs()).await;
    }

    /// What is wrong with streams, as far as it was met. Opens no log.
    pub fn problems(&self) -> Vec<Problem> {
        let of_stream = |stream: &Arc<Stream>| stream.log.problems(&stream.state().key.name);
        self.strays.iter().cloned().chain(self.registry.all().iter().flat_map(of_stream)).collect()
    }

    /// How many logs are open now; at most [`StreamsConfig::open_logs_max`].
    pub fn open_logs(&self) -> usize {
        self.registry.open_logs()
    }

    /// Itself, for what outlives a call.
    pub(crate) fn shared(&self) -> Result<Arc<Self>, ApiError> {
        self.this.upgrade().ok_or_else(|| ApiError::internal("the service is shutting down"))
    }

    /// Removes a stream once it was DELETING long enough. A restart meanwhile removes it at once.
    pub(crate) fn finish_deletion_after(&self, stream: Arc<Stream>, delay: Duration) {
        let (registry, mut stop) = (Arc::downgrade(&self.registry), self.stop.subscribe());
        let delayed = self.clock.sleep(delay);
        tokio::spawn(async move {
            tokio::select! {
                _ = stop.changed() => return,
                () = delayed => {}
            }
            let Some(registry) = registry.upgrade() else { return };
            let removed = tokio::task::spawn_blocking(move || registry.finish_deletion(&stream)).await;
            if let Ok(Err(error)) = removed {
                tracing::error!(%error, "removing a deleted stream");
            }
        });
    }
}

/// The logs are closed, if [`Streams::shutdown`] did not.
impl Drop for Streams {
    fn drop(&mut self) {
        self.registry.close_logs();
    }
}

//! CloudWatch Logs as the server sees it.

use std::path::Path;
use std::sync::Arc;

use anabranch_control::ControlStore;
use anabranch_ports::{LogSink, Target};
use anabranch_protocol::{Answer, ApiError, Call, Clock, Problem, Section, Service, ServiceModel, StartFailure};
use async_trait::async_trait;
use parking_lot::Mutex;
use tokio::task::AbortHandle;

use crate::error::LogsError;
use crate::groups::Groups;
use crate::shared::Shared;
use crate::sink::Sink;
use crate::store::{OpenLogs, Store};
use crate::subscriptions::Subscriptions;
use crate::{operations, retention, section};

/// Size of the first segment of a group's log, in bytes: most groups are small.
const FIRST_SEGMENT_BYTES: u64 = 64 << 10;
/// Size that segments grow to, in bytes: events expire by whole segments.
const SEGMENT_BYTES: u64 = 16 << 20;

/// The CloudWatch Logs service over one data directory.
pub struct Logs {
    pub(crate) shared: Arc<Shared>,
    sink: Arc<Sink>,
    retention: Mutex<Option<AbortHandle>>,
}

impl Logs {
    /// Opens the log groups in `directory` (a log each, opened when it is used), creating it if absent.
    /// `targets` take what subscription filters match. Blocks on the disk; call it within a Tokio runtime.
    ///
    /// # Errors
    /// [`LogsError`] when the directory or the control store can't be read.
    pub fn open(
        directory: &Path,
        control: ControlStore,
        clock: Arc<dyn Clock>,
        targets: Option<Arc<dyn Target>>,
        log_config: anabranch_storage::Config,
    ) -> Result<Arc<Self>, LogsError> {
        let log_config = anabranch_storage::Config {
            segment_bytes_min: FIRST_SEGMENT_BYTES,
            segment_bytes_max: SEGMENT_BYTES,
            spare_segments_max: 0,
            ..log_config
        };
        let store = Arc::new(Store {
            directory: directory.to_path_buf(),
            log_config,
            control,
            clock,
            open_logs: OpenLogs::default(),
            found: Mutex::default(),
        });
        let groups = Groups::open(&store)?;
        let shared = Arc::new(Shared { subscriptions: Subscriptions::new(store.clone(), targets), store, groups });
        Ok(Arc::new(Self { sink: Arc::new(Sink::new(&shared)), shared, retention: Mutex::default() }))
    }

    /// Where other services write lines.
    pub fn sink(&self) -> Arc<dyn LogSink> {
        self.sink.clone()
    }

    /// Stops deliveries and closes the logs.
    pub async fn shutdown(&self) {
        self.sink.close().await;
        self.shared.subscriptions.close();
        if let Some(task) = self.retention.lock().take() {
            task.abort();
        }
        let shared = self.shared.clone();
        let closing = move || shared.store.open_logs.groups().iter().for_each(|group| group.close(&shared.store));
        if let Err(error) = tokio::task::spawn_blocking(closing).await {
            tracing::error!(%error, "log groups were not closed");
        }
    }
}

#[async_trait]
impl Service for Logs {
    fn model(&self) -> &'static ServiceModel {
        &operations::MODEL
    }

    async fn perform(&self, call: &Call) -> Result<Answer, ApiError> {
        operations::perform(&self.shared, call).await
    }

    fn problems(&self) -> Vec<Problem> {
        self.shared.store.problems()
    }

    async fn sections(&self) -> Vec<Section> {
        vec![section::section(&self.shared)]
    }

    /// Begins deliveries to destinations and the removal of what expired.
    fn start(&self) -> Result<(), StartFailure> {
        for group in self.shared.groups.all() {
            for filter in group.row().subscription_filters.clone() {
                self.shared.subscriptions.begin(&group, filter);
            }
        }
        let task = tokio::spawn(retention::run(self.shared.clone()));
        *self.retention.lock() = Some(task.abort_handle());
        Ok(())
    }

    async fn close(&self) {
        self.shutdown().await;
    }
}

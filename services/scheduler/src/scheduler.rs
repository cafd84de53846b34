//! What the operations stand on.

use std::sync::Arc;

use anabranch_control::{ControlStore, Table};
use anabranch_delivery::{Outbox, OutboxLimits};
use anabranch_ports::Target;
use anabranch_protocol::Clock;
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::error::SchedulerError;
use crate::registry::Registry;

/// Invocations that are not done.
const DELIVERIES: Table = Table("scheduler_deliveries");

/// EventBridge Scheduler.
pub struct Scheduler {
    pub(crate) registry: Arc<Registry>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) targets: Arc<dyn Target>,
    pub(crate) outbox: Arc<Outbox>,
    pub(crate) stopping: watch::Sender<bool>,
    pub(crate) timer: Mutex<Option<JoinHandle<()>>>,
}

impl Scheduler {
    /// Opens the schedules that `control` keeps. `targets` is who takes what they send. Waits for the
    /// disk.
    ///
    /// # Errors
    /// [`SchedulerError`] when what is stored can't be read.
    pub fn open(
        control: ControlStore,
        clock: Arc<dyn Clock>,
        targets: Arc<dyn Target>,
    ) -> Result<Arc<Self>, SchedulerError> {
        let registry = Arc::new(Registry::open(control.clone(), clock.now_ms())?);
        let limits = OutboxLimits::default();
        let outbox = Outbox::open(DELIVERIES, control, clock.clone(), targets.clone(), limits);
        let stopping = watch::Sender::new(false);
        Ok(Arc::new(Self { registry, clock, targets, outbox, stopping, timer: Mutex::default() }))
    }

    /// Invocations that were accepted and are not done.
    pub fn pending(&self) -> usize {
        self.outbox.pending()
    }
}

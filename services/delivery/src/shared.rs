//! What accepting, dispatching and attempts share.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anabranch_control::{ControlError, ControlStore, Table};
use anabranch_ports::Target;
use anabranch_protocol::Clock;
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::OutboxLimits;
use crate::failing::Failing;
use crate::key::Key;
use crate::queues::Queues;
use crate::stored::StoredDelivery;

/// The parts of an outbox.
pub(crate) struct Shared {
    pub(crate) table: Table,
    pub(crate) control: ControlStore,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) targets: Arc<dyn Target>,
    pub(crate) limits: OutboxLimits,
    pub(crate) failing: Failing,
    pub(crate) counts: Counts,
    pub(crate) queues: Mutex<Queues>,
    /// Something may be begun.
    pub(crate) changed: Notify,
}

/// What became of deliveries since the outbox was opened.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) delivered: AtomicU64,
    pub(crate) dead_lettered: AtomicU64,
    pub(crate) given_up: AtomicU64,
}

impl Shared {
    pub(crate) fn count(&self, which: impl Fn(&Counts) -> &AtomicU64) {
        which(&self.counts).fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) async fn read(&self, key: Key) -> Result<Option<StoredDelivery>, ControlError> {
        let (control, table) = (self.control.clone(), self.table);
        let read = tokio::task::spawn_blocking(move || control.get(table, &key.text()));
        read.await.unwrap_or(Err(ControlError::Closed))
    }
}

//! A queue: its settings, its messages, and what is done to them.
//!
//! Whatever changes messages holds the queue's lock from the look at them to the append, so that the
//! log has the changes of a queue in the order in which they were made. All of it may wait for the
//! disk and runs on threads for that.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anabranch_protocol::ApiError;
use anabranch_storage::Failure;
use parking_lot::{Mutex, MutexGuard, RwLock};
use tokio::sync::Notify;
use uuid::Uuid;

use crate::attempts::Attempts;
use crate::dedup::Deduplication;
use crate::error::no_such_queue;
use crate::journal::Journal;
use crate::name::QueueName;
use crate::record;
use crate::settings::Settings;
use crate::state::State;
use crate::stored::StoredQueue;

/// A queue.
pub(crate) struct Queue {
    /// Its id in the log.
    pub(crate) id: Uuid,
    pub(crate) name: QueueName,
    pub(crate) arn: String,
    pub(crate) created_ms: u64,
    description: RwLock<Arc<Description>>,
    messages: Mutex<Messages>,
    /// Wakes one of those who wait for messages: something arrived, or may be taken earlier than was
    /// known. Whoever leaves passes it on.
    pub(crate) arrivals: Notify,
    pub(crate) figures: Figures,
    /// When it was last purged, in milliseconds since the epoch.
    pub(crate) purged_ms: AtomicU64,
}

/// What callers set.
#[derive(Debug, Clone)]
pub(crate) struct Description {
    pub(crate) settings: Settings,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) modified_ms: u64,
}

/// A queue's messages, and what it remembers besides.
pub(crate) struct Messages {
    pub(crate) state: State,
    pub(crate) deduplication: Deduplication,
    pub(crate) attempts: Attempts,
    /// The last change that is not a message; an answer that relies on it waits until it is durable.
    pub(crate) changed_at: Option<u64>,
    is_gone: bool,
}

impl Messages {
    /// Whether the queue was deleted.
    pub(crate) fn is_gone(&self) -> bool {
        self.is_gone
    }
}

/// What was counted since the start.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    pub(crate) sent: AtomicU64,
    pub(crate) sent_bytes: AtomicU64,
    pub(crate) received: AtomicU64,
    pub(crate) empty_receives: AtomicU64,
    pub(crate) deleted: AtomicU64,
}

impl Figures {
    pub(crate) fn add(counter: &AtomicU64, count: usize) {
        counter.fetch_add(count as u64, Ordering::Relaxed);
    }
}

impl Queue {
    /// A queue without messages.
    pub(crate) fn new(id: Uuid, name: QueueName, created_ms: u64, description: Description) -> Self {
        Self {
            id,
            arn: name.arn(),
            created_ms,
            messages: Mutex::new(Messages {
                state: State::new(name.is_fifo()),
                deduplication: Deduplication::default(),
                attempts: Attempts::default(),
                changed_at: None,
                is_gone: false,
            }),
            name,
            description: RwLock::new(Arc::new(description)),
            arrivals: Notify::new(),
            figures: Figures::default(),
            purged_ms: AtomicU64::new(0),
        }
    }

    /// A queue as control state has it.
    pub(crate) fn of_stored(name: QueueName, row: StoredQueue) -> Result<Self, ApiError> {
        let settings = Settings::of(row.attributes)?;
        let description = Description { settings, tags: row.tags, modified_ms: row.modified_ms };
        Ok(Self::new(row.id, name, row.created_ms, description))
    }

    /// The row of a queue with this description.
    pub(crate) fn to_stored(&self, description: &Description) -> StoredQueue {
        StoredQueue {
            id: self.id,
            arn: self.arn.clone(),
            created_ms: self.created_ms,
            modified_ms: description.modified_ms,
            attributes: description.settings.given.clone(),
            tags: description.tags.clone(),
        }
    }

    pub(crate) fn description(&self) -> Arc<Description> {
        self.description.read().clone()
    }

    /// Sets what callers see, once it is stored.
    pub(crate) fn describe(&self, description: Description) {
        let before = std::mem::replace(&mut *self.description.write(), Arc::new(description.clone()));
        let (was, is) = (before.settings.delay_seconds, description.settings.delay_seconds);
        if self.name.is_fifo() && was != is {
            // In a FIFO queue a new delay holds for what is there, too ("Delay queues").
            self.messages.lock().state.change_delay(was * 1_000, is * 1_000);
        }
        self.arrivals.notify_one();
    }

    /// Whatever is there, without a look at the time.
    pub(crate) fn raw(&self) -> MutexGuard<'_, Messages> {
        self.messages.lock()
    }

    /// The queue's messages as they are now: what is due is visible, what is too old is gone.
    ///
    /// # Errors
    /// When the queue was deleted, or the log failed.
    pub(crate) fn now(&self, journal: &Journal, now_ms: u64) -> Result<MutexGuard<'_, Messages>, ApiError> {
        let mut messages = self.messages.lock();
        if messages.is_gone {
            return Err(no_such_queue());
        }
        messages.state.advance(now_ms);
        self.expire(&mut messages, journal, now_ms).map_err(|failure| crate::error::log_failure(&failure))?;
        Ok(messages)
    }

    /// Removes what is too old. It would not come back after a restart by itself; the record keeps
    /// it from doing so if the retention period grows.
    fn expire(&self, messages: &mut Messages, journal: &Journal, now_ms: u64) -> Result<(), Failure> {
        let retention_ms = self.description.read().settings.retention_seconds * 1_000;
        let Some(limit) = now_ms.checked_sub(retention_ms) else { return Ok(()) };
        let expired = messages.state.expire(limit);
        if expired.is_empty() { Ok(()) } else { journal.note(now_ms, &record::deleted(self.id, &expired)) }
    }

    /// Makes all calls fail from now on: the queue is deleted.
    pub(crate) fn forget(&self) {
        self.messages.lock().is_gone = true;
        self.arrivals.notify_waiters();
    }

    /// When the oldest message will be too old, in milliseconds since the epoch.
    pub(crate) fn next_expiry_ms(&self) -> Option<u64> {
        let retention_ms = self.description.read().settings.retention_seconds * 1_000;
        self.messages.lock().state.oldest_ms().map(|sent_ms| sent_ms + retention_ms)
    }
}

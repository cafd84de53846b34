//! The queues there are. Making, changing and deleting one goes through here.

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anabranch_control::ControlError;
use anabranch_protocol::{ApiError, Clock, ErrorKind, Problem, RequestContext};
use parking_lot::{Mutex, RwLock};
use tokio::sync::{Notify, OwnedMutexGuard, SetOnce};
use uuid::Uuid;

use crate::blocking::blocking;
use crate::error::{OVER_LIMIT, QUEUE_DELETED_RECENTLY, QUEUE_NAME_EXISTS, control_failure, no_such_queue};
use crate::journal::Journal;
use crate::limits::{DELETED_RECENTLY_MS, QUEUES_MAX};
use crate::move_table::MoveTasks;
use crate::name::QueueName;
use crate::queue::{Description, Queue};
use crate::redrive::RedrivePolicy;
use crate::sending::{Outgoing, Sent};
use crate::settings::{Attributes, Settings};
use crate::stored::Catalog;

/// All queues, and what they share.
pub(crate) struct Registry {
    pub(crate) journal: Arc<Journal>,
    pub(crate) catalog: Catalog,
    pub(crate) clock: Arc<dyn Clock>,
    queues: RwLock<BTreeMap<QueueName, Arc<Queue>>>,
    /// Names that were deleted lately, and when.
    deleted: Mutex<HashMap<QueueName, u64>>,
    /// Held while a queue is made, changed or deleted.
    changing: Arc<tokio::sync::Mutex<()>>,
    pub(crate) move_tasks: MoveTasks,
    /// When a message is too old next, in milliseconds since the epoch.
    pub(crate) next_expiry_ms: AtomicU64,
    pub(crate) expiry_changed: Notify,
    /// Set once background work is to end.
    pub(crate) stopping: SetOnce<()>,
    /// What was wrong when the queues were opened, until they are opened again.
    pub(crate) found: Mutex<Vec<Problem>>,
}

impl Registry {
    pub(crate) fn new(
        journal: Arc<Journal>,
        catalog: Catalog,
        clock: Arc<dyn Clock>,
        queues: BTreeMap<QueueName, Arc<Queue>>,
        move_tasks: MoveTasks,
        found: Vec<Problem>,
    ) -> Self {
        Self {
            journal,
            catalog,
            clock,
            queues: RwLock::new(queues),
            deleted: Mutex::default(),
            changing: Arc::default(),
            move_tasks,
            next_expiry_ms: AtomicU64::new(0),
            expiry_changed: Notify::new(),
            stopping: SetOnce::new(),
            found: Mutex::new(found),
        }
    }

    pub(crate) fn find(&self, name: &QueueName) -> Option<Arc<Queue>> {
        self.queues.read().get(name).cloned()
    }

    /// The queue of this name.
    ///
    /// # Errors
    /// `QueueDoesNotExist`.
    pub(crate) fn get(&self, name: &QueueName) -> Result<Arc<Queue>, ApiError> {
        self.find(name).ok_or_else(no_such_queue)
    }

    /// The queue that a URL names.
    ///
    /// # Errors
    /// `QueueDoesNotExist`, and `InvalidAddress` when it is not a queue's URL.
    pub(crate) fn by_url(&self, context: &RequestContext, url: &str) -> Result<Arc<Queue>, ApiError> {
        self.get(&QueueName::of_url(context, url)?)
    }

    /// All queues, by account, region and name.
    pub(crate) fn all(&self) -> Vec<Arc<Queue>> {
        self.queues.read().values().cloned().collect()
    }

    /// The caller's queues whose name begins with `prefix`, by name, behind the one called `after`.
    pub(crate) fn of_caller(
        &self,
        context: &RequestContext,
        prefix: &str,
        after: Option<&str>,
        most: usize,
    ) -> Vec<Arc<Queue>> {
        let from = match after {
            Some(after) if after >= prefix => Bound::Excluded(QueueName::of(context, after)),
            _ => Bound::Included(QueueName::of(context, prefix)),
        };
        let queues = self.queues.read();
        let is_theirs = |name: &QueueName| {
            name.account == context.account && name.region == context.region && name.name.starts_with(prefix)
        };
        let theirs = queues.range((from, Bound::Unbounded)).take_while(|(name, _)| is_theirs(name));
        theirs.map(|(_, queue)| queue.clone()).take(most).collect()
    }

    /// Makes a queue, or finds one that has these attributes.
    pub(crate) async fn create(
        self: &Arc<Self>,
        name: QueueName,
        given: Attributes,
        tags: BTreeMap<String, String>,
    ) -> Result<Arc<Queue>, ApiError> {
        let changing = self.changing.clone().lock_owned().await;
        let settings = Settings::of(given.clone())?;
        if let Some(queue) = self.find(&name) {
            return match queue.description().settings.differing(&given) {
                None => Ok(queue),
                Some(attribute) => Err(ApiError::conflict(
                    QUEUE_NAME_EXISTS,
                    format!(
                        "A queue already exists with the same name and a different value for attribute {attribute}"
                    ),
                )),
            };
        }
        let now_ms = self.clock.now_ms();
        self.check_deleted(&name, now_ms)?;
        if self.queues.read().len() >= QUEUES_MAX {
            let message = format!("There are {QUEUES_MAX} queues, which is the most.");
            return Err(ApiError::new(ErrorKind::LimitExceeded, OVER_LIMIT, message));
        }
        self.check_redrive(&name, settings.redrive.as_ref(), given.get("RedrivePolicy"))?;
        let description = Description { settings, tags, modified_ms: now_ms };
        let queue = Arc::new(Queue::new(Uuid::new_v4(), name, now_ms, description));
        let made = queue.clone();
        self.change(changing, async move |registry| {
            registry.catalog.put(&made.to_stored(&made.description())).await?;
            registry.queues.write().insert(made.name.clone(), made);
            Ok(())
        })
        .await?;
        Ok(queue)
    }

    /// Changes what callers set of a queue.
    pub(crate) async fn describe(
        self: &Arc<Self>,
        queue: Arc<Queue>,
        change: impl FnOnce(Description) -> Result<Description, ApiError> + Send,
    ) -> Result<(), ApiError> {
        let changing = self.changing.clone().lock_owned().await;
        if self.find(&queue.name).is_none_or(|found| found.id != queue.id) {
            return Err(no_such_queue());
        }
        let before = queue.description();
        let description = change(Description::clone(&before))?;
        // What was allowed once stays, also when its dead-letter queue is gone.
        let redrive = description.settings.redrive.as_ref();
        let redrive = redrive.filter(|redrive| before.settings.redrive.as_ref() != Some(*redrive));
        self.check_redrive(&queue.name, redrive, description.settings.given.get("RedrivePolicy"))?;
        self.change(changing, async move |registry| {
            registry.catalog.put(&queue.to_stored(&description)).await?;
            queue.describe(description);
            registry.expect_expiry_of(&queue);
            Ok(())
        })
        .await
    }

    /// Deletes a queue with its messages: control state forgets it, and its records in the log mean
    /// nothing any more.
    pub(crate) async fn delete(self: &Arc<Self>, queue: Arc<Queue>) -> Result<(), ApiError> {
        let changing = self.changing.clone().lock_owned().await;
        if self.find(&queue.name).is_none_or(|found| found.id != queue.id) {
            return Err(no_such_queue());
        }
        let now_ms = self.clock.now_ms();
        self.change(changing, async move |registry| {
            let tasks = registry.move_tasks.forget(&queue.arn);
            registry.catalog.remove(&queue.arn, &tasks).await?;
            registry.queues.write().remove(&queue.name);
            let mut deleted = registry.deleted.lock();
            deleted.retain(|_, at_ms| *at_ms + DELETED_RECENTLY_MS > now_ms);
            deleted.insert(queue.name.clone(), now_ms);
            drop(deleted);
            // Waits for who is at work in it.
            tokio::task::spawn_blocking(move || queue.forget());
            Ok(())
        })
        .await
    }

    /// Makes a change to its end, even if the caller leaves.
    async fn change<F>(
        self: &Arc<Self>,
        changing: OwnedMutexGuard<()>,
        change: impl FnOnce(Arc<Self>) -> F + Send + 'static,
    ) -> Result<(), ApiError>
    where
        F: Future<Output = Result<(), ControlError>> + Send + 'static,
    {
        let registry = self.clone();
        let changed = tokio::spawn(async move {
            let _changing = changing;
            change(registry).await
        });
        let changed = changed.await.map_err(|error| ApiError::internal(format!("The change did not end: {error}")))?;
        changed.map_err(|error| control_failure(&error))
    }

    fn check_deleted(&self, name: &QueueName, now_ms: u64) -> Result<(), ApiError> {
        match self.deleted.lock().get(name) {
            Some(at_ms) if at_ms + DELETED_RECENTLY_MS > now_ms => Err(ApiError::conflict(
                QUEUE_DELETED_RECENTLY,
                "You must wait 60 seconds after deleting a queue before you can create another with the same name.",
            )),
            _ => Ok(()),
        }
    }

    /// Checks that a queue may have the dead-letter queue that it names.
    fn check_redrive(
        &self,
        name: &QueueName,
        redrive: Option<&RedrivePolicy>,
        policy: Option<&String>,
    ) -> Result<(), ApiError> {
        let Some(redrive) = redrive else { return Ok(()) };
        let policy = policy.map(String::as_str).unwrap_or_default();
        let refuse = |reason: &str| Err(crate::error::invalid_value(policy, "RedrivePolicy", reason));
        let target = &redrive.target;
        if (target.account, &target.region) != (name.account, &name.region) {
            return refuse("Dead-letter queue must be in the account and region of the source.");
        }
        if target.is_fifo() != name.is_fifo() {
            return refuse("Dead-letter queue must be same type of queue as the source.");
        }
        let Some(found) = self.find(target) else { return refuse("Dead letter target does not exist.") };
        match found.description().settings.redrive_allow.allows(name) {
            true => Ok(()),
            false => refuse("Dead letter target does not allow this queue (RedriveAllowPolicy)."),
        }
    }

    /// Sends messages, and returns once they are durable.
    pub(crate) async fn send(
        self: &Arc<Self>,
        queue: &Arc<Queue>,
        outgoing: Vec<Outgoing>,
    ) -> Result<Vec<Sent>, ApiError> {
        let (registry, sender) = (self.clone(), queue.clone());
        let retention_ms = queue.description().settings.retention_seconds * 1_000;
        let sending = blocking(move || {
            let now_ms = registry.clock.now_ms();
            registry.expect_expiry(now_ms + retention_ms);
            sender.send(&registry.journal, now_ms, outgoing)
        });
        sending.await??.done(&self.journal).await
    }

    /// Ends what waits, since the server is about to stop.
    pub(crate) fn stop(&self) {
        // Set once; whoever comes second has nothing to do.
        let _ = self.stopping.set(());
    }

    /// Looks anew when a message of `queue` is too old.
    pub(crate) fn expect_expiry_of(&self, queue: &Queue) {
        self.expect_expiry(queue.next_expiry_ms().unwrap_or(u64::MAX));
    }

    /// Says that a message may be too old at `at_ms`.
    pub(crate) fn expect_expiry(&self, at_ms: u64) {
        if self.next_expiry_ms.fetch_min(at_ms, Ordering::AcqRel) > at_ms {
            self.expiry_changed.notify_one();
        }
    }
}

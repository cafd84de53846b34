//! The outbox: what is accepted, and the task that hands it on.

use std::future::pending;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anabranch_control::{Changes, ControlError, ControlStore, Table};
use anabranch_ports::Target;
use anabranch_protocol::{Clock, Problem, ProblemKind};
use parking_lot::Mutex;
use tokio::sync::{Notify, watch};
use tokio::task::{JoinHandle, JoinSet};

use crate::attempt::{Next, attempt};
use crate::failing::Failing;
use crate::key::{Key, Keys};
use crate::limits::{CLOSE_WAIT_MAX, RETRY_WAIT_MAX};
use crate::queues::{LaneName, Queues};
use crate::shared::{Counts, Shared};
use crate::stored::{Head, StoredDelivery};
use crate::{NewDelivery, OutboxLimits};

/// Deliveries of one service. See the crate's documentation.
pub struct Outbox {
    shared: Arc<Shared>,
    keys: Keys,
    stopping: watch::Sender<bool>,
    dispatcher: Mutex<Option<JoinHandle<()>>>,
}

/// Why deliveries were not accepted: none of them were.
#[derive(Debug, Clone, thiserror::Error)]
pub enum AcceptError {
    /// Too many wait.
    #[error("{pending_max} deliveries wait, and no more are accepted")]
    Full {
        /// The limit.
        pending_max: usize,
    },
    /// They could not be stored.
    #[error(transparent)]
    Store(#[from] ControlError),
}

/// What became of deliveries since the outbox was opened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Figures {
    /// Taken by their targets.
    pub delivered: u64,
    /// Taken by their dead-letter queues.
    pub dead_lettered: u64,
    /// Given up: they are in the log only.
    pub given_up: u64,
}

impl Outbox {
    /// An outbox that keeps its deliveries in `table`, which is its own. `targets` is who takes
    /// them: the server's, or a service's own around it that knows more addresses.
    pub fn open(
        table: Table,
        control: ControlStore,
        clock: Arc<dyn Clock>,
        targets: Arc<dyn Target>,
        limits: OutboxLimits,
    ) -> Arc<Self> {
        let shared = Shared {
            table,
            control,
            clock,
            targets,
            limits,
            failing: Failing::default(),
            counts: Counts::default(),
            queues: Mutex::new(Queues::new(limits)),
            changed: Notify::new(),
        };
        let (stopping, dispatcher) = (watch::Sender::new(false), Mutex::default());
        Arc::new(Self { shared: Arc::new(shared), keys: Keys::new(), stopping, dispatcher })
    }

    /// Accepts deliveries together, in one commit: they are durable when this returns. They wait
    /// until [`Outbox::start`]. Those of one ordering are in order if this is called for them one
    /// after another. They are accepted even if the caller stops waiting.
    ///
    /// # Errors
    /// [`AcceptError`]; then none are accepted.
    pub async fn accept(&self, deliveries: Vec<NewDelivery>) -> Result<(), AcceptError> {
        self.accept_with(deliveries, Changes::default()).await
    }

    /// As [`Outbox::accept`], with other changes of control state in the same commit. They are made
    /// even if there are no deliveries.
    ///
    /// # Errors
    /// As [`Outbox::accept`]; then none of it is done.
    pub async fn accept_with(&self, deliveries: Vec<NewDelivery>, mut changes: Changes) -> Result<(), AcceptError> {
        let prepared = self.prepare(deliveries, &mut changes)?;
        let control = self.shared.control.clone();
        // What is committed must be delivered, whether or not somebody still waits here.
        let commit = tokio::spawn(async move {
            control.commit_async(changes).await?;
            prepared.accept();
            Ok(())
        });
        commit.await.unwrap_or(Err(ControlError::Closed.into()))
    }

    /// Adds deliveries to `changes`, which the caller commits to the outbox's control store. They are
    /// accepted once it says that the commit succeeded ([`Prepared::accept`]); if it fails to, the
    /// next start takes up those whose rows are there.
    ///
    /// # Errors
    /// [`AcceptError`]; then `changes` is not to be committed.
    pub fn prepare(&self, deliveries: Vec<NewDelivery>, changes: &mut Changes) -> Result<Prepared, AcceptError> {
        let shared = &self.shared;
        let room = Room::of(shared.clone(), deliveries.len())?;
        let now_ms = shared.clock.now_ms();
        let mut keys = Vec::with_capacity(deliveries.len());
        for new in deliveries {
            let key = self.keys.next(now_ms);
            let lane = lane(&new.target, new.ordering.as_deref());
            changes.put(shared.table, &key.text(), &StoredDelivery::new(new, now_ms))?;
            keys.push((lane, key));
        }
        Ok(Prepared { room, keys })
    }

    /// Takes up what an earlier run accepted and begins to deliver. Needs a Tokio runtime; waits for
    /// the disk.
    ///
    /// # Errors
    /// When the deliveries of an earlier run can't be read.
    pub fn start(self: &Arc<Self>) -> Result<(), ControlError> {
        let mut dispatcher = self.dispatcher.lock();
        if dispatcher.is_some() {
            return Ok(());
        }
        let (shared, mut earlier) = (&self.shared, Vec::new());
        shared.control.visit::<Head>(shared.table, "", "", |key, head| {
            match Key::of_text(key) {
                Some(key) if key.is_of(self.keys.run) => {}
                Some(key) => earlier.push((lane(&head.target, head.ordering.as_deref()), key)),
                None => {
                    tracing::error!(table = shared.table.0, key, "a delivery has a key of no known form; it is left")
                }
            }
            ControlFlow::Continue(())
        })?;
        let mut queues = shared.queues.lock();
        queues.take_up(earlier.len());
        earlier.iter().rev().for_each(|(lane, key)| queues.add_first(lane, *key));
        drop(queues);
        *dispatcher = Some(tokio::spawn(dispatch(shared.clone(), self.stopping.subscribe())));
        Ok(())
    }

    /// Begins no more deliveries and waits for those under way, for a while. What is not done stays
    /// for the next start.
    pub async fn close(&self) {
        self.stopping.send_replace(true);
        let dispatcher = self.dispatcher.lock().take();
        if let Some(dispatcher) = dispatcher {
            // It ends by itself; a panic in it has been told.
            let _ = dispatcher.await;
        }
    }

    /// Deliveries accepted and not done.
    pub fn pending(&self) -> usize {
        self.shared.queues.lock().pending()
    }

    /// What became of deliveries so far.
    pub fn figures(&self) -> Figures {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let Counts { delivered, dead_lettered, given_up } = &self.shared.counts;
        Figures { delivered: read(delivered), dead_lettered: read(dead_lettered), given_up: read(given_up) }
    }

    /// What keeps deliveries from being accepted or made, where it is not up to their targets' owners.
    pub fn problems(&self) -> Vec<Problem> {
        let mut problems = self.shared.failing.problems();
        let (pending, pending_max) = (self.pending(), self.shared.limits.pending_max);
        if pending >= pending_max {
            let message = AcceptError::Full { pending_max }.to_string();
            problems.push(Problem::new(ProblemKind::StuckDelivery, self.shared.table.0, message));
        }
        problems
    }
}

/// Begins what may be begun, until it is told to stop. Sleeps while nothing may.
async fn dispatch(shared: Arc<Shared>, mut stopping: watch::Receiver<bool>) {
    let mut under_way = JoinSet::new();
    loop {
        let due = {
            let mut queues = shared.queues.lock();
            queues.wake(shared.clock.instant());
            while let Some((lane, key)) = queues.next() {
                under_way.spawn(UnderWay { shared: shared.clone(), lane, key, next: AFTER_PANIC }.run());
            }
            queues.next_due()
        };
        while under_way.try_join_next().is_some() {}
        let timer = async {
            match due {
                Some(due) => shared.clock.sleep_until(due).await,
                None => pending().await,
            }
        };
        tokio::select! {
            _ = stopping.wait_for(|stopping| *stopping) => break,
            () = shared.changed.notified() => {}
            () = timer => {}
        }
    }
    let ended = async { while under_way.join_next().await.is_some() {} };
    // What takes longer is cut off, and delivered again after the next start.
    let _ = tokio::time::timeout(CLOSE_WAIT_MAX, ended).await;
}

fn lane(target: &str, ordering: Option<&str>) -> LaneName {
    LaneName { target: target.into(), ordering: ordering.map(Into::into) }
}

/// Deliveries whose rows are to be committed. Dropping them gives their room back.
#[must_use = "they are delivered once they are accepted"]
pub struct Prepared {
    room: Room,
    keys: Vec<(LaneName, Key)>,
}

impl Prepared {
    /// The commit succeeded: they are delivered from now on.
    pub fn accept(mut self) {
        self.room.count = 0;
        let mut queues = self.room.shared.queues.lock();
        self.keys.iter().for_each(|(lane, key)| queues.add(lane, *key));
        drop(queues);
        self.room.shared.changed.notify_one();
    }
}

/// Room for deliveries that are being accepted, given back unless it is filled.
struct Room {
    shared: Arc<Shared>,
    count: usize,
}

impl Room {
    fn of(shared: Arc<Shared>, count: usize) -> Result<Self, AcceptError> {
        let (fits, pending_max) = (shared.queues.lock().reserve(count), shared.limits.pending_max);
        if fits { Ok(Self { shared, count }) } else { Err(AcceptError::Full { pending_max }) }
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        if self.count > 0 {
            self.shared.queues.lock().release(self.count);
        }
    }
}

/// What becomes of a delivery whose target panics.
const AFTER_PANIC: Next = Next::Again(RETRY_WAIT_MAX);

/// A delivery that is under way; dropping it, however it ends, gives its lane on.
struct UnderWay {
    shared: Arc<Shared>,
    lane: LaneName,
    key: Key,
    next: Next,
}

impl UnderWay {
    async fn run(mut self) {
        self.next = attempt(&self.shared, self.key).await;
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let mut queues = self.shared.queues.lock();
        match self.next {
            Next::Done => queues.done(&self.lane),
            Next::Again(pause) => queues.again(self.lane.clone(), self.key, self.shared.clock.instant() + pause),
        }
        drop(queues);
        self.shared.changed.notify_one();
    }
}

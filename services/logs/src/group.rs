//! A log group: its row, its log when that is open, and those who follow it.

use std::ops::ControlFlow;
use std::sync::{Arc, OnceLock};

use anabranch_control::{Changes, KeyOf};
use anabranch_protocol::{Arn, Problem, ProblemKind};
use anabranch_storage::Refusal;
use parking_lot::{Mutex, MutexGuard, RwLock};
use tokio::sync::{broadcast, watch};
use uuid::Uuid;

use crate::batch::LogEvent;
use crate::error::StoreError;
use crate::group_log::GroupLog;
use crate::limits::LIVE_BATCHES_MAX;
use crate::store::{Holder, Store};
use crate::stored::{GROUPS, PROGRESS, Progress, STREAMS, StoredGroup, StoredStream, key};

pub(crate) struct Group {
    pub(crate) id: Uuid,
    row: RwLock<Arc<StoredGroup>>,
    /// Held while rows of the group or its streams change. Not for threads of the runtime.
    changing: Mutex<()>,
    slot: Mutex<Slot>,
    /// The position behind what was put last and is on the disk.
    durable: watch::Sender<u64>,
    /// Made for the first who follows it live.
    live: OnceLock<broadcast::Sender<Arc<LiveBatch>>>,
}

#[derive(Default)]
struct Slot {
    log: Option<Arc<GroupLog>>,
    is_deleted: bool,
}

/// A put, as live tails see it.
pub(crate) struct LiveBatch {
    pub(crate) stream: String,
    pub(crate) ingestion_ms: u64,
    pub(crate) events: Arc<Vec<LogEvent>>,
}

impl Group {
    pub(crate) fn new(row: StoredGroup) -> Self {
        Self {
            id: row.id,
            row: RwLock::new(Arc::new(row)),
            changing: Mutex::new(()),
            slot: Mutex::default(),
            durable: watch::Sender::new(0),
            live: OnceLock::new(),
        }
    }

    /// Its row as it is now.
    pub(crate) fn row(&self) -> Arc<StoredGroup> {
        self.row.read().clone()
    }

    /// `arn:aws:logs:<region>:<account>:log-group:<name>`, without the asterisk that AWS's `arn` has
    /// at its end.
    pub(crate) fn arn(&self) -> Arn {
        let row = self.row();
        Arn::new("logs", &row.region, row.account, &format!("log-group:{}", row.name))
    }

    /// Its log, opened if need be. Blocks on the disk.
    pub(crate) fn log(self: &Arc<Self>, store: &Store) -> Result<Arc<GroupLog>, StoreError> {
        let mut slot = self.slot.lock();
        if slot.is_deleted {
            return Err(StoreError::Deleted);
        }
        if let Some(log) = &slot.log {
            if !log.is_broken() {
                store.open_logs.touch(self.id);
                return Ok(log.clone());
            }
            // Opening it again reads from the disk what is there.
            let _ = log.log.close();
            slot.log = None;
            store.open_logs.forget(self.id);
        }
        store.open_logs.make_room(store)?;
        let log = Arc::new(store.open_log(&self.row())?);
        slot.log = Some(log.clone());
        store.open_logs.opened(self.id, self.clone());
        Ok(log)
    }

    /// Bytes of events, as AWS counts them.
    pub(crate) fn stored_bytes(&self) -> u64 {
        let open = self.slot.try_lock().and_then(|slot| slot.log.as_ref().map(|log| log.stored_bytes()));
        open.unwrap_or_else(|| self.row().stored_bytes)
    }

    fn finish(&self, store: &Store, log: &GroupLog) {
        // Whoever changes the group's rows may be waiting for its log, which is being closed: then what
        // is not stored is read from the log again when it is opened.
        if let Some(changing) = self.changing.try_lock()
            && let Err(error) = self.checkpoint_within(store, log, &changing)
        {
            tracing::warn!(group = %self.id, %error, "what is known of log streams is not stored; it is read from the log");
        }
        if let Err(error) = log.log.close() {
            tracing::error!(group = %self.id, %error, "a log group's log failed");
        }
    }

    /// Stores what is known of its streams. Blocks on the disk.
    pub(crate) fn checkpoint(&self, store: &Store, log: &GroupLog) -> Result<(), StoreError> {
        let changing = self.changing.lock();
        self.checkpoint_within(store, log, &changing)
    }

    fn checkpoint_within(
        &self,
        store: &Store,
        log: &GroupLog,
        _changing: &MutexGuard<'_, ()>,
    ) -> Result<(), StoreError> {
        let Some(snapshot) = log.snapshot()? else { return Ok(()) };
        let mut changes = Changes::default();
        for (name, stream) in &snapshot.streams {
            changes.put(STREAMS, &key(self.id, name), stream)?;
        }
        self.commit(store, changes, |row| {
            row.checkpoint = snapshot.end;
            row.stored_bytes = snapshot.stored_bytes;
        })?;
        log.stored(&snapshot);
        Ok(())
    }

    /// Changes its row. Blocks on the disk.
    pub(crate) fn change<E: From<StoreError>>(
        &self,
        store: &Store,
        change: impl FnOnce(&mut StoredGroup) -> Result<Changes, E>,
    ) -> Result<(), E> {
        let _changing = self.changing.lock();
        if self.slot.lock().is_deleted {
            return Err(StoreError::Deleted.into());
        }
        let mut row = StoredGroup::clone(&self.row());
        let changes = change(&mut row)?;
        self.commit(store, changes, move |old| *old = row)?;
        Ok(())
    }

    fn commit(
        &self,
        store: &Store,
        mut changes: Changes,
        change: impl FnOnce(&mut StoredGroup),
    ) -> Result<(), StoreError> {
        let mut row = StoredGroup::clone(&self.row());
        change(&mut row);
        changes.put(GROUPS, &self.id.to_string(), &row)?;
        store.control.commit(changes)?;
        *self.row.write() = Arc::new(row);
        Ok(())
    }

    /// Makes a stream. Blocks on the disk.
    pub(crate) fn create_stream(&self, store: &Store, name: &str) -> Result<(), StoreError> {
        let created_ms = store.clock.now_ms();
        self.change(store, |row| {
            let key = key(self.id, name);
            if store.control.get::<StoredStream>(STREAMS, &key)?.is_some() {
                return Err(StoreError::StreamExists);
            }
            let mut changes = Changes::default();
            changes.put(STREAMS, &key, &StoredStream::new(row.next_lane, created_ms))?;
            row.next_lane += 1;
            Ok(changes)
        })
    }

    /// Deletes a stream; its events go with the segments that hold them. Blocks on the disk.
    pub(crate) fn delete_stream(self: &Arc<Self>, store: &Store, name: &str) -> Result<(), StoreError> {
        let log = self.log(store)?;
        // A checkpoint between would store the stream again.
        let _changing = self.changing.lock();
        let stream = log.stream(name)?.ok_or(StoreError::NoStream)?;
        let mut changes = Changes::default();
        changes.delete(STREAMS, &key(self.id, name));
        self.commit(store, changes, |row| row.stored_bytes = row.stored_bytes.saturating_sub(stream.stored_bytes))?;
        log.forget(name, stream.stored_bytes);
        Ok(())
    }

    /// Deletes the group with all it holds. Blocks on the disk.
    pub(crate) fn delete(&self, store: &Store) -> Result<(), StoreError> {
        let _changing = self.changing.lock();
        let mut slot = self.slot.lock();
        if slot.is_deleted {
            return Err(StoreError::Deleted);
        }
        let mut changes = Changes::default();
        changes.delete(GROUPS, &self.id.to_string());
        let prefix = key(self.id, "");
        store.control.visit::<KeyOf<StoredStream>>(STREAMS, &prefix, &prefix, |key, _| {
            changes.delete(STREAMS, key);
            ControlFlow::Continue(())
        })?;
        store.control.visit::<KeyOf<Progress>>(PROGRESS, &prefix, &prefix, |key, _| {
            changes.delete(PROGRESS, key);
            ControlFlow::Continue(())
        })?;
        store.control.commit(changes)?;
        slot.is_deleted = true;
        if let Some(log) = slot.log.take() {
            let _ = log.log.close();
        }
        store.open_logs.forget(self.id);
        drop(slot);
        // Those who follow it look again, and find it gone.
        self.durable.send_replace(u64::MAX);
        store.remove_log(self.id);
        Ok(())
    }

    /// The stream's events below `position` are on the disk.
    pub(crate) fn is_durable(&self, position: u64) {
        self.durable.send_if_modified(|durable| {
            let grows = position > *durable;
            *durable = position.max(*durable);
            grows
        });
    }

    /// Tells when more is on the disk.
    pub(crate) fn watch(&self) -> watch::Receiver<u64> {
        self.durable.subscribe()
    }

    /// Follows its puts from now on.
    pub(crate) fn follow(&self) -> broadcast::Receiver<Arc<LiveBatch>> {
        self.live.get_or_init(|| broadcast::Sender::new(LIVE_BATCHES_MAX)).subscribe()
    }

    /// Shows a put to those who follow.
    pub(crate) fn show(&self, batch: impl FnOnce() -> LiveBatch) {
        if let Some(live) = self.live.get().filter(|live| live.receiver_count() > 0) {
            let _ = live.send(Arc::new(batch()));
        }
    }
}

impl Holder for Group {
    fn problems(&self) -> Vec<Problem> {
        let health = self.slot.try_lock().and_then(|slot| slot.log.as_ref().map(|log| log.log.health()));
        let Some(health) = health else { return Vec::new() };
        let name = || format!("log group {}", self.row().name);
        let poisoned =
            health.poisoned.map(|why| Problem::new(ProblemKind::Poisoned, name(), format!("its log failed: {why}")));
        let refused = health.refused.map(|why| {
            let kind = match why {
                Refusal::NoSpace => ProblemKind::FullDisk,
                Refusal::TooManyOpenFiles => ProblemKind::Descriptors,
                _ => ProblemKind::Failing,
            };
            Problem::new(kind, name(), format!("its log takes no events: {why}"))
        });
        let damaged = health.first_damage.map(|first| {
            let message = format!("{} ranges of its log are damaged, the first of them: {first}", health.damaged);
            Problem::new(ProblemKind::Damaged, name(), message)
        });
        [poisoned, refused, damaged].into_iter().flatten().collect()
    }

    fn close_if_idle(&self, store: &Store) -> bool {
        let Some(mut slot) = self.slot.try_lock() else { return false };
        let Some(log) = slot.log.take_if(|log| Arc::strong_count(log) == 1) else { return slot.log.is_none() };
        self.finish(store, &log);
        true
    }

    fn close(&self, store: &Store) {
        if let Some(log) = self.slot.lock().log.take() {
            self.finish(store, &log);
        }
    }
}

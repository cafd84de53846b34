//! The archives and replays of all accounts and regions. Every change goes through here.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use anabranch_control::{Changes, ControlError, ControlStore, KeyOf, Result, Table};
use anabranch_protocol::{ApiError, RequestContext};
use parking_lot::RwLock;
use tokio::sync::{Notify, OwnedMutexGuard};

use crate::archive::{Archive, ArchiveSettings, ArchivedEvent, ArchivedSize};
use crate::error::{EventsError, store_failed};
use crate::event::Event;
use crate::limits::DELETED_AT_ONCE_MAX;
use crate::replay::{Replay, ReplayState};

/// Archives by ARN.
const ARCHIVES: Table = Table("events_archives");
/// Their events, by archive and time.
const ARCHIVED: Table = Table("events_archived");
/// Replays by ARN.
const REPLAYS: Table = Table("events_replays");

/// Archives and replays.
pub(crate) struct Archives {
    pub(crate) control: ControlStore,
    /// By ARN.
    archives: RwLock<BTreeMap<String, Arc<Archive>>>,
    /// By ARN.
    replays: RwLock<BTreeMap<String, Arc<Replay>>>,
    changing: Arc<tokio::sync::Mutex<()>>,
    /// There is a replay to run, or another archive.
    pub(crate) changed: Notify,
}

impl Archives {
    /// Reads what is stored. Waits for the disk.
    pub(crate) fn open(control: ControlStore) -> std::result::Result<Self, EventsError> {
        let mut archives = BTreeMap::new();
        for (arn, settings) in control.scan::<ArchiveSettings>(ARCHIVES, "")? {
            let unreadable = |error: ApiError| EventsError::Rule { arn: arn.clone(), reason: error.message };
            archives.insert(arn.clone(), Arc::new(Archive::new(settings).map_err(unreadable)?));
        }
        let replays = control.scan::<Replay>(REPLAYS, "")?;
        let replays = replays.into_iter().map(|(arn, replay)| (arn, Arc::new(replay))).collect();
        Ok(Self {
            control,
            archives: RwLock::new(archives),
            replays: RwLock::new(replays),
            changing: Arc::default(),
            changed: Notify::new(),
        })
    }

    /// The archive with this ARN.
    pub(crate) fn archive(&self, arn: &str) -> Option<Arc<Archive>> {
        self.archives.read().get(arn).cloned()
    }

    /// The replay with this ARN.
    pub(crate) fn replay(&self, arn: &str) -> Option<Arc<Replay>> {
        self.replays.read().get(arn).cloned()
    }

    /// The caller's archives by name.
    pub(crate) fn archives_of(&self, context: &RequestContext) -> Vec<Arc<Archive>> {
        below(&self.archives.read(), &context.arn("events", "archive/").to_string())
    }

    /// The caller's replays by name.
    pub(crate) fn replays_of(&self, context: &RequestContext) -> Vec<Arc<Replay>> {
        below(&self.replays.read(), &context.arn("events", "replay/").to_string())
    }

    /// All archives.
    pub(crate) fn all(&self) -> Vec<Arc<Archive>> {
        below(&self.archives.read(), "")
    }

    /// The replays that are to go on.
    pub(crate) fn running(&self) -> Vec<Arc<Replay>> {
        let replays = self.replays.read();
        replays.values().filter(|replay| replay.state == ReplayState::Running).cloned().collect()
    }

    /// Adds to `changes` that the archives of the bus keep `event`; says how many do.
    pub(crate) fn keep(&self, bus_arn: &str, event: &Event, changes: &mut Changes) -> Result<usize> {
        let mut kept = 0;
        let archives = self.archives.read();
        for archive in archives.values().filter(|archive| archive.settings.bus_arn == bus_arn && archive.takes(event)) {
            let (ingested_ms, document) = (event.ingested_ms, event.document.clone());
            let archived = ArchivedEvent { ingested_ms, bytes: document.len() as u64, document };
            changes.put(ARCHIVED, &archive.key(event), &archived)?;
            kept += 1;
        }
        Ok(kept)
    }

    /// Waits for the right to change something.
    pub(crate) async fn changing(&self) -> OwnedMutexGuard<()> {
        self.changing.clone().lock_owned().await
    }

    /// Stores an archive.
    pub(crate) async fn put_archive(
        self: &Arc<Self>,
        changing: OwnedMutexGuard<()>,
        archive: Archive,
    ) -> std::result::Result<(), ApiError> {
        let mut changes = Changes::default();
        changes.put(ARCHIVES, &archive.settings.arn, &archive.settings).map_err(|error| store_failed(&error))?;
        self.commit(changing, changes, move |archives| {
            archives.archives.write().insert(archive.settings.arn.clone(), Arc::new(archive));
        })
        .await
    }

    /// Stores a replay.
    pub(crate) async fn put_replay(
        self: &Arc<Self>,
        changing: OwnedMutexGuard<()>,
        replay: Replay,
    ) -> std::result::Result<(), ApiError> {
        let mut changes = Changes::default();
        note(&mut changes, &replay).map_err(|error| store_failed(&error))?;
        self.commit(changing, changes, move |archives| archives.show(replay)).await
    }

    /// Shows what was stored of a replay.
    pub(crate) fn show(&self, replay: Replay) {
        self.replays.write().insert(replay.arn.clone(), Arc::new(replay));
    }

    /// Removes an archive: no more events are kept from now on, then those that are go, then itself. A
    /// crash in between leaves it with what is left.
    pub(crate) async fn delete_archive(
        self: &Arc<Self>,
        changing: OwnedMutexGuard<()>,
        archive: Arc<Archive>,
    ) -> std::result::Result<(), ApiError> {
        let archives = self.clone();
        let deleted = tokio::spawn(async move {
            let _changing = changing;
            archives.archives.write().remove(&archive.settings.arn);
            while archives.delete_before(&archive, u64::MAX).await? == DELETED_AT_ONCE_MAX {}
            let mut changes = Changes::default();
            changes.delete(ARCHIVES, &archive.settings.arn);
            archives.control.commit_async(changes).await
        });
        ended(deleted.await)
    }

    /// Deletes some of the archive's events that came before `ms`; says how many.
    pub(crate) async fn delete_before(&self, archive: &Archive, ms: u64) -> Result<usize> {
        let (control, prefix, end) = (self.control.clone(), archive.prefix(), archive.key_from(ms));
        let read = tokio::task::spawn_blocking(move || {
            let mut keys = Vec::new();
            control.visit::<KeyOf<ArchivedEvent>>(ARCHIVED, &prefix, &prefix, |key, _| {
                if key >= end.as_str() || keys.len() == DELETED_AT_ONCE_MAX {
                    return ControlFlow::Break(());
                }
                keys.push(key.to_string());
                ControlFlow::Continue(())
            })?;
            Ok(keys)
        });
        let keys: Vec<String> = read.await.unwrap_or(Err(ControlError::Closed))?;
        if !keys.is_empty() {
            let mut changes = Changes::default();
            keys.iter().for_each(|key| changes.delete(ARCHIVED, key));
            self.control.commit_async(changes).await?;
        }
        Ok(keys.len())
    }

    /// How many events an archive holds at `now_ms`, and their size. Reads all of them.
    pub(crate) async fn size(&self, archive: &Archive, now_ms: u64) -> std::result::Result<(u64, u64), ApiError> {
        let (control, prefix, from) =
            (self.control.clone(), archive.prefix(), archive.key_from(archive.kept_from_ms(now_ms)));
        let counted = tokio::task::spawn_blocking(move || {
            let (mut count, mut bytes) = (0, 0);
            control.visit::<ArchivedSize>(ARCHIVED, &prefix, &from, |_, size| {
                count += 1;
                bytes += size.bytes;
                ControlFlow::Continue(())
            })?;
            Ok((count, bytes))
        });
        counted.await.unwrap_or(Err(ControlError::Closed)).map_err(|error| store_failed(&error))
    }

    /// Up to `limit` of an archive's events from `key` on.
    pub(crate) async fn read(
        &self,
        archive: &Archive,
        key: String,
        limit: usize,
    ) -> Result<Vec<(String, ArchivedEvent)>> {
        let (control, prefix) = (self.control.clone(), archive.prefix());
        let read = tokio::task::spawn_blocking(move || control.scan_from(ARCHIVED, &prefix, &key, limit));
        read.await.unwrap_or(Err(ControlError::Closed))
    }

    /// Commits `changes`, then shows them. It goes on if the caller leaves.
    async fn commit(
        self: &Arc<Self>,
        changing: OwnedMutexGuard<()>,
        changes: Changes,
        show: impl FnOnce(&Self) + Send + 'static,
    ) -> std::result::Result<(), ApiError> {
        let archives = self.clone();
        let committed = tokio::spawn(async move {
            archives.control.commit_async(changes).await?;
            show(&archives);
            archives.changed.notify_one();
            drop(changing);
            Ok(())
        });
        ended(committed.await)
    }
}

/// Adds a replay's state to `changes`.
pub(crate) fn note(changes: &mut Changes, replay: &Replay) -> Result<()> {
    changes.put(REPLAYS, &replay.arn, replay)
}

fn below<T>(all: &BTreeMap<String, Arc<T>>, prefix: &str) -> Vec<Arc<T>> {
    let below = all.range(prefix.to_string()..).take_while(|(arn, _)| arn.starts_with(prefix));
    below.map(|(_, one)| one.clone()).collect()
}

fn ended(outcome: std::result::Result<Result<()>, tokio::task::JoinError>) -> std::result::Result<(), ApiError> {
    match outcome {
        Ok(outcome) => outcome.map_err(|error| store_failed(&error)),
        Err(error) => Err(ApiError::internal(format!("the change did not end: {error}"))),
    }
}

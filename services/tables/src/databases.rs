//! One database for each account and region: a table belongs to those of the call that made it, and
//! calls of others don't see it.
//!
//! The default account's tables of the default region lie in the service's directory itself, those of
//! others in `<account>/<region>` below it. A database is made by the first CreateTable; until then
//! calls are answered from an empty one in memory. Databases are opened when they are first used, and
//! so many at most are open at once: the idle one that was not used for longest makes room.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use anabranch_protocol::{Account, ApiError, Region};
use parking_lot::{Mutex, RwLock};

use crate::changes::Changes;
use crate::engine::{CALLS_RUNNING_MAX, Effect, Engine};
use crate::error::{TablesError, closed, internal, too_busy};
use crate::owner::Owner;
use crate::workers::Workers;

/// Databases open at once. Each takes a thread and about eight file descriptors.
const DATABASES_OPEN_MAX: usize = 32;

/// The databases of one data directory.
pub(crate) struct Databases {
    directory: PathBuf,
    workers: Arc<Workers>,
    /// Answers calls of those who have no table.
    empty: Arc<Engine>,
    /// Who is told of writes.
    pub(crate) changes: Changes,
    /// Those that have a database.
    owners: RwLock<BTreeSet<Owner>>,
    open: Mutex<BTreeMap<Owner, Open>>,
    /// Counts uses.
    uses: AtomicU64,
    /// Held while a database is opened or closed.
    opening: tokio::sync::Mutex<()>,
    closing: AtomicBool,
}

struct Open {
    engine: Arc<Engine>,
    last_use: u64,
}

impl Databases {
    /// Opens the default owner's database, and notes which others there are. Waits for the disk.
    pub(crate) fn open(directory: &Path) -> Result<Self, TablesError> {
        let failed = |source| TablesError::Directory { path: directory.to_path_buf(), source };
        let workers = Arc::new(Workers::start(CALLS_RUNNING_MAX).map_err(failed)?);
        let default = Arc::new(Engine::open(directory, workers.clone())?);
        let mut owners = owners(directory).map_err(failed)?;
        owners.insert(Owner::default());
        let open = BTreeMap::from([(Owner::default(), Open { engine: default, last_use: 0 })]);
        Ok(Self {
            directory: directory.to_path_buf(),
            empty: Arc::new(Engine::empty(workers.clone())?),
            workers,
            changes: Changes::default(),
            owners: RwLock::new(owners),
            open: Mutex::new(open),
            uses: AtomicU64::new(1),
            opening: tokio::sync::Mutex::default(),
            closing: AtomicBool::new(false),
        })
    }

    /// Those that have a database.
    pub(crate) fn owners(&self) -> Vec<Owner> {
        self.owners.read().iter().cloned().collect()
    }

    /// The open databases and whose they are.
    pub(crate) fn opened(&self) -> Vec<(Owner, Arc<Engine>)> {
        self.open.lock().iter().map(|(owner, open)| (owner.clone(), open.engine.clone())).collect()
    }

    /// The database of `owner` for a call of this effect, and what that effect is there.
    ///
    /// # Errors
    /// When it can't be opened, when too many are open and busy, and once the service is closed.
    pub(crate) async fn of(&self, owner: &Owner, effect: Effect) -> Result<(Arc<Engine>, Effect), ApiError> {
        if let Some(engine) = self.used(owner) {
            return Ok((engine, effect));
        }
        if effect != Effect::Creates && !self.owners.read().contains(owner) {
            // What is not there is neither read nor written.
            return Ok((self.empty.clone(), Effect::Reads));
        }
        let _opening = self.opening.lock().await;
        if self.closing.load(Ordering::Acquire) {
            return Err(closed());
        }
        if let Some(engine) = self.used(owner) {
            return Ok((engine, effect));
        }
        self.make_room().await?;
        let (directory, workers) = (owner.directory(&self.directory), self.workers.clone());
        let root = self.directory.clone();
        let opened = tokio::task::spawn_blocking(move || {
            let engine = Engine::open(&directory, workers)?;
            // The account's directory may be new, too.
            let synced = File::open(&root).and_then(|root| root.sync_all());
            synced.map_err(|source| TablesError::Directory { path: root, source })?;
            Ok::<_, TablesError>(engine)
        });
        let engine = opened.await.map_err(|error| internal(&error))?.map_err(|error| internal(&error))?;
        let (engine, last_use) = (Arc::new(engine), self.uses.fetch_add(1, Ordering::Relaxed));
        self.open.lock().insert(owner.clone(), Open { engine: engine.clone(), last_use });
        self.owners.write().insert(owner.clone());
        Ok((engine, effect))
    }

    fn used(&self, owner: &Owner) -> Option<Arc<Engine>> {
        let mut open = self.open.lock();
        let found = open.get_mut(owner)?;
        found.last_use = self.uses.fetch_add(1, Ordering::Relaxed);
        Some(found.engine.clone())
    }

    /// Closes the idle database that was not used for longest, if as many are open as may be.
    async fn make_room(&self) -> Result<(), ApiError> {
        let idle = {
            let mut open = self.open.lock();
            if open.len() < DATABASES_OPEN_MAX {
                return Ok(());
            }
            let idle = open.iter().filter(|(owner, open)| {
                // What failed stays, so that it is told of and not taken up again unseen.
                **owner != Owner::default() && Arc::strong_count(&open.engine) == 1 && open.engine.failing().is_none()
            });
            let oldest = idle.min_by_key(|(_, open)| open.last_use).map(|(owner, _)| owner.clone());
            oldest.and_then(|owner| open.remove(&owner)).ok_or_else(too_busy)?
        };
        idle.engine.close().await;
        Ok(())
    }

    /// Closes all. Later calls fail.
    pub(crate) async fn close(&self) {
        self.closing.store(true, Ordering::Release);
        let _opening = self.opening.lock().await;
        for (_, engine) in self.opened() {
            engine.close().await;
        }
        self.empty.close().await;
    }
}

/// Those whose databases lie below `directory`.
fn owners(directory: &Path) -> io::Result<BTreeSet<Owner>> {
    let mut owners = BTreeSet::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let Some(account) = entry.file_name().to_str().and_then(|name| name.parse::<Account>().ok()) else { continue };
        for entry in fs::read_dir(entry.path())? {
            let Some(region) = entry?.file_name().to_str().and_then(|name| name.parse::<Region>().ok()) else {
                continue;
            };
            owners.insert(Owner { account, region });
        }
    }
    Ok(owners)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner(number: usize) -> Owner {
        Owner { account: format!("{number:012}").parse().unwrap(), region: "eu-west-1".parse().unwrap() }
    }

    #[tokio::test]
    async fn a_database_is_made_by_what_creates_and_found_again() {
        let directory = tempfile::tempdir().unwrap();
        let databases = Databases::open(directory.path()).unwrap();
        for effect in [Effect::Reads, Effect::Writes] {
            databases.of(&owner(7), effect).await.unwrap();
            assert_eq!(databases.owners(), [Owner::default()]);
        }
        databases.of(&owner(7), Effect::Creates).await.unwrap();
        assert!(directory.path().join("000000000007/eu-west-1/tables.sqlite").exists());
        databases.close().await;
        assert!(databases.of(&owner(8), Effect::Creates).await.is_err());
        let databases = Databases::open(directory.path()).unwrap();
        assert_eq!(databases.owners(), [Owner::default(), owner(7)]);
    }

    #[tokio::test]
    async fn so_many_are_open_at_most() {
        let directory = tempfile::tempdir().unwrap();
        let databases = Databases::open(directory.path()).unwrap();
        let (busy, _) = databases.of(&owner(1), Effect::Creates).await.unwrap();
        for number in 2..DATABASES_OPEN_MAX + 3 {
            databases.of(&owner(number), Effect::Creates).await.unwrap();
        }
        let open: Vec<Owner> = databases.opened().into_iter().map(|(owner, _)| owner).collect();
        assert_eq!(open.len(), DATABASES_OPEN_MAX);
        assert!(open.contains(&owner(1)), "it is in use");
        assert!(open.contains(&Owner::default()) && !open.contains(&owner(2)));
        drop(busy);
        databases.of(&owner(2), Effect::Reads).await.unwrap();
        assert!(!databases.opened().iter().any(|(open, _)| *open == owner(1)), "not used for longest");
    }
}

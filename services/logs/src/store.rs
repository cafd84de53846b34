//! Where log groups are kept: a log for each in the data directory, opened while it is used, and rows
//! in the control store.

use std::collections::{HashMap, HashSet};
use std::fs::{self, File};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use anabranch_control::{ControlStore, move_aside};
use anabranch_protocol::{Clock, Problem, ProblemKind};
use anabranch_storage::Log;
use parking_lot::Mutex;
use uuid::Uuid;

use crate::error::StoreError;
use crate::group_log::GroupLog;
use crate::limits::OPEN_LOGS_MAX;
use crate::stored::StoredGroup;

pub(crate) struct Store {
    pub(crate) directory: PathBuf,
    pub(crate) log_config: anabranch_storage::Config,
    pub(crate) control: ControlStore,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) open_logs: OpenLogs,
    /// What was wrong when it was opened, until it is opened again.
    pub(crate) found: Mutex<Vec<Problem>>,
}

impl Store {
    /// Opens the log of a group.
    pub(crate) fn open_log(&self, row: &StoredGroup) -> Result<GroupLog, StoreError> {
        // Once something was put, a log that is gone is not made anew: its positions would start over.
        let config = anabranch_storage::Config { create: row.checkpoint == 0, ..self.log_config.clone() };
        let (log, recovery) = Log::open(&self.log_directory(row.id), config)?;
        if let Some(torn) = recovery.torn {
            tracing::warn!(?torn, group = row.name, "bytes that were never acknowledged are ignored");
        }
        for damage in &recovery.damage {
            tracing::error!(%damage, group = row.name, "a log group's log is damaged");
        }
        GroupLog::new(self.control.clone(), row, log)
    }

    /// Does `work` on a thread that may wait for the disk.
    pub(crate) async fn in_background<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Self) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let store = self.clone();
        let done = tokio::task::spawn_blocking(move || work(&store)).await;
        done.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
    }

    /// What keeps groups from taking or showing events.
    pub(crate) fn problems(&self) -> Vec<Problem> {
        let mut problems = self.found.lock().clone();
        problems.extend(self.open_logs.groups().iter().flat_map(|group| group.problems()));
        problems
    }

    fn log_directory(&self, id: Uuid) -> PathBuf {
        self.directory.join(id.to_string())
    }

    /// Removes the log of a group that is deleted; the next start moves aside what stays.
    pub(crate) fn remove_log(&self, id: Uuid) {
        match fs::remove_dir_all(self.log_directory(id)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => tracing::warn!(%error, "the log of a deleted log group stays"),
            Ok(()) => {
                let _ = File::open(&self.directory).and_then(|directory| directory.sync_all());
            }
        }
    }

    /// Moves logs aside that no group owns: a crash left them, or the control store is not the one
    /// that they belong to.
    pub(crate) fn move_strays_aside(&self, owned: &HashSet<Uuid>) -> io::Result<()> {
        fs::create_dir_all(&self.directory)?;
        let strays = self.directory.parent().unwrap_or(&self.directory).join("strays").join("logs");
        for entry in fs::read_dir(&self.directory)? {
            let entry = entry?;
            let id = Uuid::parse_str(&entry.file_name().to_string_lossy());
            if id.is_ok_and(|id| !owned.contains(&id)) {
                let moved = move_aside(&entry.path(), &strays)?;
                let message = format!("no log group owns this log; it was moved to {}", moved.display());
                tracing::warn!(log = %entry.path().display(), "{message}");
                self.found.lock().push(Problem::new(ProblemKind::Strays, entry.path().display().to_string(), message));
            }
        }
        Ok(())
    }
}

/// A group, as far as its open log is concerned.
pub(crate) trait Holder: Send + Sync {
    /// Closes its log if nobody uses it; whether it is closed now.
    fn close_if_idle(&self, store: &Store) -> bool;
    /// Closes its log, whoever uses it.
    fn close(&self, store: &Store);
    /// What is wrong with its log, if that is open.
    fn problems(&self) -> Vec<Problem>;
}

/// The groups whose logs are open, so that the least recently used idle one can make room.
#[derive(Default)]
pub(crate) struct OpenLogs(Mutex<Open>);

#[derive(Default)]
struct Open {
    groups: HashMap<Uuid, (Arc<dyn Holder>, u64)>,
    uses: u64,
}

impl OpenLogs {
    /// The log of `id` is being used.
    pub(crate) fn touch(&self, id: Uuid) {
        let mut open = self.0.lock();
        open.uses += 1;
        let uses = open.uses;
        if let Some((_, used)) = open.groups.get_mut(&id) {
            *used = uses;
        }
    }

    /// The log of `id` is open.
    pub(crate) fn opened(&self, id: Uuid, group: Arc<dyn Holder>) {
        let mut open = self.0.lock();
        open.uses += 1;
        let uses = open.uses;
        open.groups.insert(id, (group, uses));
    }

    pub(crate) fn forget(&self, id: Uuid) {
        self.0.lock().groups.remove(&id);
    }

    /// Closes logs that nobody uses until one more may be open.
    pub(crate) fn make_room(&self, store: &Store) -> Result<(), StoreError> {
        let mut groups: Vec<_> = {
            let open = self.0.lock();
            if open.groups.len() < OPEN_LOGS_MAX {
                return Ok(());
            }
            open.groups.iter().map(|(id, (group, used))| (*used, *id, group.clone())).collect()
        };
        groups.sort_by_key(|(used, ..)| *used);
        for (_, id, group) in groups {
            if group.close_if_idle(store) {
                self.forget(id);
                return Ok(());
            }
        }
        Err(StoreError::Busy)
    }

    /// The groups whose logs are open.
    pub(crate) fn groups(&self) -> Vec<Arc<dyn Holder>> {
        self.0.lock().groups.values().map(|(group, _)| group.clone()).collect()
    }
}

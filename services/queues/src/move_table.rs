//! The message move tasks that there are and were.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64_simd::STANDARD;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;
use uuid::Uuid;

use crate::limits::MOVE_TASKS_MAX;
use crate::stored::{MoveStatus, StoredMoveTask};

/// The tasks of each source, the newest last.
#[derive(Default)]
pub(crate) struct MoveTasks(Mutex<BTreeMap<String, Vec<Arc<MoveTask>>>>);

/// A task.
pub(crate) struct MoveTask {
    pub(crate) state: Mutex<StoredMoveTask>,
    pub(crate) cancelled: Notify,
}

impl MoveTask {
    /// How it is now.
    pub(crate) fn now(&self) -> StoredMoveTask {
        self.state.lock().clone()
    }
}

/// What a task's handle says.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Handle {
    pub(crate) task_id: Uuid,
    pub(crate) source_arn: String,
}

/// Reads a handle. None if it was not made here.
pub(crate) fn of_handle(handle: &str) -> Option<Handle> {
    serde_json::from_slice(&STANDARD.decode_to_vec(handle).ok()?).ok()
}

/// The handle by which a task is cancelled.
pub(crate) fn handle_of(task: &StoredMoveTask) -> String {
    let handle = Handle { task_id: task.id, source_arn: task.source_arn.clone() };
    // A structure of two texts has a form in JSON.
    STANDARD.encode_to_string(serde_json::to_vec(&handle).unwrap_or_default())
}

impl MoveTasks {
    /// The tasks that control state has.
    pub(crate) fn of_stored(mut rows: Vec<StoredMoveTask>) -> Self {
        rows.sort_by_key(|row| row.started_ms);
        let tasks = Self::default();
        for row in rows {
            tasks.0.lock().entry(row.source_arn.clone()).or_default().push(Arc::new(MoveTask::of(row)));
        }
        tasks
    }

    /// The tasks of a source, the newest first.
    pub(crate) fn of_source(&self, source_arn: &str) -> Vec<Arc<MoveTask>> {
        self.0.lock().get(source_arn).into_iter().flatten().rev().cloned().collect()
    }

    /// Adds a task, and forgets the oldest of its source if there are too many, which it returns.
    pub(crate) fn add(&self, task: Arc<MoveTask>) -> Vec<StoredMoveTask> {
        let mut tasks = self.0.lock();
        let tasks = tasks.entry(task.now().source_arn).or_default();
        tasks.push(task);
        let over = tasks.len().saturating_sub(MOVE_TASKS_MAX);
        tasks.drain(..over).map(|task| task.now()).collect()
    }

    /// Takes a task back that was not stored.
    pub(crate) fn remove(&self, task: &Arc<MoveTask>) {
        if let Some(tasks) = self.0.lock().get_mut(&task.now().source_arn) {
            tasks.retain(|one| !Arc::ptr_eq(one, task));
        }
    }

    /// Those that are not over.
    pub(crate) fn running(&self) -> Vec<Arc<MoveTask>> {
        let is_running = |task: &&Arc<MoveTask>| is_active(task.now().status);
        self.0.lock().values().flatten().filter(is_running).cloned().collect()
    }

    /// Forgets the tasks of a source that is deleted.
    pub(crate) fn forget(&self, source_arn: &str) -> Vec<StoredMoveTask> {
        let forgotten = self.0.lock().remove(source_arn).unwrap_or_default();
        forgotten.iter().for_each(|task| task.cancelled.notify_one());
        forgotten.iter().map(|task| task.now()).collect()
    }
}

impl MoveTask {
    /// A task that is in this state.
    pub(crate) fn of(row: StoredMoveTask) -> Self {
        Self { state: Mutex::new(row), cancelled: Notify::new() }
    }
}

fn is_active(status: MoveStatus) -> bool {
    matches!(status, MoveStatus::Running | MoveStatus::Cancelling)
}

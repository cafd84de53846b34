//! Queues and move tasks as control state keeps them.

use std::collections::BTreeMap;

use anabranch_control::{Changes, ControlStore, Result, Stored, Table};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Queues by ARN.
const QUEUES: Table = Table("queues");
/// Message move tasks by the source's ARN and the task's id.
const MOVE_TASKS: Table = Table("queues_move_tasks");

/// The row of a queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StoredQueue {
    /// Its id in the log, so that a name that is used again begins anew.
    pub(crate) id: Uuid,
    pub(crate) arn: String,
    pub(crate) created_ms: u64,
    pub(crate) modified_ms: u64,
    pub(crate) attributes: BTreeMap<String, String>,
    pub(crate) tags: BTreeMap<String, String>,
}

impl Stored for StoredQueue {
    const KIND: &'static str = "queue";
    const VERSION: u32 = 1;
}

/// How a move task is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum MoveStatus {
    Running,
    Cancelling,
    Cancelled,
    Completed,
    Failed,
}

/// The row of a message move task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StoredMoveTask {
    pub(crate) id: Uuid,
    pub(crate) source_arn: String,
    pub(crate) destination_arn: Option<String>,
    pub(crate) per_second_max: Option<u64>,
    pub(crate) started_ms: u64,
    pub(crate) to_move: u64,
    pub(crate) moved: u64,
    pub(crate) status: MoveStatus,
    pub(crate) failure: Option<String>,
}

impl Stored for StoredMoveTask {
    const KIND: &'static str = "message_move_task";
    const VERSION: u32 = 1;
}

/// Queues and move tasks in the control store.
#[derive(Clone)]
pub(crate) struct Catalog(pub(crate) ControlStore);

impl Catalog {
    /// All queues. Waits for the disk.
    pub(crate) fn queues(&self) -> Result<Vec<StoredQueue>> {
        Ok(self.0.scan(QUEUES, "")?.into_iter().map(|(_, queue)| queue).collect())
    }

    /// Adds or changes a queue.
    pub(crate) async fn put(&self, queue: &StoredQueue) -> Result<()> {
        let mut changes = Changes::default();
        changes.put(QUEUES, &queue.arn, queue)?;
        self.0.commit_async(changes).await
    }

    /// Removes a queue and its move tasks.
    pub(crate) async fn remove(&self, arn: &str, tasks: &[StoredMoveTask]) -> Result<()> {
        let mut changes = Changes::default();
        changes.delete(QUEUES, arn);
        tasks.iter().for_each(|task| changes.delete(MOVE_TASKS, &key(task)));
        self.0.commit_async(changes).await
    }

    /// All move tasks. Waits for the disk.
    pub(crate) fn move_tasks(&self) -> Result<Vec<StoredMoveTask>> {
        Ok(self.0.scan(MOVE_TASKS, "")?.into_iter().map(|(_, task)| task).collect())
    }

    /// Adds or changes a move task, and forgets others.
    pub(crate) async fn put_move_task(&self, task: &StoredMoveTask, forgotten: &[StoredMoveTask]) -> Result<()> {
        let mut changes = Changes::default();
        changes.put(MOVE_TASKS, &key(task), task)?;
        forgotten.iter().for_each(|task| changes.delete(MOVE_TASKS, &key(task)));
        self.0.commit_async(changes).await
    }
}

fn key(task: &StoredMoveTask) -> String {
    format!("{}/{}", task.source_arn, task.id)
}

#[cfg(test)]
mod tests {
    use anabranch_control::check_fixtures;

    use super::*;

    const ID: Uuid = Uuid::from_u128(0x67e5_5044_10b1_426f_9247_bb68_0e5f_e0c8);
    const ARN: &str = "arn:aws:sqs:us-east-1:000000000000:jobs";

    #[test]
    fn queues_of_every_version_are_read() {
        let pair = |name: &str, value: &str| BTreeMap::from([(name.to_string(), value.to_string())]);
        let row = StoredQueue {
            id: ID,
            arn: ARN.into(),
            created_ms: 1_772_730_249_000,
            modified_ms: 1_772_730_249_001,
            attributes: pair("VisibilityTimeout", "60"),
            tags: pair("team", "clicks"),
        };
        check_fixtures("tests/stored", &[row]);
    }

    #[test]
    fn move_tasks_of_every_version_are_read() {
        let running = StoredMoveTask {
            id: ID,
            source_arn: ARN.into(),
            destination_arn: None,
            per_second_max: Some(100),
            started_ms: 1_772_730_249_000,
            to_move: 7,
            moved: 3,
            status: MoveStatus::Running,
            failure: None,
        };
        let failed = StoredMoveTask {
            destination_arn: Some("arn:aws:sqs:us-east-1:000000000000:other".into()),
            per_second_max: None,
            status: MoveStatus::Failed,
            failure: Some("AWS.SimpleQueueService.NonExistentQueue".into()),
            ..running.clone()
        };
        check_fixtures("tests/stored", &[running, failed]);
    }
}

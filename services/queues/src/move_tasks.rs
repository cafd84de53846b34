//! Message move tasks at work: dead letters on their way back ("StartMessageMoveTask"). A task is in
//! control state, and goes on after a restart.

use std::sync::Arc;
use std::time::Duration;

use anabranch_protocol::{ApiError, ErrorKind};
use uuid::Uuid;

use crate::blocking::blocking;
use crate::error::{OVER_LIMIT, RESOURCE_NOT_FOUND, control_failure, invalid_parameter, invalid_value, no_such_queue};
use crate::limits::{BATCH_MAX, MOVE_TASKS_RUNNING_MAX};
use crate::move_table::{MoveTask, of_handle};
use crate::moving::{self, Move};
use crate::name::QueueName;
use crate::queue::Queue;
use crate::registry::Registry;
use crate::sending::durable;
use crate::state::{Seq, Want};
use crate::stored::{MoveStatus, StoredMoveTask};

impl Registry {
    /// Goes on with the tasks that were under way when the program ended.
    pub(crate) fn resume_move_tasks(self: &Arc<Self>) {
        for task in self.move_tasks.running() {
            tokio::spawn(run(self.clone(), task));
        }
    }

    /// Starts a task that moves the messages of `source`.
    pub(crate) async fn start_move_task(
        self: &Arc<Self>,
        source: &Arc<Queue>,
        destination_arn: Option<String>,
        per_second_max: Option<u64>,
    ) -> Result<StoredMoveTask, ApiError> {
        let running = self.move_tasks.running();
        if running.iter().any(|task| task.now().source_arn == source.arn) {
            return Err(invalid_parameter(
                "There is already a task running. Only one active task is allowed for a source queue arn at a given time.",
            ));
        }
        if running.len() >= MOVE_TASKS_RUNNING_MAX {
            let message =
                format!("There are {MOVE_TASKS_RUNNING_MAX} message move tasks under way, which is the most.");
            return Err(ApiError::new(ErrorKind::LimitExceeded, OVER_LIMIT, message));
        }
        let (registry, counted) = (self.clone(), source.clone());
        let counted = blocking(move || {
            let messages = counted.now(&registry.journal, registry.clock.now_ms())?;
            Ok::<_, ApiError>(messages.state.visible_count() as u64)
        });
        let to_move = counted.await??;
        let row = StoredMoveTask {
            id: Uuid::new_v4(),
            source_arn: source.arn.clone(),
            destination_arn,
            per_second_max,
            started_ms: self.clock.now_ms(),
            to_move,
            moved: 0,
            status: MoveStatus::Running,
            failure: None,
        };
        let task = Arc::new(MoveTask::of(row.clone()));
        let forgotten = self.move_tasks.add(task.clone());
        if let Err(error) = self.catalog.put_move_task(&row, &forgotten).await {
            self.move_tasks.remove(&task);
            return Err(control_failure(&error));
        }
        tokio::spawn(run(self.clone(), task));
        Ok(row)
    }

    /// Cancels the task of a handle, and says how many messages it has moved.
    pub(crate) async fn cancel_move_task(self: &Arc<Self>, handle: &str) -> Result<u64, ApiError> {
        let decoded = of_handle(handle);
        let decoded = decoded.ok_or_else(|| invalid_value(handle, "TaskHandle", "It is not the handle of a task."))?;
        let mut tasks = self.move_tasks.of_source(&decoded.source_arn).into_iter();
        let task = tasks.find(|task| task.now().id == decoded.task_id);
        let task = task.ok_or_else(|| ApiError::not_found(RESOURCE_NOT_FOUND, "Task does not exist."))?;
        {
            let mut state = task.state.lock();
            if state.status != MoveStatus::Running {
                return Err(invalid_parameter("Only active tasks can be cancelled."));
            }
            state.status = MoveStatus::Cancelling;
        }
        let state = task.now();
        self.catalog.put_move_task(&state, &[]).await.map_err(|error| control_failure(&error))?;
        task.cancelled.notify_one();
        Ok(state.moved)
    }
}

/// Moves messages until there are no more, or the task is cancelled, or the program ends.
async fn run(registry: Arc<Registry>, task: Arc<MoveTask>) {
    let (status, failure) = loop {
        let state = task.now();
        if state.status == MoveStatus::Cancelling {
            break (MoveStatus::Cancelled, None);
        }
        if state.moved >= state.to_move {
            break (MoveStatus::Completed, None);
        }
        let moving = (registry.clone(), state.clone());
        let moved = match blocking(move || move_some(&moving.0, &moving.1)).await.and_then(|moved| moved) {
            Ok((0, None)) => break (MoveStatus::Completed, None),
            Ok((0, Some(unflushed))) => match durable(&registry.journal, unflushed).await {
                Ok(()) => 0,
                Err(error) => break (MoveStatus::Failed, Some(error.message)),
            },
            Ok((moved, _)) => moved,
            Err(error) => break (MoveStatus::Failed, Some(error.message)),
        };
        task.state.lock().moved += moved;
        let pause =
            state.per_second_max.map_or(Duration::ZERO, |most| Duration::from_secs(1) * moved as u32 / most as u32);
        tokio::select! {
            () = registry.clock.sleep(pause) => {}
            () = task.cancelled.notified() => {}
        }
        if registry.stopping.get().is_some() {
            return;
        }
    };
    let ended = {
        let mut state = task.state.lock();
        (state.status, state.failure) = (status, failure);
        state.clone()
    };
    // A source that was deleted has no tasks any more.
    if registry.find_arn(&ended.source_arn).is_some()
        && let Err(error) = registry.catalog.put_move_task(&ended, &[]).await
    {
        tracing::warn!(%error, "the end of a message move task is not stored; it begins again after a restart");
    }
}

/// Moves a few messages, and says how many, and the position of one that is not durable yet. Blocks.
fn move_some(registry: &Registry, task: &StoredMoveTask) -> Result<(u64, Option<u64>), ApiError> {
    let source = registry.find_arn(&task.source_arn).ok_or_else(no_such_queue)?;
    let (journal, now_ms) = (&registry.journal, registry.clock.now_ms());
    let left = task.to_move.saturating_sub(task.moved).min(BATCH_MAX as u64) as usize;
    let messages_max = task.per_second_max.map_or(left, |most| left.min(most as usize));
    let (seqs, unflushed) = {
        let mut messages = source.now(journal, now_ms)?;
        // What was received at least no times leaves.
        let want = Want { messages_max, now_ms, until_ms: 0, visible: journal.visible(), receives_max: Some(0) };
        let taken = messages.state.take(&want);
        (taken.dead, taken.unflushed)
    };
    let mut moved = 0;
    let mut rest = seqs.as_slice();
    while let Some((seq, others)) = rest.split_first() {
        let target = match destination(registry, task, &source, *seq) {
            Ok(target) => target,
            Err(error) => {
                moving::stay(&source, rest);
                return Err(error);
            }
        };
        match moving::move_messages(registry, &source, &target, &[*seq], Move::Task) {
            Ok(some) => moved += some.count as u64,
            Err(error) => {
                moving::stay(&source, rest);
                return Err(error);
            }
        }
        rest = others;
    }
    Ok((moved, unflushed))
}

/// Where a message goes: where the task says, or where the message came from.
fn destination(
    registry: &Registry,
    task: &StoredMoveTask,
    source: &Arc<Queue>,
    seq: Seq,
) -> Result<Arc<Queue>, ApiError> {
    let arn = match &task.destination_arn {
        Some(arn) => Some(arn.clone()),
        None => source.read(&registry.journal, seq)?.and_then(|contents| contents.source_arn),
    };
    let found =
        arn.and_then(|arn| registry.find_arn(&arn)).filter(|found| found.name.is_fifo() == source.name.is_fifo());
    found.ok_or_else(|| ApiError::not_found(RESOURCE_NOT_FOUND, "CouldNotDetermineMessageSource"))
}

impl Registry {
    /// The queue of this ARN.
    pub(crate) fn find_arn(&self, arn: &str) -> Option<Arc<Queue>> {
        self.find(&QueueName::of_arn(arn)?)
    }
}

//! `StartMessageMoveTask`, `CancelMessageMoveTask` and `ListMessageMoveTasks`.

use std::sync::Arc;

use anabranch_protocol::{ApiError, RequestContext};
use serde::{Deserialize, Serialize};

use crate::error::{RESOURCE_NOT_FOUND, invalid_parameter, invalid_value, missing};
use crate::limits::{MOVE_TASKS_MAX, MOVED_PER_SECOND_MAX};
use crate::move_table::handle_of;
use crate::queue::Queue;
use crate::registry::Registry;
use crate::stored::{MoveStatus, StoredMoveTask};

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct StartRequest {
    source_arn: Option<String>,
    destination_arn: Option<String>,
    max_number_of_messages_per_second: Option<i64>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct StartAnswer {
    task_handle: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct CancelRequest {
    task_handle: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct CancelAnswer {
    approximate_number_of_messages_moved: u64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct ListRequest {
    source_arn: Option<String>,
    max_results: Option<i64>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListAnswer {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    results: Vec<Entry>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    #[serde(skip_serializing_if = "Option::is_none")]
    task_handle: Option<String>,
    status: MoveStatus,
    source_arn: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    destination_arn: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_number_of_messages_per_second: Option<u64>,
    approximate_number_of_messages_moved: u64,
    approximate_number_of_messages_to_move: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure_reason: Option<String>,
    started_timestamp: u64,
}

impl From<StoredMoveTask> for Entry {
    fn from(task: StoredMoveTask) -> Self {
        Self {
            // Only who is running can be cancelled ("ListMessageMoveTasks").
            task_handle: (task.status == MoveStatus::Running).then(|| handle_of(&task)),
            status: task.status,
            source_arn: task.source_arn,
            destination_arn: task.destination_arn,
            max_number_of_messages_per_second: task.per_second_max,
            approximate_number_of_messages_moved: task.moved,
            approximate_number_of_messages_to_move: task.to_move,
            failure_reason: task.failure,
            started_timestamp: task.started_ms,
        }
    }
}

/// The queue that `parameter` names by its ARN.
fn by_arn(registry: &Registry, parameter: &str, arn: Option<&str>) -> Result<Arc<Queue>, ApiError> {
    let arn = arn.ok_or_else(|| missing(parameter))?;
    registry.find_arn(arn).ok_or_else(|| {
        let message = format!("The resource that you specified for the {parameter} parameter doesn't exist.");
        ApiError::not_found(RESOURCE_NOT_FOUND, message)
    })
}

pub(super) async fn start_message_move_task(
    registry: &Arc<Registry>,
    _: &RequestContext,
    request: StartRequest,
) -> Result<StartAnswer, ApiError> {
    let source = by_arn(registry, "SourceArn", request.source_arn.as_deref())?;
    if let Some(destination) = &request.destination_arn {
        let destination = by_arn(registry, "DestinationArn", Some(destination))?;
        if destination.name.is_fifo() != source.name.is_fifo() || destination.id == source.id {
            return Err(invalid_parameter("Source and destination must be two queues of the same type."));
        }
    }
    let per_second_max = match request.max_number_of_messages_per_second {
        None => None,
        Some(most) => {
            let allowed = u64::try_from(most).ok().filter(|most| (1..=MOVED_PER_SECOND_MAX).contains(most));
            let reason = format!("Must be between 1 and {MOVED_PER_SECOND_MAX}, if provided.");
            Some(allowed.ok_or_else(|| invalid_value(most, "MaxNumberOfMessagesPerSecond", &reason))?)
        }
    };
    let is_dead_letter_queue = registry.all().iter().any(|queue| {
        queue.description().settings.redrive.as_ref().is_some_and(|redrive| redrive.target == source.name)
    });
    if !is_dead_letter_queue {
        return Err(invalid_parameter("Source queue must be configured as a Dead Letter Queue."));
    }
    let task = registry.start_move_task(&source, request.destination_arn, per_second_max).await?;
    Ok(StartAnswer { task_handle: handle_of(&task) })
}

pub(super) async fn cancel_message_move_task(
    registry: &Arc<Registry>,
    _: &RequestContext,
    request: CancelRequest,
) -> Result<CancelAnswer, ApiError> {
    let handle = request.task_handle.ok_or_else(|| missing("TaskHandle"))?;
    let approximate_number_of_messages_moved = registry.cancel_move_task(&handle).await?;
    Ok(CancelAnswer { approximate_number_of_messages_moved })
}

pub(super) async fn list_message_move_tasks(
    registry: &Arc<Registry>,
    _: &RequestContext,
    request: ListRequest,
) -> Result<ListAnswer, ApiError> {
    let source = by_arn(registry, "SourceArn", request.source_arn.as_deref())?;
    let most = request.max_results.unwrap_or(1);
    let allowed = usize::try_from(most).ok().filter(|most| (1..=MOVE_TASKS_MAX).contains(most));
    let reason = format!("Value for parameter MaxResults must be between 1 and {MOVE_TASKS_MAX}.");
    let allowed = allowed.ok_or_else(|| invalid_value(most, "MaxResults", &reason))?;
    let tasks = registry.move_tasks.of_source(&source.arn);
    Ok(ListAnswer { results: tasks.iter().take(allowed).map(|task| task.now().into()).collect() })
}

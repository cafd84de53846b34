//! One mapping of those that there are: its record, its state, its task.

use anabranch_protocol::ApiError;
use std::sync::Arc;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::configuration::EventSourceMapping;
use super::stat::Stat;
use super::state::MappingState;
use super::stored::MappingRecord;
use crate::error::resource_in_use;
use crate::function_id::Scope;

/// A mapping and the task that runs it.
pub(super) struct Mapping {
    pub(super) record: MappingRecord,
    /// Set while the mapping passes from one state to another.
    pub(super) passing: Option<MappingState>,
    pub(super) stat: Arc<Stat>,
    pub(super) task: Option<Task>,
}

/// The task of a mapping that polls.
pub(super) struct Task {
    pub(super) stop: watch::Sender<bool>,
    pub(super) ended: JoinHandle<()>,
}

impl Mapping {
    pub(super) fn new(record: MappingRecord, passing: Option<MappingState>) -> Self {
        Self { record, passing, stat: Arc::default(), task: None }
    }

    pub(super) fn is_of(&self, scope: &Scope) -> bool {
        self.record.function.scope == *scope
    }

    pub(super) fn state(&self) -> MappingState {
        self.passing.unwrap_or(if self.record.enabled { MappingState::Enabled } else { MappingState::Disabled })
    }

    pub(super) fn check_settled(&self) -> Result<(), ApiError> {
        match self.passing {
            None => Ok(()),
            Some(state) => {
                Err(resource_in_use(format!("The event source mapping cannot be changed while it is {state}.")))
            }
        }
    }

    pub(super) fn show(&self, uuid: &str) -> EventSourceMapping {
        EventSourceMapping::new(uuid, &self.record, self.state(), self.stat.last_result())
    }
}

impl Task {
    /// Ends the task after the invocation that it is in.
    pub(super) async fn stop(self) {
        self.stop.send_replace(true);
        let _ = self.ended.await;
    }
}

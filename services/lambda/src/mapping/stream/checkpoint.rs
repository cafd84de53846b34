//! How far each shard of each mapping is done.
//!
//! Pollers set checkpoints in memory; one writer commits all that changed together. A
//! checkpoint is set only after its records are done, so a crash before the commit
//! delivers records again and never skips one. While the store can't be written (a full
//! disk) pollers go on and the writer tries again.

use anabranch_control::{Changes, ControlError, ControlStore, Stored, Table};
use anabranch_ports::ShardCursor;
use anabranch_protocol::{Clock, Problem, ProblemKind};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::sync::{Notify, watch};

use super::window::TumblingWindow;
use crate::config::LambdaConfig;
use crate::control::commit;
use crate::failing::OngoingFailures;

const CHECKPOINTS: Table = Table("lambda_checkpoints");
/// Pause after a commit that failed, such as on a full disk.
const RETRY_PAUSE: Duration = Duration::from_secs(1);

/// What fails if checkpoints can't be written.
const WRITING: &str = "checkpoints of event source mappings";

/// How far a shard is done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Checkpoint {
    /// Reading goes on at `cursor`; records up to `done_through` there are done already. `window` is
    /// the tumbling window that is open, with its state.
    At {
        cursor: ShardCursor,
        done_through: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        window: Option<TumblingWindow>,
    },
    /// The shard is closed and all of it is done, so its children may start.
    ShardEnd,
}

impl Stored for Checkpoint {
    const KIND: &'static str = "checkpoint";
    const VERSION: u32 = 2;

    /// In version 1 there were no tumbling windows.
    fn migrate(_: u32, row: Value) -> serde_json::Result<Self> {
        serde_json::from_value(row)
    }
}

/// The checkpoints of all mappings.
pub(crate) struct Checkpoints {
    control: ControlStore,
    state: Mutex<State>,
    changed: Arc<Notify>,
    clean: watch::Sender<bool>,
    clock: Arc<dyn Clock>,
    failing: OngoingFailures,
}

#[derive(Default)]
struct State {
    all: BTreeMap<String, Checkpoint>,
    dirty: BTreeSet<String>,
}

fn key(mapping: &str, shard_id: &str) -> String {
    format!("{mapping}/{shard_id}")
}

impl Checkpoints {
    pub(crate) fn open(
        control: ControlStore,
        clock: Arc<dyn Clock>,
        config: &LambdaConfig,
    ) -> Result<Arc<Self>, ControlError> {
        let all = control.scan(CHECKPOINTS, "")?.into_iter().collect();
        let state = Mutex::new(State { all, dirty: BTreeSet::new() });
        let (changed, clean) = (Arc::default(), watch::Sender::new(true));
        let checkpoints = Arc::new(Self { control, state, changed, clean, clock, failing: OngoingFailures::default() });
        let (writer, changed) = (Arc::downgrade(&checkpoints), checkpoints.changed.clone());
        tokio::spawn(write_changes(writer, changed, config.checkpoint_interval));
        Ok(checkpoints)
    }

    pub(crate) fn get(&self, mapping: &str, shard_id: &str) -> Option<Checkpoint> {
        self.state.lock().all.get(&key(mapping, shard_id)).cloned()
    }

    /// Whether the mapping was started before.
    pub(crate) fn has_any(&self, mapping: &str) -> bool {
        let prefix = format!("{mapping}/");
        let state = self.state.lock();
        state.all.range(prefix.clone()..).next().is_some_and(|(key, _)| key.starts_with(&prefix))
    }

    pub(crate) fn set(&self, mapping: &str, shard_id: &str, checkpoint: Checkpoint) {
        self.set_all(mapping, vec![(shard_id.into(), checkpoint)]);
    }

    /// Sets several checkpoints, which are committed together.
    pub(crate) fn set_all(&self, mapping: &str, checkpoints: Vec<(String, Checkpoint)>) {
        let mut state = self.state.lock();
        for (shard_id, checkpoint) in checkpoints {
            let key = key(mapping, &shard_id);
            state.dirty.insert(key.clone());
            state.all.insert(key, checkpoint);
        }
        self.clean.send_replace(false);
        drop(state);
        self.changed.notify_one();
    }

    /// Forgets a mapping that is deleted, within `changes`.
    pub(crate) fn forget(&self, mapping: &str, changes: &mut Changes) {
        let mut state = self.state.lock();
        let prefix = format!("{mapping}/");
        let keys: Vec<String> = state.all.keys().filter(|key| key.starts_with(&prefix)).cloned().collect();
        for key in keys {
            state.all.remove(&key);
            state.dirty.remove(&key);
            changes.delete(CHECKPOINTS, &key);
        }
    }

    /// Whether checkpoints can't be written; mappings go on meanwhile.
    pub(crate) fn problems(&self) -> Vec<Problem> {
        self.failing.problems(str::to_string)
    }

    /// Waits until all is written, up to `limit`. Only a store that fails takes long.
    pub(crate) async fn flush(&self, limit: Duration) {
        let _ = tokio::time::timeout(limit, self.clean.subscribe().wait_for(|clean| *clean)).await;
    }

    async fn write_dirty(&self) -> bool {
        let (dirty, changes) = {
            let mut state = self.state.lock();
            let dirty = std::mem::take(&mut state.dirty);
            let mut changes = Changes::default();
            for key in &dirty {
                if let Some(checkpoint) = state.all.get(key)
                    && let Err(error) = changes.put(CHECKPOINTS, key, checkpoint)
                {
                    tracing::error!(key, %error, "cannot encode a checkpoint");
                }
            }
            (dirty, changes)
        };
        let written = match commit(&self.control, changes).await {
            Ok(()) => {
                self.failing.succeeded(WRITING);
                true
            }
            Err(error) => {
                self.failing.failed(WRITING, self.clock.now_ms(), ProblemKind::Failing, error.message);
                false
            }
        };
        let mut state = self.state.lock();
        if !written {
            state.dirty.extend(dirty);
            self.changed.notify_one();
        }
        if state.dirty.is_empty() {
            self.clean.send_replace(true);
        }
        written
    }
}

impl Drop for Checkpoints {
    fn drop(&mut self) {
        // Lets the writer see that it is no longer needed.
        self.changed.notify_one();
    }
}

#[allow(clippy::disallowed_methods, reason = "how often the disk is flushed is a matter of the machine's time")]
async fn write_changes(checkpoints: Weak<Checkpoints>, changed: Arc<Notify>, interval: Duration) {
    loop {
        changed.notified().await;
        let Some(checkpoints) = checkpoints.upgrade() else { return };
        let written = checkpoints.write_dirty().await;
        drop(checkpoints);
        tokio::time::sleep(if written { interval } else { RETRY_PAUSE }).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use anabranch_protocol::SystemClock;

    fn at(cursor: &str) -> Checkpoint {
        Checkpoint::At { cursor: ShardCursor::from_text(cursor), done_through: Some("7".into()), window: None }
    }

    #[tokio::test]
    async fn checkpoints_survive_and_are_forgotten_by_mapping() {
        let directory = tempfile::tempdir().unwrap();
        let control = ControlStore::open(&directory.path().join("control.redb")).unwrap();
        let config = LambdaConfig { checkpoint_interval: Duration::ZERO, ..LambdaConfig::default() };
        let checkpoints = Checkpoints::open(control.clone(), Arc::new(SystemClock), &config).unwrap();
        checkpoints.set("a", "s0", at("1"));
        checkpoints.set("a", "s0", at("2"));
        checkpoints.set("b", "s0", Checkpoint::ShardEnd);
        checkpoints.flush(Duration::from_secs(10)).await;

        let reopened = Checkpoints::open(control.clone(), Arc::new(SystemClock), &config).unwrap();
        assert_eq!(reopened.get("a", "s0"), Some(at("2")));
        let mut changes = Changes::default();
        reopened.forget("a", &mut changes);
        control.commit(changes).unwrap();
        let reopened = Checkpoints::open(control, Arc::new(SystemClock), &config).unwrap();
        assert_eq!(reopened.get("a", "s0"), None);
        assert_eq!(reopened.get("b", "s0"), Some(Checkpoint::ShardEnd));
    }
    #[test]
    fn checkpoints_have_fixtures() {
        let samples = [
            at("1048576"),
            Checkpoint::At { cursor: ShardCursor::from_text("0"), done_through: None, window: None },
            Checkpoint::At {
                cursor: ShardCursor::from_text("0"),
                done_through: None,
                window: Some(TumblingWindow::of(1_700_000_010_000, 30)),
            },
            Checkpoint::ShardEnd,
        ];
        anabranch_control::check_fixtures(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/stored"), &samples);
    }
}

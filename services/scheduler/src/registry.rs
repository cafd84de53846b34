//! The schedules and groups of all accounts and regions. Every change goes through here.

use std::collections::BTreeMap;
use std::sync::Arc;

use anabranch_control::{Changes, ControlError, ControlStore, Result, Stored, Table};
use anabranch_protocol::{ApiError, RequestContext};
use parking_lot::{Mutex, RwLock};
use serde::{Deserialize, Serialize};
use tokio::sync::{Notify, OwnedMutexGuard};

use crate::error::{SchedulerError, no_group, no_schedule, store_failed};
use crate::plan::Plan;
use crate::schedule::{DEFAULT_GROUP, GroupSettings, Schedule, ScheduleSettings, group_arn, schedule_arn};

/// Schedules by ARN.
const SCHEDULES: Table = Table("scheduler_schedules");
/// Groups by ARN; a default group is in it once it was changed.
const GROUPS: Table = Table("scheduler_groups");
/// When schedules fired last, by ARN: written with what came of it, so that a crash neither loses nor
/// repeats it.
const FIRED: Table = Table("scheduler_fired");

/// The row of a schedule that has fired.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StoredFiring {
    /// When it was due, in milliseconds since the Unix epoch.
    pub(crate) due_ms: u64,
}

impl Stored for StoredFiring {
    const KIND: &'static str = "schedule_firing";
    const VERSION: u32 = 1;
}

/// Schedules and groups.
pub(crate) struct Registry {
    control: ControlStore,
    /// By ARN.
    schedules: RwLock<BTreeMap<String, Arc<Schedule>>>,
    /// By ARN.
    groups: RwLock<BTreeMap<String, Arc<GroupSettings>>>,
    pub(crate) plan: Mutex<Plan>,
    /// The plan may have changed.
    pub(crate) planned: Notify,
    /// Held while something is changed.
    changing: Arc<tokio::sync::Mutex<()>>,
}

/// The right to change something: one change at a time.
pub(crate) type Changing = OwnedMutexGuard<()>;

impl Registry {
    /// Reads what is stored, and plans what is due from `now_ms` on. Waits for the disk.
    pub(crate) fn open(control: ControlStore, now_ms: u64) -> std::result::Result<Self, SchedulerError> {
        let mut schedules = BTreeMap::new();
        for (arn, settings) in control.scan::<ScheduleSettings>(SCHEDULES, "")? {
            let unreadable = |error: ApiError| SchedulerError::Schedule { arn: arn.clone(), reason: error.message };
            schedules.insert(arn.clone(), Arc::new(Schedule::new(settings).map_err(unreadable)?));
        }
        let groups = control.scan::<GroupSettings>(GROUPS, "")?;
        let fired: BTreeMap<String, StoredFiring> = control.scan(FIRED, "")?.into_iter().collect();
        let mut plan = Plan::default();
        for (arn, schedule) in &schedules {
            if let Some(due_ms) = schedule.next_due(fired.get(arn).map(|fired| fired.due_ms), now_ms) {
                plan.set(arn, schedule.fires_at(due_ms), due_ms);
            }
        }
        Ok(Self {
            control,
            schedules: RwLock::new(schedules),
            groups: RwLock::new(groups.into_iter().map(|(arn, group)| (arn, Arc::new(group))).collect()),
            plan: Mutex::new(plan),
            planned: Notify::new(),
            changing: Arc::default(),
        })
    }

    /// How many schedules there are.
    pub(crate) fn len(&self) -> usize {
        self.schedules.read().len()
    }

    /// The schedule with this ARN.
    pub(crate) fn by_arn(&self, arn: &str) -> Option<Arc<Schedule>> {
        self.schedules.read().get(arn).cloned()
    }

    /// The caller's schedule `name` in a group, the default one if none is named.
    ///
    /// # Errors
    /// `ResourceNotFoundException`.
    pub(crate) fn schedule(
        &self,
        context: &RequestContext,
        group: Option<&str>,
        name: &str,
    ) -> std::result::Result<Arc<Schedule>, ApiError> {
        let arn = schedule_arn(context, group.unwrap_or(DEFAULT_GROUP), name);
        self.by_arn(&arn).ok_or_else(|| no_schedule(name))
    }

    /// The caller's group `name`.
    ///
    /// # Errors
    /// `ResourceNotFoundException`.
    pub(crate) fn group(
        &self,
        context: &RequestContext,
        name: &str,
    ) -> std::result::Result<Arc<GroupSettings>, ApiError> {
        self.group_by_arn(&group_arn(context, name), name).ok_or_else(|| no_group(name))
    }

    /// The group with this ARN and name.
    pub(crate) fn group_by_arn(&self, arn: &str, name: &str) -> Option<Arc<GroupSettings>> {
        let found = self.groups.read().get(arn).cloned();
        let default = || {
            Arc::new(GroupSettings {
                arn: arn.into(),
                name: name.into(),
                created_ms: None,
                modified_ms: None,
                tags: BTreeMap::new(),
                client_token: None,
            })
        };
        found.or_else(|| (name == DEFAULT_GROUP).then(default))
    }

    /// Those whose ARN begins with `prefix`, by ARN.
    pub(crate) fn schedules_below(&self, prefix: &str) -> Vec<Arc<Schedule>> {
        let schedules = self.schedules.read();
        let below = schedules.range(prefix.to_string()..).take_while(|(arn, _)| arn.starts_with(prefix));
        below.map(|(_, schedule)| schedule.clone()).collect()
    }

    /// The caller's groups by name, the default one among them.
    pub(crate) fn groups_of(&self, context: &RequestContext) -> Vec<Arc<GroupSettings>> {
        let default = self.group(context, DEFAULT_GROUP).ok();
        let prefix = group_arn(context, "");
        let groups = self.groups.read();
        let theirs = groups.range(prefix.clone()..).take_while(|(arn, _)| arn.starts_with(&prefix));
        let others = theirs.map(|(_, group)| group.clone()).filter(|group| group.name != DEFAULT_GROUP);
        let mut all: Vec<Arc<GroupSettings>> = others.chain(default).collect();
        all.sort_by(|one, other| one.name.cmp(&other.name));
        all
    }

    /// Waits for the right to change something. What is read after it does not change until it is
    /// given back.
    pub(crate) async fn changing(&self) -> Changing {
        self.changing.clone().lock_owned().await
    }

    /// Stores a schedule, which counts from `now_ms` on.
    pub(crate) async fn put(
        self: &Arc<Self>,
        changing: Changing,
        schedule: Schedule,
        now_ms: u64,
    ) -> std::result::Result<(), ApiError> {
        let mut changes = Changes::default();
        let arn = schedule.settings.arn.clone();
        changes.put(SCHEDULES, &arn, &schedule.settings).map_err(|error| store_failed(&error))?;
        changes.delete(FIRED, &arn);
        self.commit(changing, changes, move |registry| {
            let due_ms = schedule.next_due(None, now_ms);
            let fires_ms = due_ms.map(|due_ms| schedule.fires_at(due_ms));
            registry.schedules.write().insert(arn.clone(), Arc::new(schedule));
            let mut plan = registry.plan.lock();
            match fires_ms.zip(due_ms) {
                Some((fires_ms, due_ms)) => plan.set(&arn, fires_ms, due_ms),
                None => plan.remove(&arn),
            }
        })
        .await
    }

    /// Removes schedules, and a group with them if one is given.
    pub(crate) async fn remove(
        self: &Arc<Self>,
        changing: Changing,
        schedules: Vec<String>,
        group: Option<String>,
    ) -> std::result::Result<(), ApiError> {
        let mut changes = Changes::default();
        schedules.iter().for_each(|arn| delete(&mut changes, arn));
        if let Some(group) = &group {
            changes.delete(GROUPS, group);
        }
        self.commit(changing, changes, move |registry| {
            schedules.iter().for_each(|arn| registry.forget(arn));
            if let Some(group) = group {
                registry.groups.write().remove(&group);
            }
        })
        .await
    }

    /// Stores a group.
    pub(crate) async fn put_group(
        self: &Arc<Self>,
        changing: Changing,
        group: GroupSettings,
    ) -> std::result::Result<(), ApiError> {
        let mut changes = Changes::default();
        changes.put(GROUPS, &group.arn, &group).map_err(|error| store_failed(&error))?;
        self.commit(changing, changes, move |registry| {
            registry.groups.write().insert(group.arn.clone(), Arc::new(group));
        })
        .await
    }

    /// Commits `changes`, then shows them. It goes on if the caller leaves.
    async fn commit(
        self: &Arc<Self>,
        changing: Changing,
        changes: Changes,
        show: impl FnOnce(&Self) + Send + 'static,
    ) -> std::result::Result<(), ApiError> {
        let registry = self.clone();
        let committed: tokio::task::JoinHandle<std::result::Result<(), ControlError>> = tokio::spawn(async move {
            registry.control.commit_async(changes).await?;
            show(&registry);
            registry.planned.notify_one();
            drop(changing);
            Ok(())
        });
        match committed.await {
            Ok(outcome) => outcome.map_err(|error| store_failed(&error)),
            Err(error) => Err(ApiError::internal(format!("the change did not end: {error}"))),
        }
    }

    /// No longer knows a schedule.
    pub(crate) fn forget(&self, arn: &str) {
        self.schedules.write().remove(arn);
        self.plan.lock().remove(arn);
    }
}

/// Notes that a schedule fired.
pub(crate) fn fired(changes: &mut Changes, arn: &str, due_ms: u64) -> Result<()> {
    changes.put(FIRED, arn, &StoredFiring { due_ms })
}

/// Deletes a schedule.
pub(crate) fn delete(changes: &mut Changes, arn: &str) {
    changes.delete(SCHEDULES, arn);
    changes.delete(FIRED, arn);
}

//! Changing functions: drawn up, committed, then seen by others.

use anabranch_control::Changes;
use anabranch_protocol::ApiError;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tokio::sync::OwnedMutexGuard;

use super::running::spec;
use super::{FUNCTIONS, Functions, Hosted, VERSIONS};
use crate::code::HeldPackage;
use crate::configuration::{Configuration, revision_id};
use crate::control::commit;
use crate::error::{precondition_failed, resource_conflict, service_exception};
use crate::function_id::FunctionId;
use crate::host::Pool;
use crate::stored_function::{FunctionRecord, VersionRecord};

/// What a function is to be.
pub(crate) struct Draft {
    pub(crate) record: FunctionRecord,
    /// Published versions, by number.
    pub(crate) versions: BTreeMap<u64, Arc<Configuration>>,
    /// Whether `$LATEST` starts anew even if nothing of it changed.
    pub(crate) starts_anew: bool,
    /// Packages that it uses as soon as it is committed.
    pub(crate) held: Vec<HeldPackage>,
}

impl Draft {
    /// A function that is to be created.
    pub(crate) fn new(record: FunctionRecord) -> Self {
        Self { record, versions: BTreeMap::new(), starts_anew: false, held: Vec::new() }
    }

    /// Publishes `$LATEST`, unless the version that was published last is the same.
    pub(crate) fn publish(&mut self, description: Option<String>) -> u64 {
        let newest = self.versions.last_key_value();
        if let Some((number, newest)) = newest
            && newest.is_as(&self.record.latest)
        {
            return *number;
        }
        let mut configuration = self.record.latest.clone();
        configuration.revision_id = revision_id();
        if let Some(description) = description {
            configuration.description = description;
        }
        self.record.last_version += 1;
        self.versions.insert(self.record.last_version, Arc::new(configuration));
        self.record.last_version
    }

    /// Removes the settings of a version or alias that is gone.
    pub(crate) fn forget(&mut self, qualifier: &str) {
        let record = &mut self.record;
        record.event_invoke.remove(qualifier);
        record.policies.remove(qualifier);
        record.provisioned.remove(qualifier);
        record.runtime_updates.remove(qualifier);
        record.urls.remove(qualifier);
    }

    /// Checks that `$LATEST` is still what the caller knows.
    ///
    /// # Errors
    /// `PreconditionFailedException`.
    pub(crate) fn check_revision(&self, expected: Option<&str>) -> Result<(), ApiError> {
        match expected {
            Some(expected) if expected != self.record.latest.revision_id => Err(precondition_failed()),
            _ => Ok(()),
        }
    }
}

impl Functions {
    /// Changes the function that is there: durably, or not at all.
    ///
    /// # Errors
    /// `ResourceNotFoundException`, those of `alter`, and `ServiceException` for the disk.
    pub(crate) async fn change<T>(
        self: &Arc<Self>,
        id: &FunctionId,
        alter: impl FnOnce(&mut Draft) -> Result<T, ApiError>,
    ) -> Result<T, ApiError> {
        let guard = self.changes.clone().lock_owned().await;
        let mut draft = self.hosted(&id.into())?.draft();
        let told = alter(&mut draft)?;
        self.settle(guard, id, Some(draft)).await?;
        Ok(told)
    }

    /// Creates a function.
    ///
    /// # Errors
    /// `ResourceConflictException` when it is there.
    pub(crate) async fn create(self: &Arc<Self>, draft: Draft) -> Result<(), ApiError> {
        let guard = self.changes.clone().lock_owned().await;
        let id = draft.record.id();
        if self.hosted(&(&id).into()).is_ok() {
            return Err(resource_conflict(format!("Function already exist: {}", id.name)));
        }
        self.settle(guard, &id, Some(draft)).await
    }

    pub(super) async fn change_or_create(
        self: &Arc<Self>,
        id: &FunctionId,
        alter: impl FnOnce(&mut Draft) -> Result<(), ApiError>,
        new: impl FnOnce() -> FunctionRecord,
    ) -> Result<(), ApiError> {
        let guard = self.changes.clone().lock_owned().await;
        let mut draft = self.hosted(&id.into()).map_or_else(|_| Draft::new(new()), |hosted| hosted.draft());
        alter(&mut draft)?;
        self.settle(guard, id, Some(draft)).await
    }

    pub(super) async fn remove(self: &Arc<Self>, id: &FunctionId) -> Result<(), ApiError> {
        let guard = self.changes.clone().lock_owned().await;
        self.hosted(&id.into())?;
        self.settle(guard, id, None).await
    }

    /// Makes the function what `next` says. It goes on to its end even if the caller goes away: what
    /// is committed and what is seen must be the same.
    async fn settle(
        self: &Arc<Self>,
        guard: OwnedMutexGuard<()>,
        id: &FunctionId,
        next: Option<Draft>,
    ) -> Result<(), ApiError> {
        let (functions, id) = (self.clone(), id.clone());
        let settled = tokio::spawn(async move {
            let outdated = functions.settle_now(&id, next).await;
            drop(guard);
            outdated
        });
        let (outdated, freed) = settled.await.map_err(|error| service_exception(error.to_string()))??;
        for pool in &outdated {
            pool.retire().await;
        }
        if freed {
            tokio::spawn(self.clone().clear(outdated));
        }
        Ok(())
    }

    /// Commits, then shows. What is no longer run is told, and whether a package may be out of use.
    async fn settle_now(&self, id: &FunctionId, next: Option<Draft>) -> Result<(Vec<Arc<Pool>>, bool), ApiError> {
        let before = self.hosted(&id.into()).ok();
        let changes = changes(id, before.as_ref(), next.as_ref());
        let packages = before.as_ref().map(Hosted::packages).unwrap_or_default();
        commit(&self.control, changes.map_err(|error| service_exception(error.to_string()))?).await?;
        let mut hosted = self.hosted.write();
        let Some(next) = next else {
            let removed = hosted.remove(id);
            let outdated = removed.map(|removed| removed.running.outdated(|_| false)).unwrap_or_default();
            return Ok((outdated, !packages.is_empty()));
        };
        let (running, counts) = before.map(|before| (before.running, before.counts)).unwrap_or_default();
        let now = Hosted { record: Arc::new(next.record), versions: Arc::new(next.versions), running, counts };
        let outdated = now.running.outdated(|run| {
            let current = now.configuration(&run.version);
            let is_same = current.is_some_and(|current| spec(&self.code, &now.record, &run.version, &current) == *run);
            is_same && !next.starts_anew
        });
        let freed = !packages.is_subset(&now.packages());
        hosted.insert(id.clone(), now);
        Ok((outdated, freed))
    }

    /// Removes packages that nobody uses, once `outdated` environments have ended.
    async fn clear(self: Arc<Self>, outdated: Vec<Arc<Pool>>) {
        for pool in outdated {
            pool.drained().await;
        }
        self.sweep_soon().await;
    }

    /// Removes packages that nobody uses.
    pub(crate) async fn sweep_soon(self: &Arc<Self>) {
        let functions = self.clone();
        if let Ok(Err(error)) = tokio::task::spawn_blocking(move || functions.sweep()).await {
            tracing::warn!(%error, "unused deployment packages can't be removed");
        }
    }
}

impl Hosted {
    fn packages(&self) -> BTreeSet<String> {
        let versions = self.versions.values().map(Arc::as_ref).chain([&self.record.latest]);
        versions.flat_map(Configuration::packages).map(str::to_string).collect()
    }

    fn draft(&self) -> Draft {
        Draft { versions: (*self.versions).clone(), ..Draft::new((*self.record).clone()) }
    }
}

/// The rows that differ.
fn changes(
    id: &FunctionId,
    before: Option<&Hosted>,
    next: Option<&Draft>,
) -> Result<Changes, anabranch_control::ControlError> {
    let mut changes = Changes::default();
    match next {
        Some(next) => changes.put(FUNCTIONS, &id.to_string(), &next.record)?,
        None => changes.delete(FUNCTIONS, &id.to_string()),
    }
    let none = BTreeMap::new();
    let before = before.map_or(&none, |before| &*before.versions);
    let next = next.map_or(&none, |next| &next.versions);
    for number in before.keys().filter(|number| !next.contains_key(number)) {
        changes.delete(VERSIONS, &VersionRecord::key(id, *number));
    }
    for (number, configuration) in next.iter().filter(|(number, _)| !before.contains_key(number)) {
        let version = VersionRecord {
            account: id.scope.account,
            region: id.scope.region.clone(),
            name: id.name.clone(),
            number: *number,
            configuration: (**configuration).clone(),
        };
        changes.put(VERSIONS, &VersionRecord::key(id, *number), &version)?;
    }
    Ok(changes)
}

//! All mappings: their configuration in the control store, their state, their tasks.

use anabranch_control::{Changes, ControlError, ControlStore, Table};
use anabranch_ports::PortErrorKind;
use anabranch_protocol::{ApiError, Arn, Clock, Problem};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use uuid::Uuid;

use super::configuration::EventSourceMapping;
use super::context::{BatchInvoker, Context};
use super::entry::{Mapping, Task};
use super::queue;
use super::request::{EventSourceMappingRequest, ListEventSourceMappings};
use super::settings::{Settings, refuse_others};
use super::sources::{Delivery, EventSource, Reader, Sources};
use super::stat::MappingStat;
use super::state::MappingState;
use super::stored::{MappingRecord, StoredMapping};
use super::stream::checkpoint::Checkpoints;
use super::stream::supervisor;
use super::tags;
use crate::config::LambdaConfig;
use crate::control::commit;
use crate::destinations;
use crate::error::{invalid_parameter, not_found, resource_conflict, service_exception};
use crate::function_id::{FunctionId, Scope};
use crate::functions::Functions;

const MAPPINGS: Table = Table("lambda_event_source_mappings");
/// How long stopping waits for checkpoints to be written; a full disk may prevent it.
const FLUSH_WAIT_MAX: Duration = Duration::from_secs(5);
/// Mappings that one page of a list holds at most, as AWS.
const PAGE_MAX: usize = 100;

/// What mappings work with.
pub(crate) struct Dependencies {
    pub(crate) functions: Arc<Functions>,
    pub(crate) invoker: Arc<dyn BatchInvoker>,
    pub(crate) sources: Sources,
    pub(crate) destinations: destinations::Services,
    pub(crate) control: ControlStore,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) config: Arc<LambdaConfig>,
}

/// All mappings.
pub(crate) struct Mappings {
    dependencies: Dependencies,
    checkpoints: Arc<Checkpoints>,
    mappings: Mutex<BTreeMap<String, Mapping>>,
    /// Whether enabled mappings poll.
    running: Mutex<bool>,
}

impl Mappings {
    pub(crate) fn open(dependencies: Dependencies) -> Result<Arc<Self>, ControlError> {
        let checkpoints =
            Checkpoints::open(dependencies.control.clone(), dependencies.clock.clone(), &dependencies.config)?;
        let stored = dependencies.control.scan::<StoredMapping>(MAPPINGS, "")?;
        let mappings = stored.into_iter().map(|(uuid, stored)| (uuid, Mapping::new(stored.into(), None))).collect();
        Ok(Arc::new(Self { dependencies, checkpoints, mappings: Mutex::new(mappings), running: Mutex::new(false) }))
    }

    /// Begins to poll for all enabled mappings.
    pub(crate) fn start(&self) {
        *self.running.lock() = true;
        let uuids: Vec<String> = self.mappings.lock().keys().cloned().collect();
        uuids.iter().for_each(|uuid| self.run(uuid));
    }

    /// Stops all mappings. An invocation under way is waited for, up to `limit`; what it was
    /// given is delivered again after a restart if it takes longer.
    pub(crate) async fn shutdown(&self, limit: Duration) {
        *self.running.lock() = false;
        let tasks: Vec<Task> = self.mappings.lock().values_mut().filter_map(|mapping| mapping.task.take()).collect();
        for task in &tasks {
            task.stop.send_replace(true);
        }
        let deadline = tokio::time::Instant::now() + limit;
        for mut task in tasks {
            if tokio::time::timeout_at(deadline, &mut task.ended).await.is_err() {
                task.ended.abort();
            }
        }
        self.checkpoints.flush(FLUSH_WAIT_MAX).await;
    }

    pub(crate) async fn create(
        self: &Arc<Self>,
        scope: &Scope,
        request: EventSourceMappingRequest,
    ) -> Result<EventSourceMapping, ApiError> {
        let function = self.function(scope, request.function_name.as_deref().unwrap_or_default())?;
        refuse_others(&request.others)?;
        let (source, source_arn) = self.source(scope, request.event_source_arn.as_deref().unwrap_or_default())?;
        let settings = Settings::create(&request, source.rules(), &source_arn)?;
        self.check(&function, &*source, &source_arn, &settings).await?;
        let enabled = request.enabled.unwrap_or(true);
        let last_modified_ms = self.dependencies.clock.now_ms();
        let tags = tags::checked(request.tags.unwrap_or_default())?;
        let record = MappingRecord { function, source_arn, enabled, last_modified_ms, settings, tags };
        let uuid = Uuid::new_v4().to_string();
        self.reserve(&uuid, &record)?;
        if let Err(error) = self.store(&uuid, &record).await {
            self.mappings.lock().remove(&uuid);
            return Err(error);
        }
        if enabled && matches!(source.rules().delivery, Delivery::Stream { .. }) {
            self.fix_start(&uuid).await;
        }
        let shown = self.get(scope, &uuid)?;
        self.settle(&uuid);
        Ok(shown)
    }

    /// Checks what only the source, the function and the destination together can tell.
    async fn check(
        &self,
        function: &FunctionId,
        source: &dyn EventSource,
        source_arn: &Arn,
        settings: &Settings,
    ) -> Result<(), ApiError> {
        source
            .check_batch(source_arn, settings.batch_size, settings.batching_window_seconds)
            .map_err(invalid_parameter)?;
        let reader = source.open(source_arn).await.map_err(|error| match error.kind {
            PortErrorKind::NotFound => invalid_parameter(format!("{}: {source_arn}", source.rules().not_found)),
            _ => service_exception(error.to_string()),
        })?;
        if let Reader::Queue(queue) = reader {
            let (visibility, timeout) =
                (queue.visibility_timeout(), self.dependencies.functions.spec(function)?.timeout);
            if visibility < timeout {
                return Err(invalid_parameter(format!(
                    "Queue visibility timeout: {} seconds is less than Function timeout: {} seconds",
                    visibility.as_secs(),
                    timeout.as_secs()
                )));
            }
        }
        let Some(destination) = settings.stream.as_ref().and_then(|stream| stream.on_failure.as_ref()) else {
            return Ok(());
        };
        destination.check(&self.dependencies.destinations).await.map_err(|error| match error.is_transient() {
            true => service_exception(error.to_string()),
            false => invalid_parameter(format!("The destination {destination} cannot take messages: {error}")),
        })
    }

    /// A function that mappings of `scope` may invoke.
    fn function(&self, scope: &Scope, name: &str) -> Result<FunctionId, ApiError> {
        let function = FunctionId::resolve(name, None, scope)?;
        self.dependencies.functions.spec(&function)?;
        match function.scope == *scope {
            true => Ok(function),
            false => Err(invalid_parameter("A mapping and its function belong to the same account.")),
        }
    }

    /// A source that mappings of `scope` may read.
    fn source(&self, scope: &Scope, text: &str) -> Result<(Arc<dyn EventSource>, Arn), ApiError> {
        let refused = |why: String| invalid_parameter(format!("EventSourceArn {text}: {why}"));
        let arn: Arn = text.parse().map_err(|_| {
            invalid_parameter(format!("Unrecognized event source: EventSourceArn '{text}' is not an ARN."))
        })?;
        let sources = &self.dependencies.sources;
        let source = sources.of(&arn).ok_or_else(|| {
            refused(format!("event source {} is not supported; only {} are.", arn.service, sources.titles()))
        })?;
        source.check(&arn).map_err(refused)?;
        if arn.account != Some(scope.account) || arn.region.as_ref() != Some(&scope.region) {
            let Scope { account, region } = scope;
            return Err(refused(format!(
                "a mapping of account {account} in {region} reads what is of that account and region."
            )));
        }
        Ok((source.clone(), arn))
    }

    /// Enters the mapping in state Creating, unless there is one for the same two.
    fn reserve(&self, uuid: &str, record: &MappingRecord) -> Result<(), ApiError> {
        let mut mappings = self.mappings.lock();
        let same = |other: &MappingRecord| other.function == record.function && other.source_arn == record.source_arn;
        if let Some((uuid, _)) = mappings.iter().find(|(_, mapping)| same(&mapping.record)) {
            let (source_arn, function) = (&record.source_arn, &record.function.name);
            let (source, rest) = match record.settings.queue {
                Some(_) => ("An event source mapping with SQS arn", "already exists"),
                None => ("The event source arn", "provided mapping already exists"),
            };
            return Err(resource_conflict(format!(
                "{source} (\" {source_arn} \") and function (\" {function} \") {rest}. Please update or delete the \
                 existing mapping with UUID {uuid}"
            )));
        }
        mappings.insert(uuid.into(), Mapping::new(record.clone(), Some(MappingState::Creating)));
        Ok(())
    }

    /// Settles where the shards start before the mapping is announced, so that LATEST means
    /// the moment of its creation. If that can't be done now, the supervisor does it.
    async fn fix_start(&self, uuid: &str) {
        let (_, stop) = watch::channel(false);
        let Some(context) = self.context(uuid, stop) else { return };
        match supervisor::shards(&context).await {
            Ok(_) => self.checkpoints.flush(FLUSH_WAIT_MAX).await,
            Err(error) => context.source_failed("", &error),
        }
    }

    pub(crate) fn get(&self, scope: &Scope, uuid: &str) -> Result<EventSourceMapping, ApiError> {
        let mappings = self.mappings.lock();
        let mapping = mappings.get(uuid).filter(|mapping| mapping.is_of(scope)).ok_or_else(missing)?;
        Ok(mapping.show(uuid))
    }

    /// A page of mappings in order of their ids, and the marker of the next one.
    pub(crate) fn list(
        &self,
        scope: &Scope,
        request: &ListEventSourceMappings,
    ) -> Result<(Vec<EventSourceMapping>, Option<String>), ApiError> {
        if request.max_items.is_some_and(|items| !(1..=10_000).contains(&items)) {
            return Err(invalid_parameter("MaxItems must lie within 1 and 10000."));
        }
        let function =
            request.function_name.as_deref().map(|name| FunctionId::resolve(name, None, scope)).transpose()?;
        let mappings = self.mappings.lock();
        let wanted = |(uuid, mapping): &(&String, &Mapping)| {
            mapping.is_of(scope)
                && request.marker.as_ref().is_none_or(|marker| *uuid > marker)
                && request.event_source_arn.as_ref().is_none_or(|arn| *arn == mapping.record.source_arn.to_string())
                && function.as_ref().is_none_or(|function| *function == mapping.record.function)
        };
        let page = request.max_items.unwrap_or(PAGE_MAX).min(PAGE_MAX);
        let mut found: Vec<EventSourceMapping> =
            mappings.iter().filter(wanted).take(page + 1).map(|(uuid, mapping)| mapping.show(uuid)).collect();
        let more = found.len() > page;
        found.truncate(page);
        let marker = found.last().filter(|_| more).map(|mapping| mapping.uuid.clone());
        Ok((found, marker))
    }

    pub(crate) async fn update(
        self: &Arc<Self>,
        scope: &Scope,
        uuid: &str,
        request: EventSourceMappingRequest,
    ) -> Result<EventSourceMapping, ApiError> {
        if request.event_source_arn.is_some() || request.starting_position.is_some() {
            return Err(invalid_parameter("EventSourceArn and StartingPosition of a mapping cannot be changed."));
        }
        let function = request.function_name.as_deref().map(|name| self.function(scope, name)).transpose()?;
        let before = {
            let mappings = self.mappings.lock();
            let mapping = mappings.get(uuid).filter(|mapping| mapping.is_of(scope)).ok_or_else(missing)?;
            mapping.check_settled()?;
            mapping.record.clone()
        };
        let mut after = before.clone();
        let source = self.dependencies.sources.of(&after.source_arn).ok_or_else(missing)?;
        after.settings.apply(&request, source.rules())?;
        after.function = function.unwrap_or(after.function);
        self.check(&after.function, &**source, &after.source_arn, &after.settings).await?;
        after.enabled = request.enabled.unwrap_or(after.enabled);
        after.last_modified_ms = self.dependencies.clock.now_ms();
        let passing = match (before.enabled, after.enabled) {
            (false, true) => MappingState::Enabling,
            (true, false) => MappingState::Disabling,
            _ => MappingState::Updating,
        };
        let task = self.pass(scope, uuid, passing)?;
        if let Err(error) = self.store(uuid, &after).await {
            self.restart(uuid, task);
            return Err(error);
        }
        if let Some(mapping) = self.mappings.lock().get_mut(uuid) {
            mapping.record = after;
        }
        let shown = self.get(scope, uuid)?;
        self.restart(uuid, task);
        Ok(shown)
    }

    pub(crate) async fn delete(self: &Arc<Self>, scope: &Scope, uuid: &str) -> Result<EventSourceMapping, ApiError> {
        let task = self.pass(scope, uuid, MappingState::Deleting)?;
        let shown = self.get(scope, uuid)?;
        if let Some(task) = task {
            task.stop().await;
        }
        let mut changes = Changes::default();
        changes.delete(MAPPINGS, uuid);
        self.checkpoints.forget(uuid, &mut changes);
        if let Err(error) = commit(&self.dependencies.control, changes).await {
            self.settle(uuid);
            return Err(error);
        }
        self.mappings.lock().remove(uuid);
        Ok(shown)
    }

    /// The tags of the mapping with this ARN.
    pub(crate) fn tags(&self, scope: &Scope, arn: &str) -> Result<BTreeMap<String, String>, ApiError> {
        let uuid = uuid_of(scope, arn)?;
        let mappings = self.mappings.lock();
        let mapping = mappings.get(uuid).filter(|mapping| mapping.is_of(scope)).ok_or_else(missing)?;
        Ok(mapping.record.tags.clone())
    }

    /// Changes the tags of the mapping with this ARN.
    pub(crate) async fn change_tags(
        &self,
        scope: &Scope,
        arn: &str,
        change: impl FnOnce(&mut BTreeMap<String, String>),
    ) -> Result<(), ApiError> {
        let uuid = uuid_of(scope, arn)?;
        // Nothing else may change it until the tags are stored; its task goes on.
        let mut record = {
            let mut mappings = self.mappings.lock();
            let mapping = mappings.get_mut(uuid).filter(|mapping| mapping.is_of(scope)).ok_or_else(missing)?;
            mapping.check_settled()?;
            mapping.passing = Some(MappingState::Updating);
            mapping.record.clone()
        };
        let changed = async {
            change(&mut record.tags);
            record.tags = tags::checked(record.tags)?;
            self.store(uuid, &record).await?;
            Ok(record)
        };
        let changed = changed.await;
        let mut mappings = self.mappings.lock();
        let mapping = mappings.get_mut(uuid).ok_or_else(missing)?;
        mapping.passing = None;
        mapping.record = changed?;
        Ok(())
    }

    pub(crate) fn stat(&self) -> Vec<MappingStat> {
        let now_ms = self.dependencies.clock.now_ms();
        let mappings = self.mappings.lock();
        let stat = |(uuid, mapping): (&String, &Mapping)| {
            let record = &mapping.record;
            mapping.stat.snapshot(uuid, record.function.label(), record.source_arn.to_string(), mapping.state(), now_ms)
        };
        mappings.iter().map(stat).collect()
    }

    /// What keeps mappings from making progress.
    pub(crate) fn problems(&self) -> Vec<Problem> {
        let mut problems = self.checkpoints.problems();
        for (uuid, mapping) in &*self.mappings.lock() {
            let function = mapping.record.function.label();
            let source = mapping.record.source_arn.resource.rsplit('/').next().unwrap_or_default();
            let resource = |shard_id: &str| {
                let slash = if shard_id.is_empty() { "" } else { "/" };
                format!("event source mapping {uuid} ({source}{slash}{shard_id} to {function})")
            };
            problems.extend(mapping.stat.failing.problems(resource));
        }
        problems
    }

    /// Enters a transitional state and takes the task out.
    fn pass(&self, scope: &Scope, uuid: &str, passing: MappingState) -> Result<Option<Task>, ApiError> {
        let mut mappings = self.mappings.lock();
        let mapping = mappings.get_mut(uuid).filter(|mapping| mapping.is_of(scope)).ok_or_else(missing)?;
        mapping.check_settled()?;
        mapping.passing = Some(passing);
        Ok(mapping.task.take())
    }

    /// Ends the task in the background, and starts one with the mapping's present settings.
    fn restart(self: &Arc<Self>, uuid: &str, task: Option<Task>) {
        let (mappings, uuid) = (self.clone(), uuid.to_string());
        tokio::spawn(async move {
            if let Some(task) = task {
                task.stop().await;
            }
            mappings.settle(&uuid);
        });
    }

    fn settle(&self, uuid: &str) {
        if let Some(mapping) = self.mappings.lock().get_mut(uuid) {
            mapping.passing = None;
        }
        self.run(uuid);
    }

    /// Starts the mapping's task if it is enabled and has none.
    fn run(&self, uuid: &str) {
        let running = self.running.lock();
        let (stop, stopped) = watch::channel(false);
        let Some(context) = self.context(uuid, stopped) else { return };
        if let Some(mapping) = self.mappings.lock().get_mut(uuid)
            && *running
            && mapping.record.enabled
            && mapping.task.is_none()
        {
            let context = Arc::new(context);
            let ended = match context.source.rules().delivery {
                Delivery::Stream { .. } => tokio::spawn(supervisor::run(context)),
                Delivery::Queue => tokio::spawn(queue::run(context)),
            };
            mapping.task = Some(Task { stop, ended });
        }
    }

    fn context(&self, uuid: &str, stop: watch::Receiver<bool>) -> Option<Context> {
        let mappings = self.mappings.lock();
        let Mapping { record, stat, .. } = mappings.get(uuid)?;
        let Some(source) = self.dependencies.sources.of(&record.source_arn) else {
            stat.problem(format!("there is no event source {}", record.source_arn.service));
            return None;
        };
        let filter = match record.settings.filter(source.rules()) {
            Ok(filter) => filter,
            Err(error) => {
                stat.problem(error.to_string());
                return None;
            }
        };
        Some(Context {
            uuid: uuid.into(),
            function: record.function.clone(),
            source_arn: record.source_arn.clone(),
            settings: record.settings.clone(),
            filter,
            source: source.clone(),
            opened: Mutex::default(),
            invoker: self.dependencies.invoker.clone(),
            destinations: self.dependencies.destinations.clone(),
            checkpoints: self.checkpoints.clone(),
            clock: self.dependencies.clock.clone(),
            backoff: self.dependencies.config.mapping_backoff,
            stat: stat.clone(),
            stop,
        })
    }

    async fn store(&self, uuid: &str, record: &MappingRecord) -> Result<(), ApiError> {
        let mut changes = Changes::default();
        changes
            .put(MAPPINGS, uuid, &StoredMapping::from(record))
            .map_err(|error| service_exception(error.to_string()))?;
        commit(&self.dependencies.control, changes).await
    }
}

/// The id of the mapping that `arn` names.
fn uuid_of<'a>(scope: &Scope, arn: &'a str) -> Result<&'a str, ApiError> {
    let prefix = scope.arn("event-source-mapping:").to_string();
    arn.strip_prefix(&prefix).ok_or_else(missing)
}

fn missing() -> ApiError {
    not_found("The resource you requested does not exist.")
}

//! All mappings: their configuration in the control store, their state, their tasks.

use anabranch_control::{Changes, ControlError, ControlStore, Stored, Table};
use anabranch_protocol::{ApiError, Arn, Clock, Problem, Timestamp};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use uuid::Uuid;

use super::checkpoint::Checkpoints;
use super::settings::{EventSourceMappingRequest, Settings};
use super::stat::{MappingStat, Stat};
use super::{BatchInvoker, Context, supervisor};
use crate::config::LambdaConfig;
use crate::control::blocking;
use crate::error::{invalid_parameter, not_found, service_exception};
use crate::function::parse_function_name;
use crate::functions::Functions;
use anabranch_ports::{ObjectWriter, PortErrorKind, StreamSource};

const MAPPINGS: Table = Table("lambda_event_source_mappings");
/// How long stopping waits for checkpoints to be written; a full disk may prevent it.
const FLUSH_WAIT_MAX: Duration = Duration::from_secs(5);
/// Mappings that one page of a list holds at most, as AWS.
const PAGE_MAX: usize = 100;

/// A mapping as the API shows it (`EventSourceMappingConfiguration`).
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct EventSourceMapping {
    /// The mapping's id.
    #[serde(rename = "UUID")]
    pub uuid: String,
    /// ARN of the mapping.
    pub event_source_mapping_arn: String,
    /// ARN of the stream.
    pub event_source_arn: String,
    /// ARN of the function.
    pub function_arn: String,
    /// `Creating`, `Enabling`, `Enabled`, `Disabling`, `Disabled`, `Updating` or `Deleting`.
    pub state: String,
    /// Who caused the state.
    pub state_transition_reason: String,
    /// `No records processed`, `OK`, or a problem.
    pub last_processing_result: String,
    /// When it was last changed.
    pub last_modified: Timestamp,
    /// All else.
    #[serde(flatten)]
    pub settings: Settings,
}

/// Request of ListEventSourceMappings.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ListEventSourceMappings {
    /// Only those of this stream.
    pub event_source_arn: Option<String>,
    /// Only those of this function.
    pub function_name: Option<String>,
    /// `NextMarker` of the page before.
    pub marker: Option<String>,
    /// 1–10,000; pages hold at most 100.
    pub max_items: Option<usize>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct StoredMapping {
    function: String,
    event_source_arn: String,
    enabled: bool,
    last_modified_ms: u64,
    settings: Settings,
}

impl Stored for StoredMapping {
    const KIND: &'static str = "event_source_mapping";
    const VERSION: u32 = 1;
}

struct Mapping {
    stored: StoredMapping,
    /// Set while the mapping passes from one state to another.
    passing: Option<&'static str>,
    stat: Arc<Stat>,
    task: Option<Task>,
}

struct Task {
    stop: watch::Sender<bool>,
    ended: JoinHandle<()>,
}

/// What mappings work with.
pub(crate) struct Dependencies {
    pub(crate) functions: Arc<Functions>,
    pub(crate) invoker: Arc<dyn BatchInvoker>,
    pub(crate) source: Arc<dyn StreamSource>,
    pub(crate) objects: Arc<dyn ObjectWriter>,
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
        let mappings = stored.into_iter().map(|(uuid, stored)| (uuid, Mapping::new(stored, None))).collect();
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
        request: EventSourceMappingRequest,
    ) -> Result<EventSourceMapping, ApiError> {
        let function = parse_function_name(request.function_name.as_deref().unwrap_or_default(), None)?;
        self.dependencies.functions.spec(&function)?;
        let event_source_arn = check_source(request.event_source_arn.as_deref())?;
        let settings = Settings::create(&request)?;
        match self.dependencies.source.open_stream(&event_source_arn).await {
            Ok(_) => {}
            Err(error) if error.kind == PortErrorKind::NotFound => {
                return Err(invalid_parameter(format!("Stream not found: {event_source_arn}")));
            }
            Err(error) => return Err(service_exception(error.to_string())),
        }
        let enabled = request.enabled.unwrap_or(true);
        let last_modified_ms = self.dependencies.clock.now_ms();
        let stored = StoredMapping { function, event_source_arn, enabled, last_modified_ms, settings };
        let uuid = Uuid::new_v4().to_string();
        self.reserve(&uuid, &stored)?;
        if let Err(error) = self.store(&uuid, &stored).await {
            self.mappings.lock().remove(&uuid);
            return Err(error);
        }
        if enabled {
            self.fix_start(&uuid).await;
        }
        let shown = self.get(&uuid)?;
        self.settle(&uuid);
        Ok(shown)
    }

    /// Enters the mapping in state Creating, unless there is one for the same two.
    fn reserve(&self, uuid: &str, stored: &StoredMapping) -> Result<(), ApiError> {
        let mut mappings = self.mappings.lock();
        let same = |other: &StoredMapping| {
            other.function == stored.function && other.event_source_arn == stored.event_source_arn
        };
        if let Some((uuid, _)) = mappings.iter().find(|(_, mapping)| same(&mapping.stored)) {
            return Err(ApiError::conflict(
                "ResourceConflictException",
                format!(
                    "An event source mapping with a Kinesis stream (\" {} \") and function (\" {} \") already exists. \
                     Please update or delete the existing mapping with UUID {uuid}",
                    stored.event_source_arn, stored.function
                ),
            ));
        }
        mappings.insert(uuid.into(), Mapping::new(stored.clone(), Some("Creating")));
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

    pub(crate) fn get(&self, uuid: &str) -> Result<EventSourceMapping, ApiError> {
        let mappings = self.mappings.lock();
        let mapping = mappings.get(uuid).ok_or_else(missing)?;
        Ok(self.show(uuid, mapping))
    }

    /// A page of mappings in order of their ids, and the marker of the next one.
    pub(crate) fn list(
        &self,
        request: &ListEventSourceMappings,
    ) -> Result<(Vec<EventSourceMapping>, Option<String>), ApiError> {
        if request.max_items.is_some_and(|items| !(1..=10_000).contains(&items)) {
            return Err(invalid_parameter("MaxItems must lie within 1 and 10000."));
        }
        let function = request.function_name.as_deref().map(|name| parse_function_name(name, None)).transpose()?;
        let mappings = self.mappings.lock();
        let wanted = |(uuid, mapping): &(&String, &Mapping)| {
            request.marker.as_ref().is_none_or(|marker| *uuid > marker)
                && request.event_source_arn.as_ref().is_none_or(|arn| *arn == mapping.stored.event_source_arn)
                && function.as_ref().is_none_or(|function| *function == mapping.stored.function)
        };
        let page = request.max_items.unwrap_or(PAGE_MAX).min(PAGE_MAX);
        let mut found: Vec<EventSourceMapping> =
            mappings.iter().filter(wanted).take(page + 1).map(|(uuid, mapping)| self.show(uuid, mapping)).collect();
        let more = found.len() > page;
        found.truncate(page);
        let marker = found.last().filter(|_| more).map(|mapping| mapping.uuid.clone());
        Ok((found, marker))
    }

    pub(crate) async fn update(
        self: &Arc<Self>,
        uuid: &str,
        request: EventSourceMappingRequest,
    ) -> Result<EventSourceMapping, ApiError> {
        if request.event_source_arn.is_some() || request.starting_position.is_some() {
            return Err(invalid_parameter("EventSourceArn and StartingPosition of a mapping cannot be changed."));
        }
        let function = request.function_name.as_deref().map(|name| parse_function_name(name, None)).transpose()?;
        if let Some(function) = &function {
            self.dependencies.functions.spec(function)?;
        }
        let (before, mut after) = {
            let mappings = self.mappings.lock();
            let mapping = mappings.get(uuid).ok_or_else(missing)?;
            mapping.check_settled()?;
            (mapping.stored.clone(), mapping.stored.clone())
        };
        after.settings.apply(&request)?;
        after.function = function.unwrap_or(after.function);
        after.enabled = request.enabled.unwrap_or(after.enabled);
        after.last_modified_ms = self.dependencies.clock.now_ms();
        let passing = match (before.enabled, after.enabled) {
            (false, true) => "Enabling",
            (true, false) => "Disabling",
            _ => "Updating",
        };
        let task = self.pass(uuid, passing)?;
        if let Err(error) = self.store(uuid, &after).await {
            self.restart(uuid, task);
            return Err(error);
        }
        if let Some(mapping) = self.mappings.lock().get_mut(uuid) {
            mapping.stored = after;
        }
        let shown = self.get(uuid)?;
        self.restart(uuid, task);
        Ok(shown)
    }

    pub(crate) async fn delete(self: &Arc<Self>, uuid: &str) -> Result<EventSourceMapping, ApiError> {
        let task = self.pass(uuid, "Deleting")?;
        let shown = self.get(uuid)?;
        stop(task).await;
        let mut changes = Changes::default();
        changes.delete(MAPPINGS, uuid);
        self.checkpoints.forget(uuid, &mut changes);
        let control = self.dependencies.control.clone();
        if let Err(error) = blocking(move || control.commit(changes)).await {
            self.settle(uuid);
            return Err(error);
        }
        self.mappings.lock().remove(uuid);
        Ok(shown)
    }

    pub(crate) fn stat(&self) -> Vec<MappingStat> {
        let now_ms = self.dependencies.clock.now_ms();
        let mappings = self.mappings.lock();
        let stat = |(uuid, mapping): (&String, &Mapping)| {
            let stored = &mapping.stored;
            mapping.stat.snapshot(uuid, &stored.function, &stored.event_source_arn, mapping.state(), now_ms)
        };
        mappings.iter().map(stat).collect()
    }

    /// What keeps mappings from making progress.
    pub(crate) fn problems(&self) -> Vec<Problem> {
        let mut problems = self.checkpoints.problems();
        for (uuid, mapping) in &*self.mappings.lock() {
            let function = &mapping.stored.function;
            let stream = mapping.stored.event_source_arn.rsplit('/').next().unwrap_or_default();
            let resource = |shard_id: &str| {
                let slash = if shard_id.is_empty() { "" } else { "/" };
                format!("event source mapping {uuid} ({stream}{slash}{shard_id} to {function})")
            };
            problems.extend(mapping.stat.setbacks.problems(resource));
        }
        problems
    }

    /// Enters a passing state and takes the task out.
    fn pass(&self, uuid: &str, passing: &'static str) -> Result<Option<Task>, ApiError> {
        let mut mappings = self.mappings.lock();
        let mapping = mappings.get_mut(uuid).ok_or_else(missing)?;
        mapping.check_settled()?;
        mapping.passing = Some(passing);
        Ok(mapping.task.take())
    }

    /// Ends the task in the background, and starts one with the mapping's present settings.
    fn restart(self: &Arc<Self>, uuid: &str, task: Option<Task>) {
        let (mappings, uuid) = (self.clone(), uuid.to_string());
        tokio::spawn(async move {
            stop(task).await;
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
            && mapping.stored.enabled
            && mapping.task.is_none()
        {
            mapping.task = Some(Task { stop, ended: tokio::spawn(supervisor::run(Arc::new(context))) });
        }
    }

    fn context(&self, uuid: &str, stop: watch::Receiver<bool>) -> Option<Context> {
        let mappings = self.mappings.lock();
        let Mapping { stored, stat, .. } = mappings.get(uuid)?;
        let filter = match stored.settings.filter() {
            Ok(filter) => filter,
            Err(error) => {
                stat.problem(format!("PROBLEM: {error}"));
                return None;
            }
        };
        Some(Context {
            uuid: uuid.into(),
            function: stored.function.clone(),
            function_arn: self.dependencies.config.function_arn(&stored.function),
            stream_arn: stored.event_source_arn.clone(),
            settings: stored.settings.clone(),
            filter,
            source: self.dependencies.source.clone(),
            opened: Mutex::default(),
            invoker: self.dependencies.invoker.clone(),
            objects: self.dependencies.objects.clone(),
            checkpoints: self.checkpoints.clone(),
            clock: self.dependencies.clock.clone(),
            backoff: self.dependencies.config.mapping_backoff,
            stat: stat.clone(),
            stop,
        })
    }

    async fn store(&self, uuid: &str, stored: &StoredMapping) -> Result<(), ApiError> {
        let (control, key, value) = (self.dependencies.control.clone(), uuid.to_string(), stored.clone());
        blocking(move || control.put(MAPPINGS, &key, &value)).await
    }

    fn show(&self, uuid: &str, mapping: &Mapping) -> EventSourceMapping {
        let config = &self.dependencies.config;
        EventSourceMapping {
            uuid: uuid.into(),
            event_source_mapping_arn: config.arn(&format!("event-source-mapping:{uuid}")).to_string(),
            event_source_arn: mapping.stored.event_source_arn.clone(),
            function_arn: config.function_arn(&mapping.stored.function),
            state: mapping.state().into(),
            state_transition_reason: "User action".into(),
            last_processing_result: mapping.stat.last_result(),
            last_modified: Timestamp(mapping.stored.last_modified_ms),
            settings: mapping.stored.settings.clone(),
        }
    }
}

impl Mapping {
    fn new(stored: StoredMapping, passing: Option<&'static str>) -> Self {
        Self { stored, passing, stat: Arc::default(), task: None }
    }

    fn state(&self) -> &'static str {
        self.passing.unwrap_or(if self.stored.enabled { "Enabled" } else { "Disabled" })
    }

    fn check_settled(&self) -> Result<(), ApiError> {
        match self.passing {
            None => Ok(()),
            Some(state) => Err(ApiError::conflict(
                "ResourceInUseException",
                format!("The event source mapping cannot be changed while it is {state}."),
            )),
        }
    }
}

fn missing() -> ApiError {
    not_found("The resource you requested does not exist.")
}

async fn stop(task: Option<Task>) {
    if let Some(task) = task {
        task.stop.send_replace(true);
        let _ = task.ended.await;
    }
}

fn check_source(arn: Option<&str>) -> Result<String, ApiError> {
    let arn = arn.unwrap_or_default();
    let Ok(named) = arn.parse::<Arn>() else {
        let message = format!("Unrecognized event source: EventSourceArn '{arn}' is not an ARN.");
        return Err(invalid_parameter(message));
    };
    match (&*named.service, named.resource_after("stream/")) {
        ("kinesis", Some(stream)) if stream.contains("/consumer/") => Err(invalid_parameter(format!(
            "EventSourceArn {arn}: stream consumers are not supported; give the stream's ARN."
        ))),
        ("kinesis", Some(_)) => Ok(arn.into()),
        (service, _) => Err(invalid_parameter(format!(
            "EventSourceArn {arn}: event source {service} is not supported; only Kinesis streams are."
        ))),
    }
}

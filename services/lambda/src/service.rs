//! The service: functions, their invocations and their event source mappings.

use anabranch_control::ControlStore;
use anabranch_ports::{ObjectReader, ObjectStore, Target};
use anabranch_protocol::{ApiError, Clock, Problem};
use async_trait::async_trait;
use base64_simd::STANDARD;
use bytes::Bytes;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

use crate::asynchronous::AsyncInvocations;
use crate::config::LambdaConfig;
use crate::destinations;
use crate::error::{OpenError, invalid_parameter, service_exception};
use crate::function::FunctionSpec;
use crate::function_id::{FunctionId, QualifiedFunction, Scope};
use crate::functions::{Executed, FunctionStat, Functions};
use crate::invoke::{EVENT_BYTES_MAX, Invocation, InvokeOptions, InvokeOutcome, PAYLOAD_BYTES_MAX, check_payload};
use crate::mapping::checked_tags;
use crate::mapping::sources::{EventSource, Sources};
use crate::mapping::{
    BatchInvoker, Dependencies, EventSourceMapping, EventSourceMappingRequest, ListEventSourceMappings, MappingStat,
    Mappings,
};

/// How long shutting down waits for invocations under way.
const SHUTDOWN_WAIT_MAX: Duration = Duration::from_secs(5);

/// The service.
pub struct Lambda {
    pub(crate) functions: Arc<Functions>,
    pub(crate) packages: Arc<dyn ObjectReader>,
    pub(crate) asynchronous: Arc<AsyncInvocations>,
    mappings: Arc<Mappings>,
}

/// Figures for the console.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LambdaStat {
    /// In order of their names.
    pub functions: Vec<FunctionStat>,
    /// In order of their ids.
    pub mappings: Vec<MappingStat>,
    /// Asynchronous invocations accepted and not yet done.
    pub asynchronous_pending: usize,
}

impl Lambda {
    /// Opens the service in `directory`, with all functions, mappings and events of earlier
    /// runs, and kills function processes that an earlier server left behind. Nothing runs
    /// by itself before [`Lambda::start`]. Mappings may read `sources`, each of a service of its own;
    /// what is given up goes to `objects` and `targets`, and `objects` hold deployment packages.
    /// Must be called within a Tokio runtime.
    ///
    /// # Errors
    /// [`OpenError`] when the folder or the stored state can't be read.
    pub fn open(
        directory: &Path,
        control: ControlStore,
        clock: Arc<dyn Clock>,
        sources: Vec<Arc<dyn EventSource>>,
        objects: Arc<dyn ObjectStore>,
        targets: Arc<dyn Target>,
        config: LambdaConfig,
    ) -> Result<Arc<Self>, OpenError> {
        let config = Arc::new(config);
        let functions = Arc::new(Functions::open(directory, control.clone(), clock.clone(), config.clone())?);
        let packages: Arc<dyn ObjectReader> = objects.clone();
        let destinations = destinations::Services { objects, targets };
        let asynchronous = AsyncInvocations::open(
            functions.clone(),
            destinations.clone(),
            control.clone(),
            clock.clone(),
            config.clone(),
        );
        let invoker = Arc::new(FunctionInvoker(functions.clone()));
        let sources = Sources::new(sources);
        let dependencies =
            Dependencies { functions: functions.clone(), invoker, sources, destinations, control, clock, config };
        Ok(Arc::new(Self { functions, asynchronous, mappings: Mappings::open(dependencies)?, packages }))
    }

    /// Begins to run mappings and stored asynchronous events. Call it once the server
    /// listens at the configured endpoint and its functions are put: a function that can't
    /// reach it would fail good records.
    ///
    /// # Errors
    /// [`OpenError::Control`] when the stored events can't be read.
    pub fn start(&self) -> Result<(), OpenError> {
        self.asynchronous.start()?;
        self.mappings.start();
        Ok(())
    }

    /// Stops mappings after the invocation each is in, writes their checkpoints, and stops
    /// all function processes.
    pub async fn shutdown(&self) {
        tokio::join!(self.mappings.shutdown(SHUTDOWN_WAIT_MAX), self.asynchronous.shutdown(SHUTDOWN_WAIT_MAX));
        self.functions.shutdown(SHUTDOWN_WAIT_MAX).await;
    }

    /// Creates or replaces a function, durably. Invocations under way end with the old one.
    ///
    /// # Errors
    /// `InvalidParameterValueException` for a bad name, timeout, variable or destination.
    pub async fn put_function(&self, spec: FunctionSpec) -> Result<(), ApiError> {
        self.functions.put(spec).await
    }

    /// Deletes a function. Its mappings stay, as on AWS, and report that it is missing.
    ///
    /// # Errors
    /// `ResourceNotFoundException`.
    pub async fn delete_function(&self, function: &FunctionId) -> Result<(), ApiError> {
        self.functions.delete(function).await
    }

    /// Invokes a function and waits for its outcome; a function's own error
    /// is an outcome.
    ///
    /// # Errors
    /// `ResourceNotFoundException`, `RequestTooLargeException` (6 MB),
    /// `InvalidRequestContentException` (not JSON), `TooManyRequestsException`, or
    /// `ServiceException` when a remote function's endpoint can't be reached.
    pub async fn invoke(
        &self,
        function: &FunctionId,
        payload: Bytes,
        options: InvokeOptions,
    ) -> Result<InvokeOutcome, ApiError> {
        Ok(self.invoke_qualified(&function.into(), payload, options).await?.outcome)
    }

    /// Invokes a function, a version or what an alias stands for.
    pub(crate) async fn invoke_qualified(
        &self,
        function: &QualifiedFunction,
        payload: Bytes,
        options: InvokeOptions,
    ) -> Result<Executed, ApiError> {
        self.functions.describe(function)?;
        let payload = check_payload(payload, PAYLOAD_BYTES_MAX)?;
        let InvokeOptions { client_context, log_tail, trace_id, stream } = options;
        let client_context = decode_client_context(client_context)?;
        let request_id = Uuid::new_v4().to_string();
        let invocation =
            Invocation { client_context, log_tail, trace_id, stream, ..Invocation::new(request_id, payload) };
        self.functions.invoke(function, invocation).await
    }

    /// Accepts an asynchronous invocation and returns its request id once it is durable. It
    /// is run at least once, retried twice if the function fails, and then given to the
    /// function's on-failure destination or the log.
    ///
    /// # Errors
    /// As [`Lambda::invoke`], with 1 MB for the payload; `TooManyRequestsException` when
    /// too many are pending.
    pub async fn invoke_async(
        &self,
        function: impl Into<QualifiedFunction>,
        payload: Bytes,
    ) -> Result<String, ApiError> {
        self.invoke_event(&function.into(), payload, None).await
    }

    pub(crate) async fn invoke_event(
        &self,
        function: &QualifiedFunction,
        payload: Bytes,
        client_context: Option<String>,
    ) -> Result<String, ApiError> {
        self.functions.describe(function)?;
        let payload = check_payload(payload, EVENT_BYTES_MAX)?;
        self.asynchronous.accept(function, payload, decode_client_context(client_context)?).await
    }

    /// CreateEventSourceMapping. With `LATEST`, records put after this returns are read.
    ///
    /// # Errors
    /// `InvalidParameterValueException`, `ResourceNotFoundException` (the function),
    /// `ResourceConflictException` (there is one for this stream and function).
    pub async fn create_event_source_mapping(
        &self,
        scope: &Scope,
        request: EventSourceMappingRequest,
    ) -> Result<EventSourceMapping, ApiError> {
        self.mappings.create(scope, request).await
    }

    /// UpdateEventSourceMapping. Disabling keeps the checkpoint.
    ///
    /// # Errors
    /// `InvalidParameterValueException`, `ResourceNotFoundException`,
    /// `ResourceInUseException` (it is being changed already).
    pub async fn update_event_source_mapping(
        &self,
        scope: &Scope,
        uuid: &str,
        request: EventSourceMappingRequest,
    ) -> Result<EventSourceMapping, ApiError> {
        self.mappings.update(scope, uuid, request).await
    }

    /// DeleteEventSourceMapping.
    ///
    /// # Errors
    /// `ResourceNotFoundException`, `ResourceInUseException`.
    pub async fn delete_event_source_mapping(&self, scope: &Scope, uuid: &str) -> Result<EventSourceMapping, ApiError> {
        self.mappings.delete(scope, uuid).await
    }

    /// GetEventSourceMapping.
    ///
    /// # Errors
    /// `ResourceNotFoundException`.
    pub fn get_event_source_mapping(&self, scope: &Scope, uuid: &str) -> Result<EventSourceMapping, ApiError> {
        self.mappings.get(scope, uuid)
    }

    /// ListEventSourceMappings: a page and the marker of the next one.
    ///
    /// # Errors
    /// `InvalidParameterValueException`.
    pub fn list_event_source_mappings(
        &self,
        scope: &Scope,
        request: &ListEventSourceMappings,
    ) -> Result<(Vec<EventSourceMapping>, Option<String>), ApiError> {
        self.mappings.list(scope, request)
    }

    /// ListTags, of functions and event source mappings.
    ///
    /// # Errors
    /// `ResourceNotFoundException` for any other ARN.
    pub fn tags(&self, scope: &Scope, arn: &str) -> Result<BTreeMap<String, String>, ApiError> {
        match tagged_function(scope, arn)? {
            Some(function) => Ok(self.functions.record(&function)?.tags.clone()),
            None => self.mappings.tags(scope, arn),
        }
    }

    /// TagResource and UntagResource, of functions and event source mappings.
    ///
    /// # Errors
    /// `ResourceNotFoundException` for any other ARN, `InvalidParameterValueException` for tags that
    /// can't be, `ResourceInUseException` while the mapping is being changed.
    pub async fn change_tags(
        &self,
        scope: &Scope,
        arn: &str,
        change: impl FnOnce(&mut BTreeMap<String, String>),
    ) -> Result<(), ApiError> {
        let Some(function) = tagged_function(scope, arn)? else {
            return self.mappings.change_tags(scope, arn, change).await;
        };
        let changed = self.functions.change(&function, |draft| {
            let mut tags = std::mem::take(&mut draft.record.tags);
            change(&mut tags);
            draft.record.tags = checked_tags(tags)?;
            Ok(())
        });
        changed.await
    }

    /// The functions of an account and region, in order of their names.
    pub fn list_functions(&self, scope: &Scope) -> Vec<Arc<FunctionSpec>> {
        self.functions.list(scope)
    }

    /// A function.
    ///
    /// # Errors
    /// `ResourceNotFoundException`.
    pub fn get_function(&self, function: &FunctionId) -> Result<Arc<FunctionSpec>, ApiError> {
        self.functions.spec(function)
    }

    /// Figures for the console.
    pub fn stat(&self) -> LambdaStat {
        LambdaStat {
            functions: self.functions.stat(),
            mappings: self.mappings.stat(),
            asynchronous_pending: self.asynchronous.pending(),
        }
    }

    /// What keeps functions, mappings and asynchronous invocations from making progress, by no fault
    /// of a function.
    pub fn problems(&self) -> Vec<Problem> {
        [self.functions.problems(), self.mappings.problems(), self.asynchronous.problems()].concat()
    }
}

/// The function that an ARN of something with tags names; none if it is of something else.
fn tagged_function(scope: &Scope, arn: &str) -> Result<Option<FunctionId>, ApiError> {
    if !arn.contains(":function:") {
        return Ok(None);
    }
    let function = QualifiedFunction::resolve(arn, None, scope)?;
    match function.qualifier {
        None => Ok(Some(function.id)),
        Some(_) => Err(invalid_parameter(
            "Tags on function aliases and versions are not supported. Please specify a function ARN.",
        )),
    }
}

/// The header's base64 as the JSON text that functions get.
fn decode_client_context(header: Option<String>) -> Result<Option<String>, ApiError> {
    let Some(header) = header else { return Ok(None) };
    let invalid = || invalid_parameter("X-Amz-Client-Context must be base64 of JSON");
    let text = STANDARD
        .decode_to_vec(header.trim())
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .ok_or_else(invalid)?;
    let value: serde_json::Value = serde_json::from_str(&text).map_err(|_| invalid())?;
    Ok(Some(value.to_string()))
}

struct FunctionInvoker(Arc<Functions>);

#[async_trait]
impl BatchInvoker for FunctionInvoker {
    async fn invoke(&self, function: &FunctionId, payload: Bytes) -> Result<InvokeOutcome, ApiError> {
        if payload.len() > PAYLOAD_BYTES_MAX {
            return Err(service_exception("a batch exceeds the payload limit"));
        }
        let request_id = Uuid::new_v4().to_string();
        Ok(self.0.invoke(function, Invocation::new(request_id, payload)).await?.outcome)
    }
}

//! Asynchronous invocations: written to the control store before they are accepted, run
//! at least once, retried twice when the function fails, then given to its destination.

use anabranch_control::{Changes, ControlStore, Table};
use anabranch_ports::{AttributeValue, Delivery, MessageAttribute};
use anabranch_protocol::{ApiError, Blob, Clipped, Clock, ErrorKind, Problem, ProblemKind};
use bytes::Bytes;
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use uuid::Uuid;

use crate::config::LambdaConfig;
use crate::control::{blocking, commit};
use crate::destinations::{self, Destination, Message};
use crate::error::{invalid_parameter, service_exception, too_many_requests};
use crate::failing::OngoingFailures;
use crate::function_id::{FunctionId, LATEST_VERSION, QualifiedFunction};
use crate::functions::{Executed, Functions};
use crate::invoke::{Invocation, json_or_text};
use crate::stored_event::Event;
use crate::time::{iso_ms, key_time};

const EVENTS: Table = Table("lambda_async_events");

/// Characters of an error's message that a dead letter tells.
const DEAD_LETTER_MESSAGE_CHARACTERS_MAX: usize = 1_024;

/// Events read at a time when an earlier run's are taken up: each may be of 1 MB.
const EVENTS_READ_MAX: usize = 16;

/// The queue.
pub(crate) struct AsyncInvocations {
    functions: Arc<Functions>,
    destinations: destinations::Services,
    control: ControlStore,
    clock: Arc<dyn Clock>,
    config: Arc<LambdaConfig>,
    lanes: Mutex<Lanes>,
    /// Set once events are run, cleared by shutdown.
    running: watch::Sender<bool>,
    /// What makes no progress, by no fault of the function, by function.
    failing: OngoingFailures,
}

/// Keys of events, by function, so that a slow one does not hold up the others.
#[derive(Default)]
struct Lanes {
    by_function: HashMap<FunctionId, Lane>,
    pending: usize,
    in_flight: usize,
}

#[derive(Default)]
struct Lane {
    ready: VecDeque<String>,
    in_flight: usize,
}

impl AsyncInvocations {
    pub(crate) fn open(
        functions: Arc<Functions>,
        destinations: destinations::Services,
        control: ControlStore,
        clock: Arc<dyn Clock>,
        config: Arc<LambdaConfig>,
    ) -> Arc<Self> {
        let (lanes, running) = (Mutex::default(), watch::Sender::new(false));
        let failing = OngoingFailures::default();
        Arc::new(Self { functions, destinations, control, clock, config, lanes, running, failing })
    }

    /// Takes up what an earlier run accepted, and begins to run events.
    pub(crate) fn start(self: &Arc<Self>) -> Result<(), anabranch_control::ControlError> {
        let mut from = String::new();
        loop {
            let events = self.control.scan_from::<Event>(EVENTS, "", &from, EVENTS_READ_MAX)?;
            let Some((last, _)) = events.last() else { break };
            from = format!("{last}\0");
            for (key, event) in events {
                self.lanes.lock().pending += 1;
                let pause = Duration::from_millis(event.due_ms.saturating_sub(self.clock.now_ms()));
                self.clone().ready_after(event.function().id, key, pause);
            }
        }
        self.running.send_replace(true);
        let functions: Vec<FunctionId> = self.lanes.lock().by_function.keys().cloned().collect();
        functions.iter().for_each(|function| self.dispatch(function));
        Ok(())
    }

    /// Events accepted and not yet done.
    pub(crate) fn pending(&self) -> usize {
        self.lanes.lock().pending
    }

    /// What keeps events from being accepted, run or given to their destination.
    pub(crate) fn problems(&self) -> Vec<Problem> {
        let resource = |function: &str| format!("asynchronous invocations of {function}");
        let mut problems = self.failing.problems(resource);
        let (pending, most) = (self.pending(), self.config.async_events_max);
        if pending >= most {
            let message = format!("{pending} wait, and no more are accepted");
            problems.push(Problem::new(ProblemKind::StuckDelivery, "asynchronous invocations", message));
        }
        problems
    }

    /// Stops taking up events and waits for those under way, up to `limit`.
    pub(crate) async fn shutdown(&self, limit: Duration) {
        self.running.send_replace(false);
        let done = async {
            let mut changed = self.running.subscribe();
            while self.lanes.lock().in_flight > 0 && changed.changed().await.is_ok() {}
        };
        let _ = tokio::time::timeout(limit, done).await;
    }

    /// Accepts an event; it is durable when this returns its request id.
    pub(crate) async fn accept(
        self: &Arc<Self>,
        function: &QualifiedFunction,
        payload: Bytes,
        client_context: Option<String>,
    ) -> Result<String, ApiError> {
        let QualifiedFunction { id, qualifier } = function;
        {
            let mut lanes = self.lanes.lock();
            if lanes.pending >= self.config.async_events_max {
                return Err(too_many_requests("Rate Exceeded."));
            }
            lanes.pending += 1;
        }
        let now_ms = self.clock.now_ms();
        let request_id = Uuid::new_v4().to_string();
        let event = Event {
            request_id: request_id.clone(),
            account: id.scope.account,
            region: id.scope.region.clone(),
            function: id.name.clone(),
            qualifier: qualifier.clone(),
            payload: Blob(payload),
            client_context,
            accepted_ms: now_ms,
            failures: 0,
            due_ms: now_ms,
        };
        let key = format!("{now_ms:015}-{request_id}");
        if let Err(error) = self.store(&key, Some(&event)).await {
            self.lanes.lock().pending -= 1;
            return Err(error);
        }
        self.ready(id, key);
        Ok(request_id)
    }

    async fn store(&self, key: &str, event: Option<&Event>) -> Result<(), ApiError> {
        let mut changes = Changes::default();
        match event {
            Some(event) => {
                changes.put(EVENTS, key, event).map_err(|error| service_exception(error.to_string()))?;
            }
            None => changes.delete(EVENTS, key),
        }
        commit(&self.control, changes).await
    }

    fn ready(self: &Arc<Self>, function: &FunctionId, key: String) {
        self.lanes.lock().by_function.entry(function.clone()).or_default().ready.push_back(key);
        self.dispatch(function);
    }

    fn ready_after(self: Arc<Self>, function: FunctionId, key: String, pause: Duration) {
        if pause.is_zero() {
            return self.ready(&function, key);
        }
        let due = self.clock.sleep(pause);
        tokio::spawn(async move {
            due.await;
            self.ready(&function, key);
        });
    }

    /// Starts as many of the function's events as may run at a time.
    fn dispatch(self: &Arc<Self>, function: &FunctionId) {
        let mut guard = self.lanes.lock();
        let lanes = &mut *guard;
        let Some(lane) = lanes.by_function.get_mut(function) else { return };
        while *self.running.borrow() && lane.in_flight < self.config.async_concurrency {
            let Some(key) = lane.ready.pop_front() else { break };
            lane.in_flight += 1;
            lanes.in_flight += 1;
            let (queue, function) = (self.clone(), function.clone());
            tokio::spawn(async move {
                let next = queue.run(&key).await;
                queue.ended(&function, key, next);
            });
        }
    }

    fn ended(self: &Arc<Self>, function: &FunctionId, key: String, next: Next) {
        {
            let mut lanes = self.lanes.lock();
            lanes.in_flight -= 1;
            if let Some(lane) = lanes.by_function.get_mut(function) {
                lane.in_flight -= 1;
            }
            if matches!(next, Next::Done) {
                lanes.pending -= 1;
            }
        }
        // Wakes a shutdown that waits for this one.
        self.running.send_modify(|_| {});
        if let Next::Again(pause) = next {
            self.clone().ready_after(function.clone(), key, pause);
        }
        self.dispatch(function);
    }

    async fn run(&self, key: &str) -> Next {
        let (control, owned_key) = (self.control.clone(), key.to_string());
        let event = match blocking(move || control.get::<Event>(EVENTS, &owned_key)).await {
            Ok(Some(event)) => event,
            Ok(None) => return Next::Done,
            // Told by the control store itself.
            Err(_) => return Next::Again(self.config.mapping_backoff.max),
        };
        let (request_id, payload) = (event.request_id.clone(), event.payload.0.clone());
        let client_context = event.client_context.clone();
        let invocation = Invocation { client_context, ..Invocation::new(request_id, payload) };
        let function = event.function();
        match self.functions.invoke(&function, invocation).await {
            Ok(executed) if executed.outcome.function_error.is_none() => {
                self.failing.succeeded(&function.id.label());
                self.conclude(key, &event, Conclusion::Success(executed)).await
            }
            Ok(executed) => self.failed(key, event, Conclusion::RetriesExhausted(executed)).await,
            Err(error) if error.kind == ErrorKind::NotFound => {
                self.failed(key, event, Conclusion::EventAgeExceeded(error)).await
            }
            Err(error) => self.refused(key, event, error).await,
        }
    }

    /// Throttled, or a failure of the service: tried again without counting, for a while.
    async fn refused(&self, key: &str, event: Event, error: ApiError) -> Next {
        if self.is_too_old(&event, self.clock.now_ms()) {
            return self.failed(key, event, Conclusion::EventAgeExceeded(error)).await;
        }
        let name = event.function().id.label();
        self.failing.failed(&name, self.clock.now_ms(), ProblemKind::StuckDelivery, error.to_string());
        let age_ms = self.clock.now_ms().saturating_sub(event.accepted_ms);
        let doublings = (age_ms / 1000).checked_ilog2().unwrap_or(0) + 1;
        Next::Again(self.config.mapping_backoff.after(doublings))
    }

    /// Whether the event may no longer be tried at `now_ms`.
    fn is_too_old(&self, event: &Event, now_ms: u64) -> bool {
        let configured =
            self.functions.event_invoke(&event.function()).and_then(|configured| configured.age_max_seconds);
        let most = configured.map_or(self.config.async_event_age_max, |seconds| Duration::from_secs(seconds.into()));
        u128::from(now_ms.saturating_sub(event.accepted_ms)) >= most.as_millis()
    }

    async fn failed(&self, key: &str, mut event: Event, conclusion: Conclusion) -> Next {
        if !*self.running.borrow() {
            // Its process may have been killed because we stop; the next start runs it again.
            return Next::Again(Duration::ZERO);
        }
        event.failures += 1;
        let retries_max = self.functions.event_invoke(&event.function()).and_then(|configured| configured.retries_max);
        let delay = self.config.async_retry_delays.get(event.failures as usize - 1);
        let delay = delay.filter(|_| retries_max.is_none_or(|most| event.failures <= most));
        let conclusion = match (conclusion, delay) {
            (Conclusion::RetriesExhausted(executed), Some(&pause)) => {
                let due_ms = self.clock.now_ms() + pause.as_millis() as u64;
                if !self.is_too_old(&event, due_ms) {
                    event.due_ms = due_ms;
                    // If this can't be stored, a restart merely tries once more than it should.
                    let _ = self.store(key, Some(&event)).await;
                    return Next::Again(pause);
                }
                Conclusion::RetriesExhausted(executed)
            }
            (conclusion, _) => conclusion,
        };
        self.conclude(key, &event, conclusion).await
    }

    /// Tells the event's destination what became of it, and then forgets it.
    async fn conclude(&self, key: &str, event: &Event, conclusion: Conclusion) -> Next {
        match self.tell(event, &conclusion).await {
            Ok(()) => self.done(key).await,
            Err(()) => Next::Again(self.config.mapping_backoff.max),
        }
    }

    async fn done(&self, key: &str) -> Next {
        let mut failures = 0;
        while self.store(key, None).await.is_err() {
            failures += 1;
            self.clock.sleep(self.config.mapping_backoff.after(failures)).await;
        }
        Next::Done
    }

    /// Writes the event to the function's destination; if it failed and there is none, to the log.
    async fn tell(&self, event: &Event, conclusion: &Conclusion) -> Result<(), ()> {
        let function = event.function();
        let configured = self.functions.event_invoke(&function).unwrap_or_default();
        let (side, destination) = match conclusion {
            Conclusion::Success(_) => ("success", configured.on_success),
            _ => ("failure", configured.on_failure),
        };
        let name = function.id.label();
        if !matches!(conclusion, Conclusion::Success(_)) {
            self.tell_dead_letters(event, &function, conclusion).await?;
        }
        let Some(destination) = destination else {
            if !matches!(conclusion, Conclusion::Success(_)) {
                let body = self.record(event, &function, conclusion);
                tracing::error!(function = %name, request_id = %event.request_id, record = %Clipped(&body),
                    "an asynchronous invocation failed for good and its function has no on-failure destination");
            }
            return Ok(());
        };
        let time = key_time(event.accepted_ms);
        let key = format!("aws/lambda/async/{}/{time}-{}", event.function, event.request_id);
        let message = Message { key, body: self.record(event, &function, conclusion), payload: None };
        let sent = destination.send(&message, &self.destinations).await;
        sent.map(|()| self.failing.succeeded(&name)).map_err(|error| {
            let why = format!("cannot write to the on-{side} destination {destination}: {error}");
            tracing::error!(function = %name, "{why}; trying again");
            self.failing.failed(&name, self.clock.now_ms(), ProblemKind::StuckDelivery, why);
        })
    }

    /// Whether there is such a destination, as far as can be told.
    pub(crate) async fn check_destination(&self, destination: &Destination) -> Result<(), ApiError> {
        destination.check(&self.destinations).await.map_err(|error| match error.is_transient() {
            true => service_exception(error.to_string()),
            false => invalid_parameter(format!("The destination ARN {destination} is invalid: {}", error.message)),
        })
    }

    /// Gives an event that failed to the function's dead-letter queue or topic, if it has one: as it
    /// came, with what went wrong beside it. (Lambda Developer Guide, "Dead-letter queues".)
    async fn tell_dead_letters(
        &self,
        event: &Event,
        function: &QualifiedFunction,
        conclusion: &Conclusion,
    ) -> Result<(), ()> {
        let described = self.functions.describe(function).ok();
        let Some(arn) = described.and_then(|described| described.configuration.dead_letter_arn.clone()) else {
            return Ok(());
        };
        let (status, message) = match conclusion {
            Conclusion::Success(executed) | Conclusion::RetriesExhausted(executed) => {
                let payload = json_or_text(&executed.outcome.payload);
                (200, payload["errorMessage"].as_str().unwrap_or_default().to_string())
            }
            Conclusion::EventAgeExceeded(error) => (error.status(), error.message.clone()),
        };
        let attribute = |name: &str, data_type: &str, text: String| {
            (name.to_string(), MessageAttribute { data_type: data_type.into(), value: AttributeValue::Text(text) })
        };
        let message = message.chars().take(DEAD_LETTER_MESSAGE_CHARACTERS_MAX).collect();
        let attributes = vec![
            attribute("RequestID", "String", event.request_id.clone()),
            attribute("ErrorCode", "Number", status.to_string()),
            attribute("ErrorMessage", "String", message),
        ];
        let delivery = Delivery { attributes, ..Delivery::new(event.payload.0.clone()) };
        match self.destinations.targets.deliver(&arn, delivery).await {
            Ok(()) => Ok(()),
            Err(error) if !error.is_transient() => {
                let function = function.id.label();
                tracing::error!(function, arn, %error, "an event can't be given to the dead-letter target, and is not");
                Ok(())
            }
            Err(error) => {
                let why = format!("cannot write to the dead-letter target {arn}: {error}");
                self.failing.failed(&function.id.label(), self.clock.now_ms(), ProblemKind::StuckDelivery, why);
                Err(())
            }
        }
    }

    /// What destinations are told. (Lambda Developer Guide, "Retaining records of asynchronous
    /// invocations".)
    fn record(&self, event: &Event, function: &QualifiedFunction, conclusion: &Conclusion) -> Value {
        let (condition, executed, invocations) = match conclusion {
            Conclusion::Success(executed) => ("Success", Some(executed), event.failures + 1),
            Conclusion::RetriesExhausted(executed) => ("RetriesExhausted", Some(executed), event.failures),
            Conclusion::EventAgeExceeded(error) => {
                tracing::debug!(%error, "an asynchronous invocation was not done in time");
                ("EventAgeExceeded", None, event.failures)
            }
        };
        let qualifier = function.qualifier.as_deref().unwrap_or(LATEST_VERSION);
        let mut record = json!({
            "version": "1.0",
            "timestamp": iso_ms(self.clock.now_ms()),
            "requestContext": {
                "requestId": event.request_id,
                "functionArn": format!("{}:{qualifier}", function.id.arn()),
                "condition": condition,
                "approximateInvokeCount": invocations,
            },
            "requestPayload": json_or_text(&event.payload.0),
        });
        // Of an event that was not run, there is no answer to tell.
        if let Some(Executed { version, outcome }) = executed {
            record["responseContext"] = json!({ "statusCode": 200, "executedVersion": version });
            if let Some(error) = &outcome.function_error {
                record["responseContext"]["functionError"] = error.as_str().into();
            }
            record["responsePayload"] = json_or_text(&outcome.payload);
        }
        record
    }
}

enum Next {
    Done,
    Again(Duration),
}

/// What became of an event.
enum Conclusion {
    Success(Executed),
    RetriesExhausted(Executed),
    /// It was not run in time, or its function is gone.
    EventAgeExceeded(ApiError),
}

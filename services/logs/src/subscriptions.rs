//! Subscription filters at work: a task for each, which reads what its group got and hands what
//! matches to the destination.
//!
//! A task sleeps until its group has something new on the disk. What it delivered is noted after the
//! destination took it, so every event arrives at least once; events of a stream arrive in the order
//! in which they were put. A destination that can't take any more is tried again for a day.

use std::collections::HashMap;
use std::io::Write;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use anabranch_control::Changes;
use anabranch_ports::{Delivery, PortError, PortErrorKind, Target};
use anabranch_protocol::ApiError;
use base64_simd::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use parking_lot::Mutex;
use serde::Serialize;
use tokio::task::AbortHandle;
use uuid::Uuid;

use crate::batch::{FIRST_EVENT, event_at};
use crate::error::{StoreError, invalid_parameter};
use crate::event_key::EventKey;
use crate::group::Group;
use crate::group_log::GroupLog;
use crate::limits::{
    DELIVERY_BYTES_MAX, DELIVERY_RETRIES_DURATION_MAX, DELIVERY_RETRY_WAIT_MAX, DELIVERY_RETRY_WAIT_MIN,
};
use crate::pattern::FilterPattern;
use crate::store::Store;
use crate::stored::{PROGRESS, Progress, SubscriptionFilter, key};

/// The tasks, and who takes what they deliver.
pub(crate) struct Subscriptions {
    work: Arc<Work>,
    tasks: Mutex<HashMap<(Uuid, String), AbortHandle>>,
}

/// What the tasks stand on.
struct Work {
    store: Arc<Store>,
    targets: Option<Arc<dyn Target>>,
}

/// What a destination gets ("Log group-level subscription filters").
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Message<'a> {
    message_type: &'a str,
    owner: &'a str,
    log_group: &'a str,
    log_stream: &'a str,
    subscription_filters: &'a [&'a str],
    log_events: &'a [MessageEvent],
}

#[derive(Debug, Serialize)]
struct MessageEvent {
    id: String,
    timestamp: u64,
    message: String,
}

/// Where reading goes on: a position, and the event in the put there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    position: u64,
    index: u32,
}

/// Events that go together.
#[derive(Debug, Default)]
struct Chunk {
    events: Vec<MessageEvent>,
    ingestion_ms: u64,
}

impl Work {
    fn targets(&self) -> Result<&Arc<dyn Target>, PortError> {
        let none = || PortError::new(PortErrorKind::Refused, "InvalidTarget", "nothing takes messages here");
        self.targets.as_ref().ok_or_else(none)
    }

    async fn pause(&self, wait: &mut Duration) {
        self.store.clock.sleep(*wait).await;
        *wait = (*wait * 2).min(DELIVERY_RETRY_WAIT_MAX);
    }
}

impl Subscriptions {
    pub(crate) fn new(store: Arc<Store>, targets: Option<Arc<dyn Target>>) -> Self {
        Self { work: Arc::new(Work { store, targets }), tasks: Mutex::default() }
    }

    /// Whether what `filter` has as its destination takes messages; a stream or delivery stream gets
    /// one to try it.
    pub(crate) async fn check(&self, filter: &SubscriptionFilter, now_ms: u64) -> Result<(), ApiError> {
        let kind = Destination::of(&filter.destination_arn);
        let tried = async {
            let targets = self.work.targets()?;
            targets.check(&filter.destination_arn).await?;
            if kind == Destination::Function {
                return Ok(());
            }
            let events = [MessageEvent {
                id: String::new(),
                timestamp: now_ms,
                message: format!("CWL CONTROL MESSAGE: Checking health of destination {}.", kind.title()),
            }];
            let message = Message {
                message_type: "CONTROL_MESSAGE",
                owner: "CloudwatchLogs",
                log_group: "",
                log_stream: "",
                subscription_filters: &[],
                log_events: &events,
            };
            targets.deliver(&filter.destination_arn, kind.delivery(&message, None)).await
        };
        tried.await.map_err(|error: PortError| {
            tracing::debug!(destination = filter.destination_arn, %error, "a subscription's destination was refused");
            match kind {
                Destination::Function => invalid_parameter(
                    "Could not execute the lambda function. Make sure you have given CloudWatch Logs permission to \
                     execute your function.",
                ),
                _ => invalid_parameter(format!(
                    "Could not deliver test message to specified {0}. Check if the given {0} is in ACTIVE state.",
                    kind.title()
                )),
            }
        })
    }

    /// Begins delivering what `filter` matches, from where it has come to.
    pub(crate) fn begin(&self, group: &Arc<Group>, filter: SubscriptionFilter) {
        let name = (group.id, filter.name.clone());
        let task = tokio::spawn(run(self.work.clone(), group.clone(), filter));
        if let Some(before) = self.tasks.lock().insert(name, task.abort_handle()) {
            before.abort();
        }
    }

    /// Ends the task of a filter.
    pub(crate) fn stop(&self, group: &Group, name: &str) {
        if let Some(task) = self.tasks.lock().remove(&(group.id, name.to_string())) {
            task.abort();
        }
    }

    /// Ends those of a group.
    pub(crate) fn stop_all(&self, group: &Group) {
        group.row().subscription_filters.iter().for_each(|filter| self.stop(group, &filter.name));
    }

    /// Ends all tasks.
    pub(crate) fn close(&self) {
        self.tasks.lock().drain().for_each(|(_, task)| task.abort());
    }
}

/// What kinds of destinations there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Destination {
    Function,
    Stream,
    DeliveryStream,
    Other,
}

impl Destination {
    /// By the service in the ARN.
    pub(crate) fn of(arn: &str) -> Self {
        match arn.split(':').nth(2) {
            Some("lambda") => Self::Function,
            Some("kinesis") => Self::Stream,
            Some("firehose") => Self::DeliveryStream,
            _ => Self::Other,
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::Function => "function",
            Self::Stream => "Kinesis stream",
            Self::DeliveryStream => "Firehose",
            Self::Other => "destination",
        }
    }

    fn delivery(self, message: &Message<'_>, partition_key: Option<String>) -> Delivery {
        // Texts and numbers have a form in JSON, and writing to memory does not fail.
        let json = serde_json::to_vec(message).unwrap_or_default();
        let mut compressed = GzEncoder::new(Vec::new(), Compression::fast());
        let written = compressed.write_all(&json);
        let data = written.and_then(|()| compressed.finish()).unwrap_or_default();
        let payload = match self {
            Self::Function => {
                let data = STANDARD.encode_to_string(&data);
                serde_json::json!({ "awslogs": { "data": data } }).to_string().into_bytes()
            }
            _ => data,
        };
        Delivery { partition_key, ..Delivery::new(payload) }
    }
}

/// Delivers what a filter matches until its group is gone.
async fn run(work: Arc<Work>, group: Arc<Group>, filter: SubscriptionFilter) {
    let Ok(pattern) = FilterPattern::parse(&filter.pattern) else { return };
    let pattern = Arc::new(pattern);
    let progress_key = key(group.id, &filter.name);
    let found = {
        let key = progress_key.clone();
        work.store.in_background(move |store| Ok(store.control.get::<Progress>(PROGRESS, &key)?)).await
    };
    let mut delivered = found.ok().flatten().map_or(0, |progress| progress.delivered);
    let mut durable = group.watch();
    let mut wait = DELIVERY_RETRY_WAIT_MIN;
    loop {
        match round(&work, &group, &filter, &pattern, delivered).await {
            Ok(end) if end > delivered => {
                let mut changes = Changes::default();
                let noted = changes.put(PROGRESS, &progress_key, &Progress { delivered: end });
                let noted = match noted {
                    Ok(()) => work.store.control.commit_async(changes).await,
                    Err(error) => Err(error),
                };
                if let Err(error) = noted {
                    tracing::warn!(%error, "what was delivered is not noted; a restart delivers it again");
                }
                delivered = end;
                wait = DELIVERY_RETRY_WAIT_MIN;
            }
            Ok(_) => {
                if durable.wait_for(|end| *end > delivered).await.is_err() {
                    return;
                }
            }
            Err(StoreError::Deleted) => return,
            Err(error) => {
                tracing::warn!(filter = filter.name, %error, "a subscription can't be read");
                work.pause(&mut wait).await;
            }
        }
    }
}

/// Delivers all that lies between `delivered` and the end of what is on the disk, which it returns.
async fn round(
    work: &Arc<Work>,
    group: &Arc<Group>,
    filter: &SubscriptionFilter,
    pattern: &Arc<FilterPattern>,
    delivered: u64,
) -> Result<u64, StoreError> {
    let opening = group.clone();
    let (end, streams) = work
        .store
        .in_background(move |store| {
            let log = opening.log(store)?;
            let (end, mut streams) = (log.visible(), Vec::new());
            if end > delivered {
                log.visit_streams("", "", |name, stream| {
                    if stream.end > delivered {
                        streams.push((name.to_string(), stream.lane));
                    }
                    ControlFlow::Continue(())
                })?;
            }
            Ok((end, streams))
        })
        .await?;
    for (name, lane) in streams {
        let mut place = Place { position: delivered, index: 0 };
        while place.position < end {
            let (reading, pattern) = (group.clone(), pattern.clone());
            let read = move |store: &Store| next_chunk(&*reading.log(store)?, lane, place, end, &pattern);
            let (chunk, next) = work.store.in_background(read).await?;
            place = next;
            if !chunk.events.is_empty() {
                deliver(work, group, filter, &name, chunk).await;
            }
        }
    }
    Ok(end)
}

/// The next events of a stream that match, up to [`DELIVERY_BYTES_MAX`], and where to go on.
fn next_chunk(
    log: &GroupLog,
    lane: u32,
    mut place: Place,
    end: u64,
    pattern: &FilterPattern,
) -> Result<(Chunk, Place), StoreError> {
    let (mut chunk, mut bytes) = (Chunk::default(), 0);
    while let Some(records) = log.first(lane, place.position, end)? {
        let Some(record) = records.iter().next() else { break };
        let first = if record.position.0 == place.position { place.index } else { 0 };
        let (mut index, mut offset) = (0, FIRST_EVENT);
        while let Some((timestamp_ms, message, behind)) = event_at(record.data, offset) {
            if index >= first && pattern.matches(message) {
                if bytes + message.len() > DELIVERY_BYTES_MAX && !chunk.events.is_empty() {
                    return Ok((chunk, Place { position: record.position.0, index }));
                }
                let key = EventKey { timestamp_ms, position: record.position.0, index };
                bytes += message.len();
                if chunk.events.is_empty() {
                    chunk.ingestion_ms = record.timestamp_ms;
                }
                chunk.events.push(MessageEvent {
                    id: key.to_string(),
                    timestamp: timestamp_ms,
                    message: message.into(),
                });
            }
            (index, offset) = (index + 1, behind);
        }
        place = Place { position: record.position.0 + 1, index: 0 };
    }
    Ok((chunk, Place { position: end, index: 0 }))
}

/// Hands events to the destination, for as long as that may succeed.
async fn deliver(work: &Work, group: &Group, filter: &SubscriptionFilter, stream: &str, chunk: Chunk) {
    let row = group.row();
    let kind = Destination::of(&filter.destination_arn);
    let message = Message {
        message_type: "DATA_MESSAGE",
        owner: row.account.as_str(),
        log_group: &row.name,
        log_stream: stream,
        subscription_filters: &[&filter.name],
        log_events: &chunk.events,
    };
    let partition_key = (filter.distribution == "ByLogStream").then(|| partition_key(stream));
    let delivery = kind.delivery(&message, partition_key);
    let mut wait = DELIVERY_RETRY_WAIT_MIN;
    loop {
        let outcome = match work.targets() {
            Ok(targets) => targets.deliver(&filter.destination_arn, delivery.clone()).await,
            Err(error) => Err(error),
        };
        let Err(error) = outcome else { return };
        let age_ms = work.store.clock.now_ms().saturating_sub(chunk.ingestion_ms);
        let is_over = u128::from(age_ms) > DELIVERY_RETRIES_DURATION_MAX.as_millis();
        if !error.is_transient() || is_over {
            let events = chunk.events.len();
            tracing::warn!(group = row.name, filter = filter.name, events, %error, "events are not delivered");
            return;
        }
        tracing::debug!(group = row.name, filter = filter.name, %error, "a delivery is tried again");
        work.pause(&mut wait).await;
    }
}

/// Streams take keys of up to 256 characters; names of log streams may be longer.
fn partition_key(stream: &str) -> String {
    stream.chars().take(256).collect()
}

//! StartLiveTail.

use std::sync::Arc;
use std::time::Duration;

use anabranch_protocol::{
    ApiError, BoundedList, Clock, Encoding, ErrorKind, Event, EventStream, RequestContext, ServiceInstant, Violations,
};
use futures::stream::{self, SelectAll, StreamExt};
use serde::{Deserialize, Serialize};
use tokio::sync::broadcast;
use uuid::Uuid;

use crate::error::{finish, invalid_parameter};
use crate::group::LiveBatch;
use crate::limits::{LIVE_EVENTS_MAX, LIVE_TAIL_DURATION_MAX, LIVE_TAIL_GROUPS_MAX, STREAM_NAMES_MAX};
use crate::pattern::FilterPattern;
use crate::shapes::{FILTER_PATTERN, LIVE_TAIL_GROUPS, LOG_GROUP_IDENTIFIER, LOG_STREAM_NAME, LOG_STREAM_NAMES};
use crate::shared::Shared;

/// An update is sent as often.
const UPDATE: Duration = Duration::from_secs(1);

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct StartLiveTailRequest {
    log_group_identifiers: Option<BoundedList<String, LIVE_TAIL_GROUPS_MAX>>,
    log_stream_names: Option<BoundedList<String, STREAM_NAMES_MAX>>,
    log_stream_name_prefixes: Option<BoundedList<String, STREAM_NAMES_MAX>>,
    log_event_filter_pattern: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SessionStart<'a> {
    request_id: &'a str,
    session_id: String,
    log_group_identifiers: &'a [String],
    log_stream_names: &'a [String],
    log_stream_name_prefixes: &'a [String],
    log_event_filter_pattern: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SessionUpdate {
    session_metadata: SessionMetadata,
    session_results: Vec<SessionLogEvent>,
}

#[derive(Serialize)]
struct SessionMetadata {
    sampled: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SessionLogEvent {
    log_stream_name: String,
    log_group_identifier: String,
    message: String,
    timestamp: u64,
    ingestion_time: u64,
}

/// Sends events as they are put, every second up to 500 of them, for three hours.
pub(super) fn start_live_tail(
    shared: &Arc<Shared>,
    context: &RequestContext,
    encoding: Encoding,
    request: StartLiveTailRequest,
) -> Result<EventStream, ApiError> {
    let mut violations = Violations::default();
    violations.required("logGroupIdentifiers", request.log_group_identifiers.as_ref());
    if let Some(groups) = &request.log_group_identifiers {
        violations.texts("logGroupIdentifiers", groups, &LIVE_TAIL_GROUPS, &LOG_GROUP_IDENTIFIER);
    }
    for (member, names) in
        [("logStreamNames", &request.log_stream_names), ("logStreamNamePrefixes", &request.log_stream_name_prefixes)]
    {
        if let Some(names) = names {
            violations.texts(member, names, &LOG_STREAM_NAMES, &LOG_STREAM_NAME);
        }
    }
    violations.text("logEventFilterPattern", request.log_event_filter_pattern.as_deref(), &FILTER_PATTERN);
    finish(violations)?;
    let identifiers = request.log_group_identifiers.unwrap_or_default().into_vec();
    if identifiers.iter().any(|identifier| !identifier.starts_with("arn:")) {
        return Err(invalid_parameter("Log group identifiers of StartLiveTail are ARNs."));
    }
    let names = request.log_stream_names.unwrap_or_default().into_vec();
    let prefixes = request.log_stream_name_prefixes.unwrap_or_default().into_vec();
    if !(names.is_empty() && prefixes.is_empty()) && identifiers.len() > 1 {
        return Err(invalid_parameter("Log streams can be named for one log group only."));
    }
    if !names.is_empty() && !prefixes.is_empty() {
        return Err(invalid_parameter("logStreamNames and logStreamNamePrefixes are mutually exclusive parameters."));
    }
    let pattern = request.log_event_filter_pattern.unwrap_or_default();
    let mut puts = SelectAll::new();
    for identifier in &identifiers {
        let group = shared.groups.identified(context, identifier)?;
        let row = group.row();
        let identifier = format!("{}:{}", row.account, row.name);
        puts.push(stream::unfold((group.follow(), identifier), next_put).boxed());
    }
    let start = SessionStart {
        request_id: &context.request_id,
        session_id: Uuid::new_v4().to_string(),
        log_group_identifiers: &identifiers,
        log_stream_names: &names,
        log_stream_name_prefixes: &prefixes,
        log_event_filter_pattern: &pattern,
    };
    let start = Event { name: "sessionStart", payload: encoding.encode(&start)?.into() };
    let clock = shared.store.clock.clone();
    let session = Session {
        pattern: FilterPattern::parse(&pattern)?,
        ends: clock.instant() + LIVE_TAIL_DURATION_MAX,
        next_update: clock.instant() + UPDATE,
        clock,
        names,
        prefixes,
        puts,
        encoding,
        waiting: Vec::new(),
        is_sampled: false,
    };
    let updates = stream::unfold(Some(session), |session| async {
        let mut session = session?;
        match session.update().await {
            Ok(update) => Some((Ok(update), Some(session))),
            Err(error) => Some((Err(error), None)),
        }
    });
    let first = stream::iter([Event::initial_response(encoding), Ok(start)]);
    Ok(Box::pin(first.chain(updates)))
}

/// A put of a group, or that some were missed.
type Seen = (String, Option<Arc<LiveBatch>>);

async fn next_put(
    (mut receiver, group): (broadcast::Receiver<Arc<LiveBatch>>, String),
) -> Option<(Seen, (broadcast::Receiver<Arc<LiveBatch>>, String))> {
    let seen = match receiver.recv().await {
        Ok(batch) => Some(batch),
        Err(broadcast::error::RecvError::Lagged(_)) => None,
        Err(broadcast::error::RecvError::Closed) => return None,
    };
    Some(((group.clone(), seen), (receiver, group)))
}

struct Session {
    clock: Arc<dyn Clock>,
    ends: ServiceInstant,
    next_update: ServiceInstant,
    pattern: FilterPattern,
    names: Vec<String>,
    prefixes: Vec<String>,
    puts: SelectAll<stream::BoxStream<'static, Seen>>,
    encoding: Encoding,
    /// Events of the next update, up to [`LIVE_EVENTS_MAX`].
    waiting: Vec<SessionLogEvent>,
    is_sampled: bool,
}

impl Session {
    /// The next update, when it is due.
    async fn update(&mut self) -> Result<Event, ApiError> {
        let mut due = self.clock.sleep_until(self.next_update);
        loop {
            tokio::select! {
                biased;
                () = &mut due => break,
                Some((group, seen)) = self.puts.next(), if !self.puts.is_empty() => self.take(&group, seen),
            }
        }
        let now = self.clock.instant();
        if now >= self.ends {
            let message = "The session has timed out.";
            return Err(ApiError::new(ErrorKind::Invalid, "SessionTimeoutException", message));
        }
        self.next_update = now + UPDATE;
        let update = SessionUpdate {
            session_metadata: SessionMetadata { sampled: std::mem::take(&mut self.is_sampled) },
            session_results: std::mem::take(&mut self.waiting),
        };
        Ok(Event { name: "sessionUpdate", payload: self.encoding.encode_long(&update, 1024)?.into() })
    }

    fn take(&mut self, group: &str, seen: Option<Arc<LiveBatch>>) {
        let Some(batch) = seen else {
            self.is_sampled = true;
            return;
        };
        let is_named = (self.names.is_empty() && self.prefixes.is_empty())
            || self.names.contains(&batch.stream)
            || self.prefixes.iter().any(|prefix| batch.stream.starts_with(prefix));
        if !is_named {
            return;
        }
        for event in batch.events.iter().filter(|event| self.pattern.matches(&event.message)) {
            if self.waiting.len() == LIVE_EVENTS_MAX {
                self.is_sampled = true;
                return;
            }
            self.waiting.push(SessionLogEvent {
                log_stream_name: batch.stream.clone(),
                log_group_identifier: group.to_string(),
                message: event.message.clone(),
                timestamp: event.timestamp_ms,
                ingestion_time: batch.ingestion_ms,
            });
        }
    }
}

//! PutEvents.

use std::sync::Arc;

use anabranch_protocol::{ApiError, BoundedList, RequestContext, Timestamp, Violations};
use serde::{Deserialize, Serialize};

use crate::bus::Bus;
use crate::error::{not_accepted, unsupported};
use crate::event::{Content, Event};
use crate::events::Events;
use crate::json::is_object;
use crate::limits::{ENTRIES_BYTES_MAX, ENTRIES_MAX, RESOURCES_MAX, TIME_BYTES};
use crate::registry::Registry;
use crate::shapes::{ENTRIES, EVENT_BUS_NAME_OR_ARN};

/// Sources that only AWS's own services have.
const AWS_SOURCES: &str = "aws.";

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct PutEventsRequest {
    entries: Option<BoundedList<Entry, ENTRIES_MAX>>,
    endpoint_id: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    time: Option<Timestamp>,
    source: Option<String>,
    #[serde(default)]
    resources: BoundedList<String, RESOURCES_MAX>,
    detail_type: Option<String>,
    detail: Option<String>,
    event_bus_name: Option<String>,
}

/// An event, and the bus that it is for if there is one.
type Read = (Option<Arc<Bus>>, Event);

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct PutEventsResponse {
    failed_entry_count: usize,
    entries: Vec<ResultEntry>,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum ResultEntry {
    #[serde(rename_all = "PascalCase")]
    Taken { event_id: String },
    #[serde(rename_all = "PascalCase")]
    Failed { error_code: &'static str, error_message: String },
}

/// Takes events. Entries that are wrong fail alone; the answer says so once all that comes of the
/// others is durable.
pub(super) async fn put_events(
    events: &Events,
    context: &RequestContext,
    request: PutEventsRequest,
) -> Result<PutEventsResponse, ApiError> {
    let mut violations = Violations::default();
    violations.required("entries", request.entries.as_ref());
    let entries = request.entries.unwrap_or_default();
    violations.list("entries", entries.count(), &ENTRIES);
    for (number, entry) in entries.iter().enumerate() {
        let path = format_args!("entries.{}.member.eventBusName", number + 1);
        violations.text(path, entry.event_bus_name.as_deref(), &EVENT_BUS_NAME_OR_ARN);
    }
    violations.finish()?;
    if request.endpoint_id.is_some() {
        return Err(unsupported("EndpointId"));
    }
    if entries.iter().map(Entry::bytes).sum::<usize>() > ENTRIES_BYTES_MAX {
        return Err(ApiError::validation("Total size of the entries in the request is over the limit."));
    }

    let now_ms = events.clock.now_ms();
    let read = |entry: &Entry| {
        let address = Registry::address(context, entry.event_bus_name.as_deref());
        Ok((events.registry.find(&address), entry.event(context, now_ms)?))
    };
    let read: Vec<Result<Read, ResultEntry>> = entries.iter().map(read).collect();
    // An event for a bus that does not exist is taken, and nothing comes of it.
    let taken: Vec<(&Bus, Event)> = read
        .iter()
        .filter_map(|read| read.as_ref().ok())
        .filter_map(|(bus, event)| Some((bus.as_deref()?, event.clone())))
        .collect();
    events.route(&taken).await.map_err(|error| not_accepted(&error))?;
    let answer = |read| match read {
        Ok((_, event)) => {
            let Event { id, .. } = event;
            ResultEntry::Taken { event_id: id }
        }
        Err(failed) => failed,
    };
    let entries: Vec<ResultEntry> = read.into_iter().map(answer).collect();
    let is_failed = |entry: &&ResultEntry| matches!(entry, ResultEntry::Failed { .. });
    Ok(PutEventsResponse { failed_entry_count: entries.iter().filter(is_failed).count(), entries })
}

impl Entry {
    /// Its size as EventBridge counts it ("Calculating PutEvents event entry size").
    fn bytes(&self) -> usize {
        let texts = [&self.source, &self.detail_type, &self.detail].into_iter().flatten().chain(self.resources.iter());
        texts.map(String::len).sum::<usize>() + self.time.map_or(0, |_| TIME_BYTES)
    }

    fn event(&self, context: &RequestContext, now_ms: u64) -> Result<Event, ResultEntry> {
        let source = required("Source", self.source.as_deref())?;
        let detail_type = required("DetailType", self.detail_type.as_deref())?;
        let detail = required("Detail", self.detail.as_deref())?;
        if source.starts_with(AWS_SOURCES) {
            return Err(failed("NotAuthorizedForSourceException", "Not authorized for the source."));
        }
        if self.resources.count() > RESOURCES_MAX {
            let reason = format!("Parameter Resources is not valid. Reason: there are more than {RESOURCES_MAX}.");
            return Err(failed("InvalidArgument", reason));
        }
        if !is_object(detail) {
            return Err(failed("MalformedDetail", "Detail is malformed."));
        }
        let content = Content {
            detail_type,
            source,
            account: context.account,
            region: &context.region,
            time_ms: self.time.map_or(now_ms, |Timestamp(time_ms)| time_ms),
            resources: &self.resources,
            detail,
        };
        Ok(Event::new(&content, now_ms))
    }
}

fn required<'a>(member: &str, value: Option<&'a str>) -> Result<&'a str, ResultEntry> {
    let missing = || {
        let reason = format!("Parameter {member} is not valid. Reason: {member} is a required argument.");
        failed("InvalidArgument", reason)
    };
    value.filter(|value| !value.is_empty()).ok_or_else(missing)
}

fn failed(error_code: &'static str, message: impl Into<String>) -> ResultEntry {
    ResultEntry::Failed { error_code, error_message: message.into() }
}

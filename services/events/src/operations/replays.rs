//! StartReplay, CancelReplay, DescribeReplay and ListReplays.

use std::sync::Arc;

use anabranch_protocol::{ApiError, BoundedList, List, RequestContext, Timestamp, Violations};
use serde::{Deserialize, Serialize};

use super::page::page;
use crate::bus::BusAddress;
use crate::error::{already_exists, limit_exceeded, not_found};
use crate::events::Events;
use crate::limits::{FILTERS_MAX, REPLAYS_MAX, REPLAYS_RUNNING_MAX};
use crate::replay::{Replay, ReplayState};
use crate::shapes::{ARN, DESCRIPTION, REPLAY_NAME, REPLAY_STATE};

const FILTERS: List = List { min: 0, max: FILTERS_MAX };

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct StartReplayRequest {
    replay_name: Option<String>,
    description: Option<String>,
    event_source_arn: Option<String>,
    event_start_time: Option<Timestamp>,
    event_end_time: Option<Timestamp>,
    destination: Option<Destination>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Destination {
    arn: Option<String>,
    #[serde(default)]
    filter_arns: BoundedList<String, FILTERS_MAX>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ReplayRequest {
    replay_name: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct StartReplayResponse {
    replay_arn: String,
    state: &'static str,
    replay_start_time: Timestamp,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct CancelReplayResponse {
    replay_arn: String,
    state: &'static str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DescribeReplayResponse {
    replay_arn: String,
    #[serde(flatten)]
    members: ReplayMembers,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    destination: DestinationMembers,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct DestinationMembers {
    arn: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    filter_arns: Vec<String>,
}

/// `Replay`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ReplayMembers {
    replay_name: String,
    event_source_arn: String,
    state: &'static str,
    event_start_time: Timestamp,
    event_end_time: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    event_last_replayed_time: Option<Timestamp>,
    replay_start_time: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    replay_end_time: Option<Timestamp>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListReplaysRequest {
    name_prefix: Option<String>,
    state: Option<String>,
    event_source_arn: Option<String>,
    next_token: Option<String>,
    limit: Option<i64>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListReplaysResponse {
    replays: Vec<ReplayMembers>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

impl From<&Replay> for ReplayMembers {
    fn from(replay: &Replay) -> Self {
        Self {
            replay_name: replay.name.clone(),
            event_source_arn: replay.archive_arn.clone(),
            state: replay.state.as_str(),
            event_start_time: Timestamp(replay.from_ms),
            event_end_time: Timestamp(replay.to_ms),
            event_last_replayed_time: replay.last_ms.map(Timestamp),
            replay_start_time: Timestamp(replay.started_ms),
            replay_end_time: replay.ended_ms.map(Timestamp),
        }
    }
}

fn find(events: &Events, context: &RequestContext, request: &ReplayRequest) -> Result<Arc<Replay>, ApiError> {
    let mut violations = Violations::default();
    violations.required_text("replayName", request.replay_name.as_deref(), &REPLAY_NAME);
    violations.finish()?;
    let name = request.replay_name.as_deref().unwrap_or_default();
    let arn = context.arn("events", &format!("replay/{name}")).to_string();
    events.archives.replay(&arn).ok_or_else(|| not_found(format!("Replay {name} does not exist.")))
}

/// Begins to send the events of an archive that came in a time to their bus.
pub(super) async fn start_replay(
    events: &Events,
    context: &RequestContext,
    request: StartReplayRequest,
) -> Result<StartReplayResponse, ApiError> {
    let mut violations = Violations::default();
    violations.required_text("replayName", request.replay_name.as_deref(), &REPLAY_NAME);
    violations.text("description", request.description.as_deref(), &DESCRIPTION);
    violations.required_text("eventSourceArn", request.event_source_arn.as_deref(), &ARN);
    violations.required("eventStartTime", request.event_start_time.as_ref());
    violations.required("eventEndTime", request.event_end_time.as_ref());
    violations.required("destination", request.destination.as_ref());
    if let Some(destination) = &request.destination {
        violations.required_text("destination.arn", destination.arn.as_deref(), &ARN);
        violations.texts("destination.filterArns", &destination.filter_arns, &FILTERS, &ARN);
    }
    violations.finish()?;
    let invalid = |parameter: &str, reason: String| {
        Err(ApiError::validation(format!("Parameter {parameter} is not valid. Reason: {reason}")))
    };
    let name = request.replay_name.unwrap_or_default();
    let archive_arn = request.event_source_arn.unwrap_or_default();
    let from_ms = request.event_start_time.map_or(0, |time| time.0);
    let to_ms = request.event_end_time.map_or(0, |time| time.0);
    let (bus_arn, filter_arns) = request
        .destination
        .map(|destination| (destination.arn.unwrap_or_default(), destination.filter_arns.into_vec()))
        .unwrap_or_default();

    let changing = events.archives.changing().await;
    let Some(address) = BusAddress::of_arn(&bus_arn) else {
        return invalid("Destination.Arn", "Must contain an event bus ARN.".into());
    };
    if events.registry.find(&address).is_none() {
        return Err(not_found(format!("Event bus {} does not exist.", address.name)));
    }
    let Some(archive) = events.archives.archive(&archive_arn) else {
        let archive = archive_arn.rsplit('/').next().unwrap_or_default();
        return invalid("EventSourceArn", format!("Archive {archive} does not exist."));
    };
    if archive.settings.bus_arn != address.arn() {
        return invalid("Destination.Arn", "Cross event bus replay is not permitted.".into());
    }
    if from_ms >= to_ms {
        return invalid("EventEndTime", "EventStartTime must be before EventEndTime.".into());
    }
    let arn = context.arn("events", &format!("replay/{name}")).to_string();
    if events.archives.replay(&arn).is_some() {
        return Err(already_exists(format!("Replay {name} already exists.")));
    }
    let replays = events.archives.replays_of(context);
    let running = replays.iter().filter(|replay| replay.state == ReplayState::Running).count();
    if running >= REPLAYS_RUNNING_MAX || replays.len() >= REPLAYS_MAX {
        return Err(limit_exceeded());
    }
    let started_ms = events.clock.now_ms();
    let replay = Replay {
        arn: arn.clone(),
        name,
        description: request.description,
        archive_arn,
        bus_arn,
        filter_arns,
        from_ms,
        to_ms,
        state: ReplayState::Running,
        started_ms,
        ended_ms: None,
        last_ms: None,
        last_key: None,
    };
    events.archives.put_replay(changing, replay).await?;
    Ok(StartReplayResponse { replay_arn: arn, state: "STARTING", replay_start_time: Timestamp(started_ms) })
}

/// Ends a replay that is not done.
pub(super) async fn cancel_replay(
    events: &Events,
    context: &RequestContext,
    request: &ReplayRequest,
) -> Result<CancelReplayResponse, ApiError> {
    let changing = events.archives.changing().await;
    let replay = find(events, context, request)?;
    if replay.state != ReplayState::Running {
        let message = format!("Replay {} is not in a valid state for this operation.", replay.name);
        return Err(ApiError::conflict("IllegalStatusException", message));
    }
    let ended_ms = Some(events.clock.now_ms());
    let cancelled = Replay { state: ReplayState::Cancelled, ended_ms, ..(*replay).clone() };
    events.archives.put_replay(changing, cancelled).await?;
    Ok(CancelReplayResponse { replay_arn: replay.arn.clone(), state: "CANCELLING" })
}

pub(super) fn describe_replay(
    events: &Events,
    context: &RequestContext,
    request: &ReplayRequest,
) -> Result<DescribeReplayResponse, ApiError> {
    let replay = find(events, context, request)?;
    Ok(DescribeReplayResponse {
        replay_arn: replay.arn.clone(),
        members: ReplayMembers::from(&*replay),
        description: replay.description.clone(),
        destination: DestinationMembers { arn: replay.bus_arn.clone(), filter_arns: replay.filter_arns.clone() },
    })
}

pub(super) fn list_replays(
    events: &Events,
    context: &RequestContext,
    request: &ListReplaysRequest,
) -> Result<ListReplaysResponse, ApiError> {
    let mut violations = Violations::default();
    violations.text("namePrefix", request.name_prefix.as_deref(), &REPLAY_NAME);
    violations.text("state", request.state.as_deref(), &REPLAY_STATE);
    violations.text("eventSourceArn", request.event_source_arn.as_deref(), &ARN);
    let page = page(violations, request.next_token.as_deref(), request.limit)?;
    let is_wanted = |replay: &Arc<Replay>| {
        request.name_prefix.as_deref().is_none_or(|prefix| replay.name.starts_with(prefix))
            && request.state.as_deref().is_none_or(|state| replay.state.as_str() == state)
            && request.event_source_arn.as_deref().is_none_or(|arn| replay.archive_arn == arn)
    };
    let wanted = events.archives.replays_of(context).into_iter().filter(is_wanted);
    let (cut, next_token) = page.cut(wanted, |replay| &replay.name);
    Ok(ListReplaysResponse { replays: cut.iter().map(|replay| ReplayMembers::from(&**replay)).collect(), next_token })
}

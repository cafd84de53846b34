//! RegisterStreamConsumer.

use anabranch_protocol::{RequestContext, Violations};
use serde::{Deserialize, Serialize};

use super::view::ConsumerView;
use crate::error::{Error, RegisterError};
use crate::limits::{CONSUMERS_CREATING_MAX, CONSUMERS_MAX, CONSUMERS_MAX_ADVANTAGE};
use crate::service::Streams;
use crate::shapes::TagMap;
use crate::shapes::{CONSUMER_NAME, STREAM_ARN, STREAM_ID};
use crate::state::consumer::Consumer;
use crate::state::status::ConsumerStatus;
use crate::state::stream::{StreamMode, StreamState};
use crate::tags::{add_tags, check_tags};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct RegisterStreamConsumerRequest {
    #[serde(rename = "StreamARN")]
    stream_arn: Option<String>,
    consumer_name: Option<String>,
    stream_id: Option<String>,
    tags: Option<TagMap>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct RegisterStreamConsumerAnswer {
    consumer: ConsumerView,
}

/// Registers a consumer with a stream. It is ACTIVE after the configured delay.
pub(super) fn register_stream_consumer(
    streams: &Streams,
    context: &RequestContext,
    request: RegisterStreamConsumerRequest,
) -> Result<RegisterStreamConsumerAnswer, Error> {
    let mut violations = Violations::default();
    violations.required_text("streamARN", request.stream_arn.as_deref(), &STREAM_ARN);
    violations.required_text("consumerName", request.consumer_name.as_deref(), &CONSUMER_NAME);
    violations.text("streamId", request.stream_id.as_deref(), &STREAM_ID);
    if let Some(tags) = &request.tags {
        check_tags(tags, &mut violations);
    }
    violations.finish()?;
    let stream = streams.registry.named(context, None, request.stream_arn.as_deref())?;
    let name = request.consumer_name.unwrap_or_default();
    streams.registry.change(&stream, |state, now_ms| {
        state.consumers.retain(|consumer| !consumer.is_gone(now_ms));
        if state.consumers.iter().any(|consumer| consumer.name == name) {
            return Err(RegisterError::Exists { name, key: state.key.clone() }.into());
        }
        check_limits(streams, state, now_ms)?;
        let mut consumer = Consumer {
            created_ms: now_ms,
            active_from_ms: streams.registry.after_transition(now_ms),
            deleted_from_ms: None,
            tags: Default::default(),
            policy: None,
            name,
        };
        let owner = format!("consumer {} under account {}", consumer.name, state.key.account_id);
        add_tags(&mut consumer.tags, request.tags.unwrap_or_default(), &owner)?;
        let view = ConsumerView::new(&consumer, &state.key.arn(), now_ms);
        let at = state.consumers.partition_point(|other| other.name < consumer.name);
        state.consumers.insert(at, consumer);
        Ok(RegisterStreamConsumerAnswer { consumer: view })
    })
}

/// How many consumers a stream may have, and how many of an account may be CREATING.
fn check_limits(streams: &Streams, state: &StreamState, now_ms: u64) -> Result<(), Error> {
    let has_advantage = state.mode == StreamMode::OnDemand
        && streams.commitment(state.key.account_id, &state.key.region)?.is_enabled(now_ms);
    let limit = if has_advantage { CONSUMERS_MAX_ADVANTAGE } else { CONSUMERS_MAX };
    if state.consumers.len() >= limit {
        return Err(RegisterError::TooMany { stream: state.key.name.clone(), limit }.into());
    }
    let is_neighbour =
        |other: &StreamState| other.key.account_id == state.key.account_id && other.key.region == state.key.region;
    let creating: usize = streams
        .registry
        .all()
        .iter()
        .map(|stream| stream.state())
        .filter(|other| is_neighbour(other))
        .map(|other| {
            other.registered(now_ms).filter(|consumer| consumer.status(now_ms) == ConsumerStatus::Creating).count()
        })
        .sum();
    if creating >= CONSUMERS_CREATING_MAX {
        return Err(RegisterError::TooManyCreating.into());
    }
    Ok(())
}

//! SubscribeToShard.

use std::sync::Arc;
use std::time::Duration;

use anabranch_protocol::{Encoding, Event, EventStream, ServiceInstant, Timestamp, Violations};
use anabranch_storage::Position;
use futures::stream;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::record_view::{ChildShard, RecordView, children, records};
use super::starting_position::StartingPosition;
use crate::error::{ConsumerNotActive, Error, RequestError, SubscriptionExists};
use crate::limits::{EVENT_BYTES_MAX, GET_RECORDS_MAX, SUBSCRIPTION, SUBSCRIPTION_BYTES, SUBSCRIPTION_IDLE};
use crate::meters::{Metric, ShardMetric};
use crate::quota::Limits;
use crate::reading::{Found, Reading};
use crate::sequence_number::SequenceNumber;
use crate::service::Streams;
use crate::shapes::{CONSUMER_ARN, ITERATOR_TYPE, SEQUENCE_NUMBER, SHARD_ID, STREAM_ID};
use crate::shard::Shard;
use crate::state::key::StreamKey;
use crate::state::status::ConsumerStatus;
use crate::state::stream::StreamState;
use crate::stream::Stream;
use crate::subscription::{Subscription, SubscriptionKey};

const SECOND: Duration = Duration::from_secs(1);

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct SubscribeToShardRequest {
    #[serde(rename = "ConsumerARN")]
    consumer_arn: Option<String>,
    shard_id: Option<String>,
    starting_position: Option<Start>,
    stream_id: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Start {
    r#type: Option<String>,
    sequence_number: Option<String>,
    timestamp: Option<Timestamp>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct SubscribeToShardEvent<'a> {
    records: Vec<RecordView<'a>>,
    /// Absent at the end of a closed shard: there is nothing to go on with.
    #[serde(skip_serializing_if = "Option::is_none")]
    continuation_sequence_number: Option<String>,
    millis_behind_latest: u64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    child_shards: Vec<ChildShard>,
}

impl SubscribeToShardRequest {
    fn validate(&self) -> Result<(), Error> {
        let mut violations = Violations::default();
        violations.required_text("consumerARN", self.consumer_arn.as_deref(), &CONSUMER_ARN);
        violations.required_text("shardId", self.shard_id.as_deref(), &SHARD_ID);
        violations.required("startingPosition", self.starting_position.as_ref());
        if let Some(start) = &self.starting_position {
            let number = start.sequence_number.as_deref();
            violations.required_text("startingPosition.type", start.r#type.as_deref(), &ITERATOR_TYPE);
            violations.text("startingPosition.sequenceNumber", number, &SEQUENCE_NUMBER);
        }
        violations.text("streamId", self.stream_id.as_deref(), &STREAM_ID);
        Ok(violations.finish()?)
    }
}

/// Subscribes a consumer to a shard: its records are sent as they become durable, and an event
/// without records now and then where there are none, for five minutes or to the shard's end.
pub(super) fn subscribe_to_shard(
    streams: Arc<Streams>,
    encoding: Encoding,
    request: SubscribeToShardRequest,
) -> Result<EventStream, Error> {
    request.validate()?;
    let arn = request.consumer_arn.unwrap_or_default();
    let key = StreamKey::of_arn(&arn).ok_or_else(|| RequestError::ConsumerArn(arn.clone()))?;
    let stream = streams.registry.get(&key)?;
    let (state, now_ms) = (stream.state(), streams.clock.now_ms());
    state.check_not_deleting()?;
    match state.consumer_by_arn(&arn, now_ms)?.status(now_ms) {
        ConsumerStatus::Active => {}
        status => return Err(ConsumerNotActive { arn, status }.into()),
    }
    let shard = state.shard(request.shard_id.as_deref().unwrap_or_default(), now_ms)?;
    let start = request.starting_position.unwrap_or_default();
    let start = StartingPosition {
        operation: "SubscribeToShard",
        kind: start.r#type.as_deref().unwrap_or_default(),
        sequence_number: start.sequence_number.as_deref(),
        timestamp: start.timestamp,
    };
    let position = start.resolve(&stream, &state, shard, now_ms)?;
    let key = SubscriptionKey { stream_id: state.id, shard_index: shard.index, consumer_arn: arn.clone() };
    let subscription = streams.subscriptions.begin(key, now_ms);
    stream.meters.add_all(&[
        (Metric::SubscribeSuccess, u64::from(subscription.is_ok())),
        (Metric::SubscribeRateExceeded, u64::from(subscription.is_err())),
    ]);
    let follower = Follower {
        subscription: subscription?,
        changes: stream.changes(),
        shard_id: shard.id(),
        ends: streams.clock.instant() + SUBSCRIPTION,
        paid_until: streams.clock.instant(),
        consumer_arn: arn,
        streams,
        stream,
        encoding,
        position,
    };
    Ok(Box::pin(stream::unfold(Some(follower), |follower| async {
        let mut follower = follower?;
        match follower.next().await {
            Ok(Step::Event(event)) => Some((Ok(event), Some(follower))),
            Ok(Step::LastEvent(event)) => Some((Ok(event), None)),
            Ok(Step::End) => None,
            Err(error) => Some((Err(error.into()), None)),
        }
    })))
}

/// One subscription on its way along a shard. It reads only when the client takes more.
struct Follower {
    streams: Arc<Streams>,
    stream: Arc<Stream>,
    consumer_arn: String,
    shard_id: String,
    encoding: Encoding,
    position: Position,
    subscription: Subscription,
    changes: watch::Receiver<()>,
    ends: ServiceInstant,
    /// When the consumer's share of the shard's throughput allows for all that was sent; a second
    /// before, more may be sent.
    paid_until: ServiceInstant,
}

/// What a subscription does next.
enum Step {
    Event(Event),
    LastEvent(Event),
    End,
}

impl Follower {
    async fn next(&mut self) -> Result<Step, Error> {
        let clock = self.streams.clock.clone();
        let idle_until = clock.instant() + SUBSCRIPTION_IDLE;
        loop {
            if self.subscription.is_taken_over() {
                return Err(SubscriptionExists(self.consumer_arn.clone()).into());
            }
            if clock.instant() >= self.ends {
                return Ok(Step::End);
            }
            if clock.instant() + SECOND < self.paid_until {
                tokio::select! {
                    () = self.subscription.taken_over() => {}
                    () = clock.sleep_until((self.paid_until - SECOND).min(self.ends)) => {}
                }
                continue;
            }
            // Before looking, so that what changes from here on is seen below.
            self.changes.mark_unchanged();
            let (state, now_ms) = (self.stream.state(), self.streams.clock.now_ms());
            state.check_not_deleting()?;
            state.consumer_by_arn(&self.consumer_arn, now_ms)?;
            let shard = state.shard(&self.shard_id, now_ms)?;
            let reading = Reading {
                stream: &self.stream,
                state: &state,
                shard,
                from: self.position,
                records_max: GET_RECORDS_MAX,
                bytes_max: EVENT_BYTES_MAX,
                now_ms,
            };
            let found = reading.read().await?;
            self.position = found.next;
            self.pay_for(&found);
            if found.is_drained {
                return self.event(&state, shard, &found, now_ms).map(Step::LastEvent);
            }
            if found.count() > 0 || clock.instant() >= idle_until {
                return self.event(&state, shard, &found, now_ms).map(Step::Event);
            }
            tokio::select! {
                outcome = self.stream.log.past(shard.lane(), self.position) => outcome?,
                _ = self.changes.changed() => {}
                () = self.subscription.taken_over() => {}
                () = clock.sleep_until(idle_until.min(self.ends)) => {}
            }
        }
    }

    fn pay_for(&mut self, found: &Found) {
        if self.streams.registry.config.limits == Limits::Aws {
            let takes = Duration::from_micros(found.bytes() * 1_000_000 / SUBSCRIPTION_BYTES);
            self.paid_until = self.paid_until.max(self.streams.clock.instant()) + takes;
        }
    }

    fn event(&self, state: &StreamState, shard: &Shard, found: &Found, now_ms: u64) -> Result<Event, Error> {
        let records = records(state, shard, found)?;
        let last = records.last().map(|record| record.sequence_number.clone());
        // Without records, a number that reading goes on behind.
        let reached = || {
            let place = found.next.0.max(shard.opened_at);
            SequenceNumber { place, record_s: now_ms / 1000, ..shard.starting_sequence_number() }.to_string()
        };
        let event = SubscribeToShardEvent {
            continuation_sequence_number: (!found.is_drained).then(|| last.unwrap_or_else(reached)),
            records,
            millis_behind_latest: found.millis_behind,
            child_shards: children(state, shard, found),
        };
        let (count, bytes) = (event.records.len() as u64, found.bytes());
        let meters = &self.stream.meters;
        meters.add_all(&[
            (Metric::EventBytes, bytes),
            (Metric::EventMillisBehindLatest, found.millis_behind),
            (Metric::EventRecords, count),
            (Metric::EventSuccess, 1),
        ]);
        let of_shard = [(ShardMetric::OutgoingBytes, bytes), (ShardMetric::OutgoingRecords, count)];
        meters.add_to_shard(state, shard.index, &of_shard);
        Ok(Event { name: "SubscribeToShardEvent", payload: self.encoding.encode(&event)?.into() })
    }
}

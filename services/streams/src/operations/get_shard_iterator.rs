//! GetShardIterator.

use anabranch_protocol::{ApiError, RequestContext, Timestamp, Violations};
use anabranch_storage::{Log, Position};
use serde::{Deserialize, Serialize};

use crate::error::{invalid_argument, log_failure};
use crate::iterator::ShardIterator;
use crate::sequence_number::SequenceNumber;
use crate::shapes::{ITERATOR_TYPE, SEQUENCE_NUMBER, SHARD_ID, STREAM_ARN, STREAM_ID, STREAM_NAME};
use crate::shard::Shard;
use crate::stream::StreamKey;
use crate::streams::Streams;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct GetShardIteratorRequest {
    stream_name: Option<String>,
    #[serde(rename = "StreamARN")]
    stream_arn: Option<String>,
    stream_id: Option<String>,
    shard_id: Option<String>,
    shard_iterator_type: Option<String>,
    starting_sequence_number: Option<String>,
    timestamp: Option<Timestamp>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct GetShardIteratorAnswer {
    shard_iterator: String,
}

impl GetShardIteratorRequest {
    fn validate(&self) -> Result<(), ApiError> {
        let mut violations = Violations::default();
        violations.text("streamName", self.stream_name.as_deref(), &STREAM_NAME);
        violations.text("streamARN", self.stream_arn.as_deref(), &STREAM_ARN);
        violations.text("streamId", self.stream_id.as_deref(), &STREAM_ID);
        violations.required("shardId", self.shard_id.as_ref());
        violations.text("shardId", self.shard_id.as_deref(), &SHARD_ID);
        violations.required("shardIteratorType", self.shard_iterator_type.as_ref());
        violations.text("shardIteratorType", self.shard_iterator_type.as_deref(), &ITERATOR_TYPE);
        violations.text("startingSequenceNumber", self.starting_sequence_number.as_deref(), &SEQUENCE_NUMBER);
        violations.finish()
    }
}

/// Gives an iterator to a place in a shard.
pub(super) fn get_shard_iterator(
    streams: &Streams,
    context: &RequestContext,
    request: GetShardIteratorRequest,
) -> Result<GetShardIteratorAnswer, ApiError> {
    request.validate()?;
    let stream = streams.readable(context, request.stream_name.as_deref(), request.stream_arn.as_deref())?;
    let state = stream.state();
    let shard = state.shard(request.shard_id.as_deref().unwrap_or_default())?;
    let log = stream.log()?;
    let now_ms = streams.clock.now_ms();
    let kind = request.shard_iterator_type.as_deref().unwrap_or_default();
    let position = match kind {
        // A lane is its shard's alone, so all that lies in it is the shard's.
        "TRIM_HORIZON" => Position(0),
        "LATEST" => log.visible(),
        "AT_TIMESTAMP" => at_timestamp(&log, shard, request.timestamp, now_ms)?,
        _ => {
            let Some(number) = request.starting_sequence_number.as_deref() else {
                return Err(invalid_argument(format!(
                    "Must either specify timestamp or sequence number: StartingSequenceNumber is required for {kind}."
                )));
            };
            let number = own_sequence_number(shard, number, &state.key)?;
            // The number of a record is its position plus one; that of a shard's start is where it starts.
            match kind {
                "AFTER_SEQUENCE_NUMBER" => Position(number.place),
                _ => Position(number.place.saturating_sub(1)),
            }
        }
    };
    let iterator = ShardIterator { stream_id: state.id, shard_index: shard.index, position, issued_ms: now_ms };
    Ok(GetShardIteratorAnswer { shard_iterator: streams.iterator_key.sign(&iterator) })
}

fn at_timestamp(log: &Log, shard: &Shard, timestamp: Option<Timestamp>, now_ms: u64) -> Result<Position, ApiError> {
    let Some(Timestamp(timestamp_ms)) = timestamp else {
        return Err(invalid_argument(
            "Must either specify timestamp or sequence number: Timestamp is required for AT_TIMESTAMP.",
        ));
    };
    if timestamp_ms > now_ms {
        return Err(invalid_argument(format!(
            "The timestampInMillis parameter cannot be greater than the currentTimestampInMillis. \
             timestampInMillis: {timestamp_ms}, currentTimestampInMillis: {now_ms}"
        )));
    }
    log.seek_time(shard.lane(), timestamp_ms).map_err(|error| log_failure(&error))
}

fn own_sequence_number(shard: &Shard, number: &str, key: &StreamKey) -> Result<SequenceNumber, ApiError> {
    SequenceNumber::parse(number).filter(|number| shard.owns(number)).ok_or_else(|| {
        invalid_argument(format!(
            "StartingSequenceNumber {number} used in GetShardIterator on shard {} in stream {} under account {} is \
             invalid because it did not come from this stream.",
            shard.id(),
            key.name,
            key.account_id
        ))
    })
}

//! PutRecord.

use std::borrow::Cow;
use std::time::Instant;

use anabranch_protocol::{Blob, RequestContext, Violations};
use anabranch_storage::LaneId;
use serde::{Deserialize, Serialize};

use super::put_records::{PutRecordsEntry, put};
use crate::error::{Error, LogFailure, RequestError};
use crate::meters::Metric;
use crate::sequence_number::SequenceNumber;
use crate::service::Streams;
use crate::shapes::{SEQUENCE_NUMBER, STREAM_ARN, STREAM_ID, STREAM_NAME};
use crate::state::status::EncryptionType;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct PutRecordRequest<'a> {
    #[serde(borrow)]
    stream_name: Option<Cow<'a, str>>,
    #[serde(rename = "StreamARN", borrow)]
    stream_arn: Option<Cow<'a, str>>,
    #[serde(borrow)]
    stream_id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    sequence_number_for_ordering: Option<Cow<'a, str>>,
    data: Option<Blob>,
    #[serde(borrow)]
    partition_key: Option<Cow<'a, str>>,
    #[serde(borrow)]
    explicit_hash_key: Option<Cow<'a, str>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct PutRecordAnswer {
    shard_id: String,
    sequence_number: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    encryption_type: Option<EncryptionType>,
}

/// Puts one record and answers once it is durable. Its sequence number is above any acknowledged
/// before in its shard, so `SequenceNumberForOrdering` holds by itself; it is checked to be one.
pub(super) async fn put_record(
    streams: &Streams,
    context: &RequestContext,
    request: PutRecordRequest<'_>,
) -> Result<PutRecordAnswer, Error> {
    let mut violations = Violations::default();
    violations.text("streamName", request.stream_name.as_deref(), &STREAM_NAME);
    violations.text("streamARN", request.stream_arn.as_deref(), &STREAM_ARN);
    violations.text("streamId", request.stream_id.as_deref(), &STREAM_ID);
    let ordering = request.sequence_number_for_ordering.as_deref();
    violations.text("sequenceNumberForOrdering", ordering, &SEQUENCE_NUMBER);
    let entry = PutRecordsEntry {
        data: request.data,
        partition_key: request.partition_key,
        explicit_hash_key: request.explicit_hash_key,
    };
    entry.validate(format_args!(""), &mut violations);
    violations.finish()?;
    let stream = streams.registry.readable(context, request.stream_name.as_deref(), request.stream_arn.as_deref())?;
    if let Some(number) = ordering.filter(|number| *number != "0") {
        let watermark = stream.log_acquired().await?.watermark();
        let is_ours = SequenceNumber::parse(number)
            .is_some_and(|number| number.place <= watermark.of(LaneId(number.shard_index)).0);
        if !is_ours {
            return Err(RequestError::Ordering { number: number.to_string(), key: stream.state().key.clone() }.into());
        }
    }
    entry.check_size(format_args!(""), stream.state().record_bytes_max())?;
    let (bytes, began) = (entry.bytes(), Instant::now());
    let placed = put(streams, &stream, vec![entry]).await;
    let is_put = matches!(placed.as_deref(), Ok([Ok(_)]));
    let measured = [(Metric::PutRecordBytes, bytes as u64), (Metric::PutRecordSuccess, u64::from(is_put))];
    stream.meters.called(Metric::PutRecordLatency, began, &measured);
    let placed = placed?;
    let placed = placed.into_iter().next().ok_or(LogFailure::Other)??;
    Ok(PutRecordAnswer {
        shard_id: placed.shard.to_string(),
        sequence_number: placed.sequence_number.to_string(),
        encryption_type: stream.state().encrypted_at(streams.clock.now_ms()),
    })
}

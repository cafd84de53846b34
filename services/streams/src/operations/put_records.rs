//! PutRecords.

use std::borrow::Cow;
use std::sync::atomic::Ordering;
use std::time::Instant;

use anabranch_protocol::{ApiError, Blob, BoundedList, RequestContext, Violations};
use serde::{Deserialize, Serialize, Serializer};

use crate::append::Routed;
use crate::error::{AccessError, Error, RequestError, ShardRateExceeded};
use crate::hash_key::HashKey;
use crate::limits::PUT_RECORDS_BYTES_MAX;
use crate::meters::{Metric, ShardMetric};
use crate::quota::Limits;
use crate::record::StoredRecord;
use crate::routing::{OpenShard, Targets};
use crate::sequence_number::SequenceNumber;
use crate::service::Streams;
use crate::shapes::{DATA_BYTES_MAX, HASH_KEY, PARTITION_KEY, RECORDS, STREAM_ARN, STREAM_ID, STREAM_NAME};
use crate::shard::ShardId;
use crate::state::status::EncryptionType;
use crate::stream::Stream;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct PutRecordsRequest<'a> {
    #[serde(borrow)]
    stream_name: Option<Cow<'a, str>>,
    #[serde(rename = "StreamARN", borrow)]
    stream_arn: Option<Cow<'a, str>>,
    #[serde(borrow)]
    stream_id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    records: Option<BoundedList<PutRecordsEntry<'a>, { RECORDS.max }>>,
}

/// One record to put; also the record of `PutRecord`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct PutRecordsEntry<'a> {
    pub(super) data: Option<Blob>,
    #[serde(borrow)]
    pub(super) partition_key: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(super) explicit_hash_key: Option<Cow<'a, str>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct PutRecordsAnswer {
    failed_record_count: usize,
    records: Vec<PutRecordsResult>,
    #[serde(skip_serializing_if = "Option::is_none")]
    encryption_type: Option<EncryptionType>,
}

#[derive(Debug, Serialize)]
#[serde(untagged, rename_all_fields = "PascalCase")]
enum PutRecordsResult {
    Put {
        #[serde(serialize_with = "in_text")]
        sequence_number: SequenceNumber,
        #[serde(serialize_with = "in_text")]
        shard_id: ShardId,
    },
    Failed {
        error_code: &'static str,
        error_message: String,
        #[serde(skip)]
        is_throttled: bool,
    },
}

/// Written without a string of its own for each record.
fn in_text<S: Serializer>(value: &impl std::fmt::Display, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

impl From<Result<Placed, ShardRateExceeded>> for PutRecordsResult {
    fn from(result: Result<Placed, ShardRateExceeded>) -> Self {
        match result {
            Ok(placed) => Self::Put { sequence_number: placed.sequence_number, shard_id: placed.shard },
            Err(error) => Self::failed(error, true),
        }
    }
}

impl PutRecordsResult {
    /// A record that was not put, in the words in which a call would have failed.
    fn failed(error: impl Into<Error>, is_throttled: bool) -> Self {
        let ApiError { code, message, .. } = error.into().into();
        Self::Failed { error_code: code, error_message: message, is_throttled }
    }
}

impl PutRecordsRequest<'_> {
    fn validate(&self) -> Result<(), Error> {
        let mut violations = Violations::default();
        violations.text("streamName", self.stream_name.as_deref(), &STREAM_NAME);
        violations.text("streamARN", self.stream_arn.as_deref(), &STREAM_ARN);
        violations.text("streamId", self.stream_id.as_deref(), &STREAM_ID);
        violations.required("records", self.records.as_ref());
        violations.list("records", self.records.as_ref().map_or(RECORDS.min, BoundedList::count), &RECORDS);
        for (number, entry) in self.records.iter().flat_map(|records| records.iter()).enumerate() {
            entry.validate(format_args!("records.{}.member.", number + 1), &mut violations);
        }
        Ok(violations.finish()?)
    }
}

impl PutRecordsEntry<'_> {
    pub(super) fn validate(&self, prefix: std::fmt::Arguments<'_>, violations: &mut Violations) {
        violations.required(format_args!("{prefix}data"), self.data.as_ref());
        violations.blob(format_args!("{prefix}data"), self.data_bytes(), DATA_BYTES_MAX);
        violations.required_text(format_args!("{prefix}partitionKey"), self.partition_key.as_deref(), &PARTITION_KEY);
        violations.text(format_args!("{prefix}explicitHashKey"), self.explicit_hash_key.as_deref(), &HASH_KEY);
    }

    fn data_bytes(&self) -> usize {
        self.data.as_ref().map_or(0, |data| data.0.len())
    }

    fn key(&self) -> &str {
        self.partition_key.as_deref().unwrap_or_default()
    }

    /// Bytes that count against the limits: data and partition key.
    pub(super) fn bytes(&self) -> usize {
        self.data_bytes() + self.key().len()
    }

    fn hash_key(&self) -> Result<HashKey, RequestError> {
        match self.explicit_hash_key.as_deref() {
            None => Ok(HashKey::of_partition_key(self.key())),
            Some(decimal) => {
                HashKey::parse(decimal).ok_or_else(|| RequestError::ExplicitHashKey { decimal: decimal.to_string() })
            }
        }
    }

    /// Refuses a record over the stream's limit; its partition key counts too.
    pub(super) fn check_size(&self, prefix: std::fmt::Arguments<'_>, limit: usize) -> Result<(), ApiError> {
        let mut violations = Violations::default();
        violations.blob(format_args!("{prefix}data"), self.bytes(), limit);
        violations.finish()
    }
}

/// Where a record went.
pub(super) struct Placed {
    pub(super) shard: ShardId,
    pub(super) sequence_number: SequenceNumber,
}

/// Puts `entries` as far as their shards may take them now, and waits until they are durable.
/// Results are in the order given.
pub(super) async fn put(
    streams: &Streams,
    stream: &Stream,
    entries: Vec<PutRecordsEntry<'_>>,
) -> Result<Vec<Result<Placed, ShardRateExceeded>>, Error> {
    let hash_keys = entries.iter().map(PutRecordsEntry::hash_key).collect::<Result<_, _>>()?;
    let mut targets = stream.targets(hash_keys);
    let throttled = match streams.registry.config.limits {
        Limits::Off => Vec::new(),
        Limits::Aws => throttled(streams, stream, &entries, &targets),
    };
    if throttled.iter().all(Option::is_none) {
        let placed = append(streams, stream, &entries, targets).await?;
        return Ok(placed.into_iter().map(Ok).collect());
    }
    let is_admitted = |number: usize| throttled[number].is_none();
    targets.retain(is_admitted);
    let admitted = entries.into_iter().enumerate().filter(|(number, _)| is_admitted(*number));
    let admitted: Vec<_> = admitted.map(|(_, entry)| entry).collect();
    let mut placed = append(streams, stream, &admitted, targets).await?.into_iter();
    let result = |error: Option<ShardRateExceeded>| match error {
        Some(error) => Some(Err(error)),
        None => placed.next().map(Ok),
    };
    Ok(throttled.into_iter().filter_map(result).collect())
}

/// For each of `entries`, what forbids it if its shard was written to too much.
fn throttled(
    streams: &Streams,
    stream: &Stream,
    entries: &[PutRecordsEntry<'_>],
    targets: &Targets,
) -> Vec<Option<ShardRateExceeded>> {
    let sizes = targets.shards().zip(entries).map(|(shard, entry)| (shard.index, entry.bytes() as u64));
    let admitted = stream.quota.write(sizes, streams.clock.now_ms());
    let state = stream.state();
    let verdict = |(admitted, shard): (bool, OpenShard)| {
        (!admitted).then(|| {
            stream.meters.add(Metric::WriteThroughputExceeded, 1);
            stream.meters.add_to_shard(&state, shard.index, &[(ShardMetric::WriteThroughputExceeded, 1)]);
            ShardRateExceeded { shard: shard.id(), key: state.key.clone() }
        })
    };
    admitted.into_iter().zip(targets.shards()).map(verdict).collect()
}

/// Appends `entries` to their shards and waits until they are durable. Results are in the order given.
async fn append(
    streams: &Streams,
    stream: &Stream,
    entries: &[PutRecordsEntry<'_>],
    targets: Targets,
) -> Result<Vec<Placed>, AccessError> {
    let log = stream.log_acquired().await?;
    let mut bytes = Vec::with_capacity(entries.iter().map(|entry| entry.bytes() + 3).sum());
    let mut ends = Vec::with_capacity(entries.len());
    for entry in entries {
        let data = entry.data.as_ref().map_or(&[][..], |data| &data.0);
        StoredRecord { partition_key: entry.key(), data }.encode(&mut bytes);
        ends.push(bytes.len());
    }
    let begins = std::iter::once(0).chain(ends.iter().copied());
    let records: Vec<&[u8]> = begins.zip(&ends).map(|(begin, end)| &bytes[begin..*end]).collect();
    let Routed { targets, positions, timestamp_ms, appending } =
        stream.append(log, streams.clock.now_ms(), targets, &records)?;
    appending.done().await.map_err(|error| stream.unless_deleted(error))?;
    stream.records_in.fetch_add(entries.len() as u64, Ordering::Relaxed);
    stream.bytes_in.fetch_add(bytes.len() as u64, Ordering::Relaxed);
    let counted = entries.iter().map(|entry| entry.bytes() as u64).sum();
    stream.meters.add_all(&[(Metric::IncomingRecords, entries.len() as u64), (Metric::IncomingBytes, counted)]);
    measure_shards(stream, &targets, entries);
    let placed = targets.shards().zip(positions).map(|(shard, position)| Placed {
        sequence_number: shard.sequence_number(position, timestamp_ms),
        shard: shard.id(),
    });
    Ok(placed.collect())
}

/// Adds to the metrics of each shard what it took.
fn measure_shards(stream: &Stream, targets: &Targets, entries: &[PutRecordsEntry<'_>]) {
    let state = stream.state();
    if state.shard_level_metrics.is_empty() {
        return;
    }
    for (shard, entry) in targets.shards().zip(entries) {
        let values = [(ShardMetric::IncomingBytes, entry.bytes() as u64), (ShardMetric::IncomingRecords, 1)];
        stream.meters.add_to_shard(&state, shard.index, &values);
    }
}

/// Puts up to 500 records and answers once they are durable. A full disk or a failing log fails
/// the records, not the call, so that clients retry them.
pub(super) async fn put_records(
    streams: &Streams,
    context: &RequestContext,
    request: PutRecordsRequest<'_>,
) -> Result<PutRecordsAnswer, Error> {
    request.validate()?;
    let stream = streams.registry.readable(context, request.stream_name.as_deref(), request.stream_arn.as_deref())?;
    let entries = request.records.unwrap_or_default().into_vec();
    let limit = stream.state().record_bytes_max();
    let mut numbered = entries.iter().enumerate();
    numbered.try_for_each(|(number, entry)| entry.check_size(format_args!("records.{}.member.", number + 1), limit))?;
    let bytes: usize = entries.iter().map(PutRecordsEntry::bytes).sum();
    if bytes > PUT_RECORDS_BYTES_MAX {
        return Err(RequestError::RecordsTooLarge.into());
    }
    let (count, began) = (entries.len(), Instant::now());
    let records: Vec<_> = match put(streams, &stream, entries).await {
        Ok(results) => results.into_iter().map(PutRecordsResult::from).collect(),
        Err(Error::Access(AccessError::Log(failure))) => {
            std::iter::repeat_with(|| PutRecordsResult::failed(failure, false)).take(count).collect()
        }
        Err(error) => return Err(error),
    };
    let is_failed = |result: &&PutRecordsResult| matches!(result, PutRecordsResult::Failed { .. });
    let failed_record_count = records.iter().filter(is_failed).count();
    let is_throttled =
        |result: &&PutRecordsResult| matches!(result, PutRecordsResult::Failed { is_throttled: true, .. });
    let throttled = records.iter().filter(is_throttled).count();
    let measured = [
        (Metric::PutRecordsBytes, bytes),
        (Metric::PutRecordsSuccess, usize::from(failed_record_count < count)),
        (Metric::PutRecordsTotalRecords, count),
        (Metric::PutRecordsSuccessfulRecords, count - failed_record_count),
        (Metric::PutRecordsFailedRecords, failed_record_count - throttled),
        (Metric::PutRecordsThrottledRecords, throttled),
    ]
    .map(|(metric, value)| (metric, value as u64));
    stream.meters.called(Metric::PutRecordsLatency, began, &measured);
    let encryption_type = stream.state().encrypted_at(streams.clock.now_ms());
    Ok(PutRecordsAnswer { failed_record_count, records, encryption_type })
}

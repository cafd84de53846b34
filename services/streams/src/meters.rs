//! What streams and shards went through, under CloudWatch's names ("Monitoring the Amazon Kinesis
//! Data Streams Service with Amazon CloudWatch").

use anabranch_protocol::{Measured as Figure, MeasuredKind};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use parking_lot::RwLock;

use crate::shard::shard_id;
use crate::state::stream::StreamState;

/// A metric of a stream. What counts successes counts 1 for each and 0 for a failure, so that its
/// average is their share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Metric {
    IncomingBytes,
    IncomingRecords,
    PutRecordBytes,
    PutRecordLatency,
    PutRecordSuccess,
    PutRecordsBytes,
    PutRecordsLatency,
    PutRecordsSuccess,
    PutRecordsTotalRecords,
    PutRecordsSuccessfulRecords,
    PutRecordsFailedRecords,
    PutRecordsThrottledRecords,
    GetRecordsBytes,
    GetRecordsIteratorAge,
    GetRecordsLatency,
    GetRecordsRecords,
    GetRecordsSuccess,
    WriteThroughputExceeded,
    ReadThroughputExceeded,
    SubscribeRateExceeded,
    SubscribeSuccess,
    EventBytes,
    EventMillisBehindLatest,
    EventRecords,
    EventSuccess,
}

/// CloudWatch's names, in the order of [`Metric`].
const NAMES: [&str; 25] = [
    "IncomingBytes",
    "IncomingRecords",
    "PutRecord.Bytes",
    "PutRecord.Latency",
    "PutRecord.Success",
    "PutRecords.Bytes",
    "PutRecords.Latency",
    "PutRecords.Success",
    "PutRecords.TotalRecords",
    "PutRecords.SuccessfulRecords",
    "PutRecords.FailedRecords",
    "PutRecords.ThrottledRecords",
    "GetRecords.Bytes",
    "GetRecords.IteratorAgeMilliseconds",
    "GetRecords.Latency",
    "GetRecords.Records",
    "GetRecords.Success",
    "WriteProvisionedThroughputExceeded",
    "ReadProvisionedThroughputExceeded",
    "SubscribeToShard.RateExceeded",
    "SubscribeToShard.Success",
    "SubscribeToShardEvent.Bytes",
    "SubscribeToShardEvent.MillisBehindLatest",
    "SubscribeToShardEvent.Records",
    "SubscribeToShardEvent.Success",
];

/// A metric of a shard, for streams that enhanced monitoring is enabled for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ShardMetric {
    IncomingBytes,
    IncomingRecords,
    OutgoingBytes,
    OutgoingRecords,
    WriteThroughputExceeded,
    ReadThroughputExceeded,
    IteratorAge,
}

/// The service model's `MetricsName`, in the order of [`ShardMetric`].
const SHARD_NAMES: [&str; 7] = [
    "IncomingBytes",
    "IncomingRecords",
    "OutgoingBytes",
    "OutgoingRecords",
    "WriteProvisionedThroughputExceeded",
    "ReadProvisionedThroughputExceeded",
    "IteratorAgeMilliseconds",
];

/// What was measured of one stream or shard since the start.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    /// The stream's name.
    pub stream: String,
    /// The shard's id, for a metric of a shard.
    pub shard: Option<String>,
    /// CloudWatch's name of the metric, such as `PutRecords.Latency`.
    pub metric: &'static str,
    /// How often it was measured: CloudWatch's `SampleCount`.
    pub sample_count: u64,
    /// All values together: CloudWatch's `Sum`. Bytes, records, or milliseconds.
    pub sum: f64,
}

impl Measured {
    /// Its sum and its count under the names that the CloudWatch exporter for Prometheus gives them:
    /// `aws_kinesis_put_records_latency_sum{stream_name="clicks"}`.
    pub(crate) fn figures(self) -> [Figure; 2] {
        let mut labels = vec![("stream_name", self.stream)];
        labels.extend(self.shard.map(|shard| ("shard_id", shard)));
        let name = snake_case(self.metric);
        let figure = |statistic: &str, labels, value| Figure {
            name: format!("aws_kinesis_{name}_{statistic}").into(),
            help: "",
            kind: MeasuredKind::Counter,
            labels,
            value,
        };
        [figure("sample_count", labels.clone(), self.sample_count as f64), figure("sum", labels, self.sum)]
    }
}

/// `PutRecords.Latency` as `put_records_latency`.
fn snake_case(name: &str) -> String {
    let mut text = String::new();
    for character in name.chars() {
        if character.is_ascii_uppercase() && !text.is_empty() && !text.ends_with('_') {
            text.push('_');
        }
        text.push(if character == '.' { '_' } else { character.to_ascii_lowercase() });
    }
    text
}

/// Sums are kept in thousandths, for latencies in milliseconds.
const PARTS: u64 = 1_000;

#[derive(Debug, Default)]
struct Meter {
    sample_count: AtomicU64,
    sum_parts: AtomicU64,
}

impl Meter {
    fn add(&self, parts: u64) {
        self.sample_count.fetch_add(1, Ordering::Relaxed);
        self.sum_parts.fetch_add(parts, Ordering::Relaxed);
    }
}

/// The meters of one stream and its shards.
#[derive(Debug, Default)]
pub(crate) struct Meters {
    stream: [Meter; NAMES.len()],
    shards: RwLock<BTreeMap<u32, [Meter; SHARD_NAMES.len()]>>,
}

impl Meters {
    /// Adds a value: bytes, records, calls or milliseconds.
    pub(crate) fn add(&self, metric: Metric, value: u64) {
        self.stream[metric as usize].add(value * PARTS);
    }

    /// As [`Meters::add`], for several.
    pub(crate) fn add_all(&self, values: &[(Metric, u64)]) {
        values.iter().for_each(|(metric, value)| self.add(*metric, *value));
    }

    /// Adds what a call came to: the time since `began` and other values.
    pub(crate) fn called(&self, latency: Metric, began: Instant, values: &[(Metric, u64)]) {
        self.stream[latency as usize].add(began.elapsed().as_micros() as u64);
        self.add_all(values);
    }

    /// Adds values of a shard, if those metrics are enabled for the stream.
    pub(crate) fn add_to_shard(&self, state: &StreamState, shard_index: u32, values: &[(ShardMetric, u64)]) {
        if state.shard_level_metrics.is_empty() {
            return;
        }
        let is_enabled = |metric: ShardMetric| {
            let name = SHARD_NAMES[metric as usize];
            state.shard_level_metrics.iter().any(|enabled| enabled == name || enabled == "ALL")
        };
        if !self.shards.read().contains_key(&shard_index) {
            self.shards.write().entry(shard_index).or_default();
        }
        let shards = self.shards.read();
        let Some(meters) = shards.get(&shard_index) else { return };
        for (metric, value) in values.iter().filter(|(metric, _)| is_enabled(*metric)) {
            meters[*metric as usize].add(value * PARTS);
        }
    }

    /// What was measured of the stream with this state.
    pub(crate) fn measured(&self, state: &StreamState) -> Vec<Measured> {
        let one = |shard: Option<u32>, metric: &'static str, meter: &Meter| Measured {
            stream: state.key.name.clone(),
            shard: shard.map(shard_id),
            metric,
            sample_count: meter.sample_count.load(Ordering::Relaxed),
            sum: meter.sum_parts.load(Ordering::Relaxed) as f64 / PARTS as f64,
        };
        // Shards that are gone are told no more.
        self.shards.write().retain(|index, _| state.knows_shard(*index));
        let shards = self.shards.read();
        let of_shards = shards.iter().flat_map(|(index, meters)| {
            SHARD_NAMES.iter().zip(meters).map(|(name, meter)| one(Some(*index), name, meter)).collect::<Vec<_>>()
        });
        let of_stream = NAMES.iter().zip(&self.stream).map(|(name, meter)| one(None, name, meter));
        of_stream.chain(of_shards).filter(|measured| measured.sample_count > 0).collect()
    }
}

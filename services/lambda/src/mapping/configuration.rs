//! A mapping as answers show it.

use anabranch_ports::Start;
use anabranch_protocol::Timestamp;
use serde::Serialize;

use super::filter::FilterCriteria;
use super::request::{
    DestinationConfig, LoggingConfig, MetricsConfig, OnFailure, ProvisionedPollerConfig, ScalingConfig,
};
use super::settings::{QueueSettings, REPORT_ITEM_FAILURES, Settings, StreamSettings};
use super::sources::StartingPosition;
use super::state::{MappingState, ProcessingResult};
use super::stored::MappingRecord;

/// A mapping as the API shows it (`EventSourceMappingConfiguration`).
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct EventSourceMapping {
    /// The mapping's id.
    #[serde(rename = "UUID")]
    pub uuid: String,
    /// ARN of the mapping.
    pub event_source_mapping_arn: String,
    /// ARN of what it reads.
    pub event_source_arn: String,
    /// ARN of the function.
    pub function_arn: String,
    /// Whether it polls, or what it passes into.
    pub state: MappingState,
    /// Who caused the state.
    pub state_transition_reason: &'static str,
    /// How the last batch of a stream went.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_processing_result: Option<ProcessingResult>,
    /// When it was last changed.
    pub last_modified: Timestamp,
    /// Records an invocation gets at most.
    pub batch_size: u32,
    /// How long to collect records for a batch, in seconds.
    pub maximum_batching_window_in_seconds: u32,
    /// `ReportBatchItemFailures` or nothing.
    pub function_response_types: Vec<&'static str>,
    /// Which records reach the function; absent for all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filter_criteria: Option<FilterCriteria>,
    /// What only mappings of streams have.
    #[serde(flatten)]
    pub stream: Option<StreamConfiguration>,
    /// How many batches of a queue are invoked at once; absent for no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scaling_config: Option<ScalingConfig>,
    /// The pollers of a queue's mapping.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provisioned_poller_config: Option<ProvisionedPollerConfig>,
    /// Which metrics it has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metrics_config: Option<MetricsConfig>,
    /// How much it logs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logging_config: Option<LoggingConfig>,
    /// The key that encrypts the filters.
    #[serde(rename = "KMSKeyArn", skip_serializing_if = "Option::is_none")]
    pub kms_key_arn: Option<String>,
}

/// What only mappings of streams have.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct StreamConfiguration {
    /// Concurrent batches a shard.
    pub parallelization_factor: u32,
    /// Where shards start that have no checkpoint.
    pub starting_position: &'static str,
    /// For `AT_TIMESTAMP`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub starting_position_timestamp: Option<Timestamp>,
    /// Where batches go that are given up.
    pub destination_config: DestinationConfig,
    /// Older records are given up; −1 for no limit.
    pub maximum_record_age_in_seconds: i64,
    /// Split a failed batch in two.
    pub bisect_batch_on_function_error: bool,
    /// Retries of a failed batch; −1 for no limit.
    pub maximum_retry_attempts: i64,
    /// Length of tumbling windows; 0 for none.
    pub tumbling_window_in_seconds: u32,
}

impl EventSourceMapping {
    pub(super) fn new(uuid: &str, record: &MappingRecord, state: MappingState, last: ProcessingResult) -> Self {
        let Settings {
            batch_size,
            batching_window_seconds,
            reports_item_failures,
            filter_criteria,
            stream,
            queue,
            shown,
        } = &record.settings;
        let QueueSettings { concurrency_max, pollers } = queue.clone().unwrap_or_default();
        Self {
            uuid: uuid.into(),
            event_source_mapping_arn: record.arn(uuid),
            event_source_arn: record.source_arn.to_string(),
            function_arn: record.function.arn(),
            state,
            // The words are those of the services behind streams and queues.
            state_transition_reason: if stream.is_some() { "User action" } else { "USER_INITIATED" },
            last_processing_result: stream.is_some().then_some(last),
            last_modified: Timestamp(record.last_modified_ms),
            batch_size: *batch_size,
            maximum_batching_window_in_seconds: *batching_window_seconds,
            function_response_types: reports_item_failures.then_some(REPORT_ITEM_FAILURES).into_iter().collect(),
            filter_criteria: filter_criteria.clone(),
            stream: stream.as_ref().map(StreamConfiguration::from),
            scaling_config: concurrency_max.map(|most| ScalingConfig { maximum_concurrency: Some(most.into()) }),
            provisioned_poller_config: pollers,
            metrics_config: shown.metrics.clone().map(|metrics| MetricsConfig { metrics }),
            logging_config: shown.log_level.clone().map(|level| LoggingConfig { system_log_level: Some(level) }),
            kms_key_arn: shown.kms_key_arn.clone(),
        }
    }
}

impl From<&StreamSettings> for StreamConfiguration {
    fn from(settings: &StreamSettings) -> Self {
        let (position, timestamp) = match settings.start {
            Start::TrimHorizon => (StartingPosition::TrimHorizon, None),
            Start::Latest => (StartingPosition::Latest, None),
            Start::AtTimestamp(ms) => (StartingPosition::AtTimestamp, Some(Timestamp(ms))),
        };
        let on_failure = OnFailure { destination: settings.on_failure.as_ref().map(ToString::to_string) };
        Self {
            parallelization_factor: settings.parallelization_factor,
            starting_position: position.name(),
            starting_position_timestamp: timestamp,
            destination_config: DestinationConfig { on_failure: Some(on_failure), on_success: None },
            maximum_record_age_in_seconds: settings.record_age_max_seconds.map_or(-1, i64::from),
            bisect_batch_on_function_error: settings.bisects,
            maximum_retry_attempts: settings.retry_limit.map_or(-1, i64::from),
            tumbling_window_in_seconds: settings.tumbling_window_seconds,
        }
    }
}

//! The requests about mappings, as they come.

use anabranch_protocol::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

use super::filter::FilterCriteria;

/// Request of CreateEventSourceMapping, and (but for the source and the starting position)
/// of UpdateEventSourceMapping. Absent members keep their value or default.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct EventSourceMappingRequest {
    /// Name or ARN of the function.
    pub function_name: Option<String>,
    /// ARN of what is read.
    pub event_source_arn: Option<String>,
    /// Whether it polls; true by default.
    pub enabled: Option<bool>,
    /// Records an invocation, 1–10,000; the default is the source's.
    pub batch_size: Option<i64>,
    /// 0–300 s; 0 by default.
    pub maximum_batching_window_in_seconds: Option<i64>,
    /// 1–10; 1 by default.
    pub parallelization_factor: Option<i64>,
    /// `TRIM_HORIZON`, `LATEST` or `AT_TIMESTAMP`, for streams.
    pub starting_position: Option<String>,
    /// For `AT_TIMESTAMP`.
    pub starting_position_timestamp: Option<Timestamp>,
    /// `{"OnFailure": {"Destination": <ARN>}}`.
    pub destination_config: Option<DestinationConfig>,
    /// −1 or 60–604,800 s; −1 by default.
    pub maximum_record_age_in_seconds: Option<i64>,
    /// Split a failed batch in two; false by default.
    pub bisect_batch_on_function_error: Option<bool>,
    /// −1–10,000; −1 by default.
    pub maximum_retry_attempts: Option<i64>,
    /// 0–900 s; 0, for none, by default.
    pub tumbling_window_in_seconds: Option<i64>,
    /// `ReportBatchItemFailures` or nothing.
    pub function_response_types: Option<Vec<String>>,
    /// Which records reach the function; without filters all.
    pub filter_criteria: Option<FilterCriteria>,
    /// How many batches of a queue are invoked at once.
    pub scaling_config: Option<ScalingConfig>,
    /// How many pollers a queue's mapping has; kept and shown, since there are as many as it takes.
    pub provisioned_poller_config: Option<ProvisionedPollerConfig>,
    /// Which metrics there are; kept and shown.
    pub metrics_config: Option<MetricsConfig>,
    /// How much is logged; kept and shown.
    pub logging_config: Option<LoggingConfig>,
    /// The key that encrypts the filters; kept and shown. Empty for none.
    #[serde(rename = "KMSKeyArn")]
    pub kms_key_arn: Option<String>,
    /// Tags of a new mapping.
    pub tags: Option<BTreeMap<String, String>>,
    /// Members of the API that are not supported; naming them is an error.
    #[serde(flatten)]
    pub others: BTreeMap<String, Value>,
}

/// Where batches go that are given up.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct DestinationConfig {
    /// Empty for none; mappings always show it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_failure: Option<OnFailure>,
    /// Of asynchronous invocations only.
    #[serde(skip_serializing)]
    pub on_success: Option<OnFailure>,
}

/// How many batches are invoked at once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ScalingConfig {
    /// 2–1,000; absent for no limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub maximum_concurrency: Option<i64>,
}

/// Pollers that are kept for a mapping.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ProvisionedPollerConfig {
    /// 1–200.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub minimum_pollers: Option<i64>,
    /// 1–2,000.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub maximum_pollers: Option<i64>,
    /// Of Kafka only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub poller_group_name: Option<String>,
}

/// Metrics of a mapping.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct MetricsConfig {
    /// `EventCount`; the others are Kafka's.
    pub metrics: Vec<String>,
}

/// Logs of a mapping.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct LoggingConfig {
    /// `DEBUG`, `INFO` or `WARN`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub system_log_level: Option<String>,
}

/// The on-failure destination.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct OnFailure {
    /// ARN of a bucket, a standard queue or a standard topic.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub destination: Option<String>,
}

/// Request of ListEventSourceMappings.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct ListEventSourceMappings {
    /// Only those of this source.
    pub event_source_arn: Option<String>,
    /// Only those of this function.
    pub function_name: Option<String>,
    /// `NextMarker` of the page before.
    pub marker: Option<String>,
    /// 1–10,000; pages hold at most 100.
    pub max_items: Option<usize>,
}

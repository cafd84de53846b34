//! The settings of a mapping, and the constraints of CreateEventSourceMapping and
//! UpdateEventSourceMapping on them.

use anabranch_pattern::SourceFilter;
use anabranch_protocol::{ApiError, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

use super::filter::FilterCriteria;
use crate::error::invalid_parameter;
use crate::function::bucket_of;
use anabranch_ports::Start;

/// Request of CreateEventSourceMapping, and (but for the source and the starting position)
/// of UpdateEventSourceMapping. Absent members keep their value or default.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct EventSourceMappingRequest {
    /// Name or ARN of the function.
    pub function_name: Option<String>,
    /// ARN of a stream.
    pub event_source_arn: Option<String>,
    /// Whether it polls; true by default.
    pub enabled: Option<bool>,
    /// 1–10,000 records an invocation; 100 by default.
    pub batch_size: Option<i64>,
    /// 0–300 s; 0 by default.
    pub maximum_batching_window_in_seconds: Option<i64>,
    /// Only 1 is supported.
    pub parallelization_factor: Option<i64>,
    /// `TRIM_HORIZON`, `LATEST` or `AT_TIMESTAMP`.
    pub starting_position: Option<String>,
    /// For `AT_TIMESTAMP`.
    pub starting_position_timestamp: Option<Timestamp>,
    /// `{"OnFailure": {"Destination": <S3 bucket ARN>}}`.
    pub destination_config: Option<DestinationConfig>,
    /// −1 or 60–604,800 s; −1 by default.
    pub maximum_record_age_in_seconds: Option<i64>,
    /// Split a failed batch in two; false by default.
    pub bisect_batch_on_function_error: Option<bool>,
    /// −1–10,000; −1 by default.
    pub maximum_retry_attempts: Option<i64>,
    /// Only 0 is supported.
    pub tumbling_window_in_seconds: Option<i64>,
    /// `ReportBatchItemFailures` or nothing.
    pub function_response_types: Option<Vec<String>>,
    /// Which records reach the function; without filters all.
    pub filter_criteria: Option<FilterCriteria>,
    /// Members of the API that are not supported; naming them is an error.
    #[serde(flatten)]
    pub others: BTreeMap<String, Value>,
}

/// Where batches go that are given up.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct DestinationConfig {
    /// Absent for none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_failure: Option<OnFailure>,
}

/// The on-failure destination.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct OnFailure {
    /// ARN of an S3 bucket.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub destination: Option<String>,
}

/// Valid settings, as stored and as the API shows them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Settings {
    /// Records an invocation gets at most.
    pub batch_size: u32,
    /// How long to collect records for a batch, in seconds.
    pub maximum_batching_window_in_seconds: u32,
    /// Concurrent batches a shard.
    pub parallelization_factor: u32,
    /// Where shards start that have no checkpoint.
    pub starting_position: String,
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
    /// `ReportBatchItemFailures` or nothing.
    pub function_response_types: Vec<String>,
    /// Which records reach the function; absent for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter_criteria: Option<FilterCriteria>,
}

impl Settings {
    /// The settings of a new mapping.
    pub(crate) fn create(request: &EventSourceMappingRequest) -> Result<Self, ApiError> {
        let starting_position = request
            .starting_position
            .clone()
            .ok_or_else(|| invalid_parameter("1 validation error detected: Value null at 'startingPosition' failed to satisfy constraint: Member must not be null."))?;
        match (starting_position.as_str(), request.starting_position_timestamp) {
            ("TRIM_HORIZON" | "LATEST", None) | ("AT_TIMESTAMP", Some(_)) => {}
            ("TRIM_HORIZON" | "LATEST", Some(_)) => {
                return Err(invalid_parameter(
                    "StartingPositionTimestamp can only be given with StartingPosition AT_TIMESTAMP.",
                ));
            }
            ("AT_TIMESTAMP", None) => {
                return Err(invalid_parameter("StartingPosition AT_TIMESTAMP needs StartingPositionTimestamp."));
            }
            (other, _) => {
                return Err(constraint(
                    "startingPosition",
                    other,
                    "Member must satisfy enum value set: [LATEST, AT_TIMESTAMP, TRIM_HORIZON]",
                ));
            }
        }
        let mut settings = Self {
            batch_size: 100,
            maximum_batching_window_in_seconds: 0,
            parallelization_factor: 1,
            starting_position,
            starting_position_timestamp: request.starting_position_timestamp,
            destination_config: DestinationConfig::default(),
            maximum_record_age_in_seconds: -1,
            bisect_batch_on_function_error: false,
            maximum_retry_attempts: -1,
            tumbling_window_in_seconds: 0,
            function_response_types: Vec::new(),
            filter_criteria: None,
        };
        settings.apply(request)?;
        Ok(settings)
    }

    /// Applies the members that are present.
    pub(crate) fn apply(&mut self, request: &EventSourceMappingRequest) -> Result<(), ApiError> {
        refuse_others(&request.others)?;
        set(&mut self.batch_size, "batchSize", request.batch_size, 1, 10_000)?;
        set(
            &mut self.maximum_batching_window_in_seconds,
            "maximumBatchingWindowInSeconds",
            request.maximum_batching_window_in_seconds,
            0,
            300,
        )?;
        set(&mut self.maximum_retry_attempts, "maximumRetryAttempts", request.maximum_retry_attempts, -1, 10_000)?;
        set(
            &mut self.maximum_record_age_in_seconds,
            "maximumRecordAgeInSeconds",
            request.maximum_record_age_in_seconds,
            -1,
            604_800,
        )?;
        if (0..60).contains(&self.maximum_record_age_in_seconds) {
            return Err(invalid_parameter("MaximumRecordAgeInSeconds must be -1 or lie within 60 and 604800."));
        }
        set(&mut self.parallelization_factor, "parallelizationFactor", request.parallelization_factor, 1, 10)?;
        if self.parallelization_factor > 1 {
            return Err(unsupported("ParallelizationFactor above 1"));
        }
        set(
            &mut self.tumbling_window_in_seconds,
            "tumblingWindowInSeconds",
            request.tumbling_window_in_seconds,
            0,
            900,
        )?;
        if self.tumbling_window_in_seconds > 0 {
            return Err(unsupported("TumblingWindowInSeconds above 0"));
        }
        if let Some(bisect) = request.bisect_batch_on_function_error {
            self.bisect_batch_on_function_error = bisect;
        }
        if let Some(types) = &request.function_response_types {
            if types.len() > 1 || types.iter().any(|kind| kind != "ReportBatchItemFailures") {
                return Err(constraint(
                    "functionResponseTypes",
                    &format!("{types:?}"),
                    "Member must have length less than or equal to 1 and satisfy enum value set: [ReportBatchItemFailures]",
                ));
            }
            self.function_response_types = types.clone();
        }
        if let Some(criteria) = &request.filter_criteria {
            let criteria = Some(criteria).filter(|criteria| !criteria.filters.is_empty());
            criteria.map(FilterCriteria::compile).transpose()?;
            self.filter_criteria = criteria.cloned();
        }
        if let Some(config) = &request.destination_config {
            let destination = config.on_failure.as_ref().and_then(|on_failure| on_failure.destination.as_deref());
            let destination = destination.filter(|arn| !arn.is_empty());
            destination.map(bucket_of).transpose()?;
            let on_failure = destination.map(|arn| OnFailure { destination: Some(arn.into()) });
            self.destination_config = DestinationConfig { on_failure };
        }
        Ok(())
    }

    /// The filter that records must pass, if there is one.
    pub(crate) fn filter(&self) -> Result<Option<SourceFilter>, ApiError> {
        self.filter_criteria.as_ref().map(FilterCriteria::compile).transpose()
    }

    pub(crate) fn start(&self) -> Start {
        match (self.starting_position.as_str(), self.starting_position_timestamp) {
            ("AT_TIMESTAMP", Some(Timestamp(ms))) => Start::AtTimestamp(ms),
            ("LATEST", _) => Start::Latest,
            _ => Start::TrimHorizon,
        }
    }

    pub(crate) fn retries_max(&self) -> Option<u32> {
        u32::try_from(self.maximum_retry_attempts).ok()
    }

    pub(crate) fn record_age_max_ms(&self) -> Option<u64> {
        u64::try_from(self.maximum_record_age_in_seconds).ok().map(|seconds| seconds * 1000)
    }

    pub(crate) fn reports_batch_item_failures(&self) -> bool {
        !self.function_response_types.is_empty()
    }

    pub(crate) fn failure_bucket(&self) -> Option<&str> {
        let destination = self.destination_config.on_failure.as_ref()?.destination.as_deref()?;
        bucket_of(destination).ok()
    }
}

fn set<T: TryFrom<i64>>(member: &mut T, name: &str, value: Option<i64>, min: i64, max: i64) -> Result<(), ApiError> {
    let Some(value) = value else { return Ok(()) };
    if value < min {
        return Err(constraint(
            name,
            &value.to_string(),
            &format!("Member must have value greater than or equal to {min}"),
        ));
    }
    match T::try_from(value) {
        Ok(valid) if value <= max => {
            *member = valid;
            Ok(())
        }
        _ => Err(constraint(name, &value.to_string(), &format!("Member must have value less than or equal to {max}"))),
    }
}

fn constraint(member: &str, value: &str, rule: &str) -> ApiError {
    invalid_parameter(format!(
        "1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint: {rule}"
    ))
}

fn unsupported(what: &str) -> ApiError {
    invalid_parameter(format!("{what} is not supported for event source mappings by Anabranch."))
}

/// Null and empty values ask for nothing; anything else would be ignored in silence.
fn refuse_others(others: &BTreeMap<String, Value>) -> Result<(), ApiError> {
    fn is_empty(value: &Value) -> bool {
        match value {
            Value::Null => true,
            Value::Array(list) => list.is_empty(),
            Value::Object(members) => members.values().all(is_empty),
            _ => false,
        }
    }
    match others.iter().find(|(name, value)| name.as_str() != "UUID" && !is_empty(value)) {
        Some((name, _)) => Err(unsupported(name)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn create(members: Value) -> Result<Settings, ApiError> {
        let mut request = json!({ "StartingPosition": "LATEST" });
        request.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        Settings::create(&serde_json::from_value(request).unwrap())
    }

    #[test]
    fn defaults_are_those_of_aws() {
        let settings = create(json!({})).unwrap();
        assert_eq!((settings.batch_size, settings.maximum_batching_window_in_seconds), (100, 0));
        assert_eq!((settings.retries_max(), settings.record_age_max_ms()), (None, None));
        assert!(!settings.bisect_batch_on_function_error);
    }

    #[test]
    fn every_bound_is_checked_and_named() {
        for (members, name) in [
            (json!({"BatchSize": 0}), "batchSize"),
            (json!({"BatchSize": 10_001}), "batchSize"),
            (json!({"MaximumBatchingWindowInSeconds": 301}), "maximumBatchingWindowInSeconds"),
            (json!({"MaximumRetryAttempts": -2}), "maximumRetryAttempts"),
            (json!({"MaximumRecordAgeInSeconds": 59}), "MaximumRecordAgeInSeconds"),
            (json!({"MaximumRecordAgeInSeconds": 604_801}), "maximumRecordAgeInSeconds"),
            (json!({"ParallelizationFactor": 11}), "parallelizationFactor"),
            (json!({"ParallelizationFactor": 2}), "ParallelizationFactor"),
            (json!({"TumblingWindowInSeconds": 30}), "TumblingWindowInSeconds"),
            (json!({"FunctionResponseTypes": ["Other"]}), "functionResponseTypes"),
            (json!({"FilterCriteria": {"Filters": [{"Pattern": "{}"}]}}), "Invalid filter pattern definition."),
            (json!({"FilterCriteria": {"Filters": [{}]}}), "Invalid filter pattern definition."),
            (json!({"MetricsConfig": {"Metrics": ["EventCount"]}}), "MetricsConfig"),
            (
                json!({"DestinationConfig": {"OnFailure": {"Destination": "arn:aws:sns:us-east-1:000000000000:t"}}}),
                "sns",
            ),
            (json!({"StartingPosition": "NOW"}), "startingPosition"),
            (json!({"StartingPosition": "AT_TIMESTAMP"}), "StartingPositionTimestamp"),
        ] {
            let error = create(members.clone()).unwrap_err();
            assert_eq!(error.code, "InvalidParameterValueException");
            assert!(error.message.contains(name), "{members}: {error}");
        }
        assert!(create(json!({"FilterCriteria": {"Filters": []}, "ParallelizationFactor": 1})).is_ok());
    }

    #[test]
    fn an_update_changes_what_it_names() {
        let mut settings =
            create(json!({"BatchSize": 10, "DestinationConfig": {"OnFailure": {"Destination": "arn:aws:s3:::b"}}}))
                .unwrap();
        settings.apply(&serde_json::from_value(json!({"MaximumRetryAttempts": 3})).unwrap()).unwrap();
        assert_eq!((settings.batch_size, settings.retries_max(), settings.failure_bucket()), (10, Some(3), Some("b")));
        settings.apply(&serde_json::from_value(json!({"DestinationConfig": {"OnFailure": {}}})).unwrap()).unwrap();
        assert_eq!(settings.failure_bucket(), None);
        let criteria = json!({"FilterCriteria": {"Filters": [{"Pattern": "{\"partitionKey\": [\"1\"]}"}]}});
        settings.apply(&serde_json::from_value(criteria.clone()).unwrap()).unwrap();
        assert_eq!(serde_json::to_value(&settings).unwrap()["FilterCriteria"], criteria["FilterCriteria"]);
        assert!(settings.filter().unwrap().is_some());
        settings.apply(&serde_json::from_value(json!({"FilterCriteria": {}})).unwrap()).unwrap();
        assert_eq!(serde_json::to_value(&settings).unwrap().get("FilterCriteria"), None);
    }
}

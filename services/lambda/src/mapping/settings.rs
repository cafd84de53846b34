//! The settings of a mapping, and the constraints of CreateEventSourceMapping and
//! UpdateEventSourceMapping on them.

use anabranch_pattern::SourceFilter;
use anabranch_ports::Start;
use anabranch_protocol::{ApiError, Timestamp};
use serde_json::Value;
use std::collections::BTreeMap;

use super::filter::FilterCriteria;
use super::request::{DestinationConfig, EventSourceMappingRequest};
use super::sources::{Delivery, Rules, StartingPosition};
use crate::destinations::Destination;
use crate::error::invalid_parameter;

/// The one response type there is.
pub(super) const REPORT_ITEM_FAILURES: &str = "ReportBatchItemFailures";

/// Valid settings.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    /// Records an invocation gets at most.
    pub(super) batch_size: u32,
    /// How long to collect records for a batch.
    pub(super) batching_window_seconds: u32,
    /// The function tells which records failed.
    pub(super) reports_item_failures: bool,
    /// Which records reach the function; absent for all.
    pub(super) filter_criteria: Option<FilterCriteria>,
    /// For streams alone.
    pub(super) stream: Option<StreamSettings>,
}

/// What only mappings of streams have.
#[derive(Debug, Clone)]
pub(super) struct StreamSettings {
    /// Where shards start that have no checkpoint.
    pub(super) start: Start,
    /// Retries of a failed batch; absent for no limit.
    pub(super) retry_limit: Option<u32>,
    /// Older records are given up; absent for no limit.
    pub(super) record_age_max_seconds: Option<u32>,
    /// A failed batch is split in two.
    pub(super) bisects: bool,
    /// Where records go that are given up.
    pub(super) on_failure: Option<Destination>,
}

impl StreamSettings {
    pub(super) const DEFAULT: Self = Self {
        start: Start::TrimHorizon,
        retry_limit: None,
        record_age_max_seconds: None,
        bisects: false,
        on_failure: None,
    };

    pub(super) fn record_age_max_ms(&self) -> Option<u64> {
        self.record_age_max_seconds.map(|seconds| u64::from(seconds) * 1000)
    }
}

/// The settings of a mapping of a stream that names none.
pub(super) static STREAM_DEFAULTS: StreamSettings = StreamSettings::DEFAULT;

impl Settings {
    /// The settings of a new mapping.
    pub(super) fn create(request: &EventSourceMappingRequest, rules: &Rules) -> Result<Self, ApiError> {
        let stream = match rules.delivery {
            Delivery::Stream { starting_positions, .. } => {
                Some(StreamSettings { start: start(request, starting_positions)?, ..StreamSettings::DEFAULT })
            }
            Delivery::Queue => None,
        };
        let mut settings = Self {
            batch_size: rules.batch_size_default,
            batching_window_seconds: 0,
            reports_item_failures: false,
            filter_criteria: None,
            stream,
        };
        settings.apply(request, rules)?;
        Ok(settings)
    }

    /// Applies the members that are present.
    pub(super) fn apply(&mut self, request: &EventSourceMappingRequest, rules: &Rules) -> Result<(), ApiError> {
        refuse_others(&request.others)?;
        set(&mut self.batch_size, "batchSize", request.batch_size, 1, rules.batch_size_max.into())?;
        let window = request.maximum_batching_window_in_seconds;
        set(&mut self.batching_window_seconds, "maximumBatchingWindowInSeconds", window, 0, 300)?;
        match &mut self.stream {
            Some(stream) => stream.apply(request)?,
            None => refuse_stream_settings(request, rules)?,
        }
        if let Some(types) = &request.function_response_types {
            if types.len() > 1 || types.iter().any(|kind| kind != REPORT_ITEM_FAILURES) {
                return Err(constraint(
                    "functionResponseTypes",
                    &format!("{types:?}"),
                    "Member must have length less than or equal to 1 and satisfy enum value set: [ReportBatchItemFailures]",
                ));
            }
            self.reports_item_failures = !types.is_empty();
        }
        if let Some(criteria) = &request.filter_criteria {
            let criteria = Some(criteria).filter(|criteria| !criteria.filters.is_empty());
            criteria.map(|criteria| criteria.compile(rules)).transpose()?;
            self.filter_criteria = criteria.cloned();
        }
        Ok(())
    }

    /// The filter that records must pass, if there is one.
    pub(super) fn filter(&self, rules: &Rules) -> Result<Option<SourceFilter>, ApiError> {
        self.filter_criteria.as_ref().map(|criteria| criteria.compile(rules)).transpose()
    }
}

impl StreamSettings {
    fn apply(&mut self, request: &EventSourceMappingRequest) -> Result<(), ApiError> {
        let attempts = request.maximum_retry_attempts;
        set_unless_unlimited(&mut self.retry_limit, "maximumRetryAttempts", attempts, 10_000)?;
        let age = request.maximum_record_age_in_seconds;
        set_unless_unlimited(&mut self.record_age_max_seconds, "maximumRecordAgeInSeconds", age, 604_800)?;
        if self.record_age_max_seconds.is_some_and(|seconds| seconds < 60) {
            return Err(invalid_parameter("MaximumRecordAgeInSeconds must be -1 or lie within 60 and 604800."));
        }
        let mut only_supported = 1;
        set(&mut only_supported, "parallelizationFactor", request.parallelization_factor, 1, 10)?;
        if only_supported > 1 {
            return Err(unsupported("ParallelizationFactor above 1"));
        }
        let mut only_supported = 0;
        set(&mut only_supported, "tumblingWindowInSeconds", request.tumbling_window_in_seconds, 0, 900)?;
        if only_supported > 0 {
            return Err(unsupported("TumblingWindowInSeconds above 0"));
        }
        if let Some(bisects) = request.bisect_batch_on_function_error {
            self.bisects = bisects;
        }
        if let Some(config) = &request.destination_config {
            self.on_failure = destination(config).map(str::parse).transpose()?;
        }
        Ok(())
    }
}

/// The ARN of the destination, if one is named.
fn destination(config: &DestinationConfig) -> Option<&str> {
    let destination = config.on_failure.as_ref()?.destination.as_deref();
    destination.filter(|arn| !arn.is_empty())
}

/// Where a new mapping is to start.
fn start(request: &EventSourceMappingRequest, allowed: &[StartingPosition]) -> Result<Start, ApiError> {
    let position = request
        .starting_position
        .as_deref()
        .ok_or_else(|| invalid_parameter("1 validation error detected: Value null at 'startingPosition' failed to satisfy constraint: Member must not be null."))?;
    let named = allowed.iter().find(|allowed| allowed.name() == position).ok_or_else(|| {
        let names: Vec<&str> = allowed.iter().map(|allowed| allowed.name()).collect();
        let rule = format!("Member must satisfy enum value set: [{}]", names.join(", "));
        constraint("startingPosition", position, &rule)
    })?;
    match (named, request.starting_position_timestamp) {
        (StartingPosition::TrimHorizon, None) => Ok(Start::TrimHorizon),
        (StartingPosition::Latest, None) => Ok(Start::Latest),
        (StartingPosition::AtTimestamp, Some(Timestamp(ms))) => Ok(Start::AtTimestamp(ms)),
        (StartingPosition::AtTimestamp, None) => {
            Err(invalid_parameter("StartingPosition AT_TIMESTAMP needs StartingPositionTimestamp."))
        }
        (_, Some(_)) => {
            Err(invalid_parameter("StartingPositionTimestamp can only be given with StartingPosition AT_TIMESTAMP."))
        }
    }
}

/// Settings that only streams have must not be ignored in silence.
fn refuse_stream_settings(request: &EventSourceMappingRequest, rules: &Rules) -> Result<(), ApiError> {
    let named = [
        ("StartingPosition", request.starting_position.is_some()),
        ("StartingPositionTimestamp", request.starting_position_timestamp.is_some()),
        ("ParallelizationFactor", request.parallelization_factor.is_some()),
        ("MaximumRecordAgeInSeconds", request.maximum_record_age_in_seconds.is_some()),
        ("MaximumRetryAttempts", request.maximum_retry_attempts.is_some()),
        ("BisectBatchOnFunctionError", request.bisect_batch_on_function_error.is_some()),
        ("TumblingWindowInSeconds", request.tumbling_window_in_seconds.is_some()),
        ("DestinationConfig", request.destination_config.as_ref().and_then(destination).is_some()),
    ];
    match named.iter().find(|(_, is_named)| *is_named) {
        Some((name, _)) => Err(invalid_parameter(format!("{name} is not a setting of mappings of a {}.", rules.title))),
        None => Ok(()),
    }
}

/// Sets a member whose −1 means that there is no limit.
fn set_unless_unlimited(member: &mut Option<u32>, name: &str, value: Option<i64>, max: i64) -> Result<(), ApiError> {
    let mut limit = member.map_or(-1, i64::from);
    set(&mut limit, name, value, -1, max)?;
    *member = u32::try_from(limit).ok();
    Ok(())
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
    use crate::mapping::tests::rules;
    use serde_json::json;

    fn create(members: Value) -> Result<Settings, ApiError> {
        let mut request = json!({ "StartingPosition": "LATEST" });
        request.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        Settings::create(&serde_json::from_value(request).unwrap(), rules())
    }

    #[test]
    fn defaults_are_those_of_aws() {
        let settings = create(json!({})).unwrap();
        assert_eq!((settings.batch_size, settings.batching_window_seconds), (100, 0));
        let stream = settings.stream.unwrap();
        assert_eq!((stream.retry_limit, stream.record_age_max_ms(), stream.bisects), (None, None, false));
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
        let mut apply = |members: Value| {
            settings.apply(&serde_json::from_value(members).unwrap(), rules()).unwrap();
            settings.clone()
        };
        let destination =
            |settings: &Settings| settings.stream.as_ref().unwrap().on_failure.as_ref().map(ToString::to_string);
        let changed = apply(json!({"MaximumRetryAttempts": 3}));
        assert_eq!((changed.batch_size, changed.stream.as_ref().unwrap().retry_limit), (10, Some(3)));
        assert_eq!(destination(&changed).as_deref(), Some("arn:aws:s3:::b"));
        assert_eq!(destination(&apply(json!({"DestinationConfig": {"OnFailure": {}}}))), None);
        let criteria = json!({"Filters": [{"Pattern": "{\"partitionKey\": [\"1\"]}"}]});
        let filtered = apply(json!({"FilterCriteria": criteria}));
        assert_eq!(serde_json::to_value(&filtered.filter_criteria).unwrap(), criteria);
        assert!(filtered.filter(rules()).unwrap().is_some());
        assert_eq!(apply(json!({"FilterCriteria": {}})).filter_criteria, None);
    }
}

//! The settings of a mapping, and the constraints of CreateEventSourceMapping and
//! UpdateEventSourceMapping on them.

use anabranch_pattern::SourceFilter;
use anabranch_ports::Start;
use anabranch_protocol::{ApiError, Arn, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

use super::filter::FilterCriteria;
use super::request::{
    DestinationConfig, EventSourceMappingRequest, LoggingConfig, MetricsConfig, ProvisionedPollerConfig, ScalingConfig,
};
use super::sources::{Delivery, Rules, StartingPosition};
use crate::destinations::Destination;
use crate::error::invalid_parameter;

/// The one response type there is.
pub(super) const REPORT_ITEM_FAILURES: &str = "ReportBatchItemFailures";
/// The metrics that mappings of all sources can have.
const METRICS: [&str; 1] = ["EventCount"];
/// How much a mapping may log.
const LOG_LEVELS: [&str; 3] = ["DEBUG", "INFO", "WARN"];
/// Batches of a queue that may be allowed at once (`MaximumConcurrency`).
const CONCURRENCY_MAX: i64 = 1_000;
/// The least of them.
const CONCURRENCY_MIN: i64 = 2;
/// Bytes of the ARN of a key, as of any ARN that mappings name.
const ARN_BYTES_MAX: usize = 2_048;

/// Valid settings.
#[derive(Debug, Clone, PartialEq)]
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
    /// For queues alone.
    pub(super) queue: Option<QueueSettings>,
    /// What is kept and shown, and changes nothing.
    pub(super) shown: ShownSettings,
}

/// What only mappings of streams have.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct StreamSettings {
    /// Where shards start that have no checkpoint.
    pub(super) start: Start,
    /// Batches of a shard that are invoked at once.
    pub(super) parallelization_factor: u32,
    /// Retries of a failed batch; absent for no limit.
    pub(super) retry_limit: Option<u32>,
    /// Older records are given up; absent for no limit.
    pub(super) record_age_max_seconds: Option<u32>,
    /// A failed batch is split in two.
    pub(super) bisects: bool,
    /// Length of tumbling windows; 0 for none.
    pub(super) tumbling_window_seconds: u32,
    /// Where records go that are given up.
    pub(super) on_failure: Option<Destination>,
}

/// What only mappings of queues have.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct QueueSettings {
    /// Batches that are invoked at once; absent for as many as it takes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) concurrency_max: Option<u32>,
    /// Shown only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) pollers: Option<ProvisionedPollerConfig>,
}

/// Settings of things that a mapping here does not have: keys, metrics of its own, logs of its own.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ShownSettings {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) kms_key_arn: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) metrics: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) log_level: Option<String>,
}

impl StreamSettings {
    pub(super) const DEFAULT: Self = Self {
        start: Start::TrimHorizon,
        parallelization_factor: 1,
        retry_limit: None,
        record_age_max_seconds: None,
        bisects: false,
        tumbling_window_seconds: 0,
        on_failure: None,
    };

    pub(super) fn record_age_max_ms(&self) -> Option<u64> {
        self.record_age_max_seconds.map(|seconds| u64::from(seconds) * 1000)
    }
}

/// The settings of a mapping of a stream that names none.
pub(super) static STREAM_DEFAULTS: StreamSettings = StreamSettings::DEFAULT;

impl Settings {
    /// The settings of a new mapping of `source_arn`.
    pub(super) fn create(
        request: &EventSourceMappingRequest,
        rules: &Rules,
        source_arn: &Arn,
    ) -> Result<Self, ApiError> {
        check_starting_position(request)?;
        let (stream, queue) = match rules.delivery {
            Delivery::Stream { starting_positions, .. } => {
                let start = start(request, starting_positions, source_arn)?;
                (Some(StreamSettings { start, ..StreamSettings::DEFAULT }), None)
            }
            Delivery::Queue => (None, Some(QueueSettings::default())),
        };
        let mut settings = Self {
            batch_size: rules.batch_size_default,
            batching_window_seconds: 0,
            reports_item_failures: false,
            filter_criteria: None,
            stream,
            queue,
            shown: ShownSettings::default(),
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
        match (&mut self.stream, &mut self.queue) {
            (Some(stream), _) => {
                refuse(request, QUEUE_SETTINGS, rules)?;
                stream.apply(request)?;
            }
            (None, queue) => {
                refuse(request, STREAM_SETTINGS, rules)?;
                queue.get_or_insert_default().apply(request)?;
            }
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
        self.shown.apply(request)
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
        let factor = request.parallelization_factor;
        set(&mut self.parallelization_factor, "parallelizationFactor", factor, 1, 10)?;
        let window = request.tumbling_window_in_seconds;
        set(&mut self.tumbling_window_seconds, "tumblingWindowInSeconds", window, 0, 900)?;
        if let Some(bisects) = request.bisect_batch_on_function_error {
            self.bisects = bisects;
        }
        if let Some(config) = &request.destination_config {
            if config.on_success.as_ref().is_some_and(|success| success.destination.is_some()) {
                return Err(invalid_parameter("DestinationConfig of an event source mapping has no OnSuccess."));
            }
            self.on_failure = destination(config).map(on_failure).transpose()?;
        }
        Ok(())
    }
}

/// A destination that batches may go to.
fn on_failure(arn: &str) -> Result<Destination, ApiError> {
    let destination: Destination = arn.parse()?;
    match destination.takes_batches() {
        true => Ok(destination),
        false => Err(invalid_parameter(format!(
            "Destination {arn} is not supported for event source mappings: only ARNs of S3 buckets, standard SQS \
             queues and standard SNS topics are."
        ))),
    }
}

impl QueueSettings {
    fn apply(&mut self, request: &EventSourceMappingRequest) -> Result<(), ApiError> {
        if let Some(ScalingConfig { maximum_concurrency }) = request.scaling_config {
            let mut concurrency = 0_u32;
            let member = "scalingConfig.maximumConcurrency";
            set(&mut concurrency, member, maximum_concurrency, CONCURRENCY_MIN, CONCURRENCY_MAX)?;
            self.concurrency_max = maximum_concurrency.map(|_| concurrency);
        }
        if let Some(pollers) = &request.provisioned_poller_config {
            let (mut least, mut most) = (0_u32, u32::MAX);
            let member = |name| format!("provisionedPollerConfig.{name}");
            set(&mut least, &member("minimumPollers"), pollers.minimum_pollers, 1, 200)?;
            set(&mut most, &member("maximumPollers"), pollers.maximum_pollers, 1, 2_000)?;
            if least > most {
                return Err(invalid_parameter("MinimumPollers must not exceed MaximumPollers."));
            }
            if pollers.poller_group_name.as_ref().is_some_and(|name| !name.is_empty()) {
                return Err(unsupported("PollerGroupName"));
            }
            self.pollers = Some(pollers.clone()).filter(|pollers| *pollers != ProvisionedPollerConfig::default());
        }
        if self.concurrency_max.is_some() && self.pollers.is_some() {
            return Err(invalid_parameter("ScalingConfig and ProvisionedPollerConfig cannot be used together."));
        }
        Ok(())
    }
}

impl ShownSettings {
    fn apply(&mut self, request: &EventSourceMappingRequest) -> Result<(), ApiError> {
        if let Some(arn) = &request.kms_key_arn {
            if !arn.is_empty() && (!arn.starts_with("arn:") || arn.len() > ARN_BYTES_MAX) {
                let rule = "Member must satisfy regular expression pattern: (arn:(aws[a-zA-Z-]*)?:[a-z0-9-.]+:.*)|()";
                return Err(constraint("kMSKeyArn", arn, rule));
            }
            self.kms_key_arn = Some(arn.clone()).filter(|arn| !arn.is_empty());
        }
        if let Some(MetricsConfig { metrics }) = &request.metrics_config {
            if metrics.iter().any(|metric| !METRICS.contains(&metric.as_str())) || metrics.len() > METRICS.len() {
                return Err(invalid_parameter(format!(
                    "MetricsConfig {metrics:?} is not supported: metrics of this event source are {METRICS:?}."
                )));
            }
            self.metrics = Some(metrics.clone()).filter(|metrics| !metrics.is_empty());
        }
        if let Some(LoggingConfig { system_log_level }) = &request.logging_config {
            if let Some(level) = system_log_level.as_ref().filter(|level| !LOG_LEVELS.contains(&level.as_str())) {
                let rule = format!("Member must satisfy enum value set: [{}]", LOG_LEVELS.join(", "));
                return Err(constraint("loggingConfig.systemLogLevel", level, &rule));
            }
            self.log_level = system_log_level.clone();
        }
        Ok(())
    }
}

/// The ARN of the destination, if one is named.
fn destination(config: &DestinationConfig) -> Option<&str> {
    let destination = config.on_failure.as_ref()?.destination.as_deref();
    destination.filter(|arn| !arn.is_empty())
}

/// The starting positions that any source has.
const STARTING_POSITIONS: [StartingPosition; 3] =
    [StartingPosition::Latest, StartingPosition::AtTimestamp, StartingPosition::TrimHorizon];

/// Whether the starting position is one at all, which is asked before whether the source has it.
fn check_starting_position(request: &EventSourceMappingRequest) -> Result<(), ApiError> {
    let Some(position) = request.starting_position.as_deref() else { return Ok(()) };
    let names = STARTING_POSITIONS.map(StartingPosition::name);
    if names.contains(&position) {
        return Ok(());
    }
    let rule = format!("Member must satisfy enum value set: [{}]", names.join(", "));
    Err(constraint("startingPosition", position, &rule))
}

/// Where a new mapping is to start.
fn start(
    request: &EventSourceMappingRequest,
    allowed: &[StartingPosition],
    source_arn: &Arn,
) -> Result<Start, ApiError> {
    let position = request
        .starting_position
        .as_deref()
        .ok_or_else(|| invalid_parameter("1 validation error detected: Value null at 'startingPosition' failed to satisfy constraint: Member must not be null."))?;
    let unsupported = || invalid_parameter(format!("Unsupported starting position for arn type: {source_arn}"));
    let named = allowed.iter().find(|allowed| allowed.name() == position).ok_or_else(unsupported)?;
    match (named, request.starting_position_timestamp) {
        (StartingPosition::TrimHorizon, None) => Ok(Start::TrimHorizon),
        (StartingPosition::Latest, None) => Ok(Start::Latest),
        (StartingPosition::AtTimestamp, Some(Timestamp(ms))) => Ok(Start::AtTimestamp(ms)),
        (StartingPosition::AtTimestamp, None) => {
            Err(invalid_parameter("StartingPosition AT_TIMESTAMP needs StartingPositionTimestamp."))
        }
        (_, Some(_)) => Err(invalid_parameter("Timestamp only valid with StartingPosition AT_TIMESTAMP")),
    }
}

/// A setting by its name, and whether a request asks for it.
type Named = (&'static str, fn(&EventSourceMappingRequest) -> bool);

/// Settings that only streams have.
const STREAM_SETTINGS: &[Named] = &[
    ("StartingPosition", |request| request.starting_position.is_some()),
    ("StartingPositionTimestamp", |request| request.starting_position_timestamp.is_some()),
    ("ParallelizationFactor", |request| request.parallelization_factor.is_some()),
    ("MaximumRecordAgeInSeconds", |request| request.maximum_record_age_in_seconds.is_some()),
    ("MaximumRetryAttempts", |request| request.maximum_retry_attempts.is_some()),
    ("BisectBatchOnFunctionError", |request| request.bisect_batch_on_function_error.is_some()),
    ("TumblingWindowInSeconds", |request| request.tumbling_window_in_seconds.is_some()),
    ("DestinationConfig", |request| request.destination_config.as_ref().and_then(destination).is_some()),
];

/// Settings that only queues have.
const QUEUE_SETTINGS: &[Named] = &[
    ("ScalingConfig", |request| request.scaling_config.is_some_and(|config| config != ScalingConfig::default())),
    ("ProvisionedPollerConfig", |request| {
        let config = request.provisioned_poller_config.as_ref();
        config.is_some_and(|config| *config != ProvisionedPollerConfig::default())
    }),
];

/// Settings that a source does not have must not be ignored in silence.
fn refuse(request: &EventSourceMappingRequest, settings: &[Named], rules: &Rules) -> Result<(), ApiError> {
    match settings.iter().find(|(_, is_named)| is_named(request)) {
        Some((name, _)) => {
            Err(invalid_parameter(format!("{name} is not valid for {} event sources.", rules.short_title)))
        }
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
    ApiError::invalid(
        "ValidationException",
        format!("1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint: {rule}"),
    )
}

fn unsupported(what: &str) -> ApiError {
    invalid_parameter(format!("{what} is not supported for event source mappings by Anabranch."))
}

/// Null and empty values ask for nothing; anything else would be ignored in silence.
pub(super) fn refuse_others(others: &BTreeMap<String, Value>) -> Result<(), ApiError> {
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
    use crate::mapping::tests::{ARN, rules};
    use serde_json::json;

    fn create(members: Value) -> Result<Settings, ApiError> {
        let mut request = json!({ "StartingPosition": "LATEST" });
        request.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        Settings::create(&serde_json::from_value(request).unwrap(), rules(), &ARN.parse().unwrap())
    }

    #[test]
    fn defaults_are_those_of_aws() {
        let settings = create(json!({})).unwrap();
        assert_eq!((settings.batch_size, settings.batching_window_seconds), (100, 0));
        let start = Start::Latest;
        assert_eq!(settings.stream.unwrap(), StreamSettings { start, ..StreamSettings::DEFAULT });
        assert_eq!(settings.queue, None);
        assert_eq!(settings.shown, ShownSettings::default());
    }

    #[test]
    fn every_bound_is_checked_and_named() {
        for (members, name) in [
            (json!({"BatchSize": 0}), "batchSize"),
            (json!({"BatchSize": 10_001}), "batchSize"),
            (json!({"MaximumBatchingWindowInSeconds": 301}), "maximumBatchingWindowInSeconds"),
            (json!({"MaximumRetryAttempts": -2}), "maximumRetryAttempts"),
            (json!({"MaximumRetryAttempts": 10_001}), "maximumRetryAttempts"),
            (json!({"MaximumRecordAgeInSeconds": 604_801}), "maximumRecordAgeInSeconds"),
            (json!({"ParallelizationFactor": 0}), "parallelizationFactor"),
            (json!({"ParallelizationFactor": 11}), "parallelizationFactor"),
            (json!({"TumblingWindowInSeconds": 901}), "tumblingWindowInSeconds"),
            (json!({"FunctionResponseTypes": ["Other"]}), "functionResponseTypes"),
            (json!({"KMSKeyArn": "key"}), "kMSKeyArn"),
            (json!({"LoggingConfig": {"SystemLogLevel": "LOUD"}}), "[DEBUG, INFO, WARN]"),
            (json!({"StartingPosition": "NOW"}), "[LATEST, AT_TIMESTAMP, TRIM_HORIZON]"),
        ] {
            let error = create(members.clone()).unwrap_err();
            assert_eq!(error.code, "ValidationException", "{members}");
            assert!(error.message.contains(name), "{members}: {error}");
        }
        for (members, name) in [
            (json!({"MaximumRecordAgeInSeconds": 59}), "MaximumRecordAgeInSeconds"),
            (json!({"FilterCriteria": {"Filters": [{"Pattern": "{}"}]}}), "Invalid filter pattern definition."),
            (json!({"FilterCriteria": {"Filters": [{}]}}), "Invalid filter pattern definition."),
            (json!({"MetricsConfig": {"Metrics": ["KafkaMetrics"]}}), "MetricsConfig"),
            (json!({"ScalingConfig": {"MaximumConcurrency": 2}}), "ScalingConfig is not valid for Kinesis"),
            (json!({"ProvisionedPollerConfig": {"MinimumPollers": 1}}), "ProvisionedPollerConfig"),
            (json!({"Topics": ["t"]}), "Topics"),
            (json!({"DestinationConfig": {"OnSuccess": {"Destination": "arn:aws:s3:::b"}}}), "OnSuccess"),
            (json!({"DestinationConfig": {"OnFailure": {"Destination": "kafka://t"}}}), "no Kafka topics"),
            (
                json!({"DestinationConfig": {"OnFailure": {"Destination": "arn:aws:lambda:us-east-1:000000000000:function:f"}}}),
                "not supported for event source mappings",
            ),
            (json!({"StartingPosition": "AT_TIMESTAMP"}), "StartingPositionTimestamp"),
            (json!({"StartingPositionTimestamp": 1.0}), "Timestamp only valid with StartingPosition AT_TIMESTAMP"),
        ] {
            let error = create(members.clone()).unwrap_err();
            assert_eq!(error.code, "InvalidParameterValueException", "{members}");
            assert!(error.message.contains(name), "{members}: {error}");
        }
        assert!(create(json!({"FilterCriteria": {"Filters": []}, "ParallelizationFactor": 10})).is_ok());
        let shown = json!({
            "MetricsConfig": {"Metrics": ["EventCount"]}, "LoggingConfig": {"SystemLogLevel": "WARN"},
            "KMSKeyArn": "arn:aws:kms:us-east-1:000000000000:key/k", "TumblingWindowInSeconds": 900,
        });
        let settings = create(shown).unwrap();
        assert_eq!(settings.shown.metrics.unwrap(), ["EventCount"]);
        assert_eq!(settings.stream.unwrap().tumbling_window_seconds, 900);
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

//! Mappings as they are stored.

use anabranch_control::Stored;
use anabranch_ports::Start;
use anabranch_protocol::{Account, Arn, Region, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

use super::filter::{Filter, FilterCriteria};
use super::request::DestinationConfig;
use super::settings::{QueueSettings, Settings, ShownSettings, StreamSettings};
use crate::destinations::Destination;
use crate::function_id::{FunctionId, Scope};

/// What is known of a mapping while it does nothing.
#[derive(Debug, Clone)]
pub(super) struct MappingRecord {
    /// The mapping is of the same account and region.
    pub(super) function: FunctionId,
    pub(super) source_arn: Arn,
    pub(super) enabled: bool,
    pub(super) last_modified_ms: u64,
    pub(super) settings: Settings,
    pub(super) tags: BTreeMap<String, String>,
}

impl MappingRecord {
    /// The ARN of the mapping, which is called `uuid`.
    pub(super) fn arn(&self, uuid: &str) -> String {
        self.function.scope.arn(&format!("event-source-mapping:{uuid}")).to_string()
    }
}

/// A mapping's row.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct StoredMapping {
    account: Account,
    region: Region,
    function: String,
    source_arn: Arn,
    enabled: bool,
    last_modified_ms: u64,
    batch_size: u32,
    batching_window_seconds: u32,
    reports_item_failures: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    filter_patterns: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    stream: Option<StoredStreamSettings>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    queue: Option<QueueSettings>,
    #[serde(default)]
    shown: ShownSettings,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    tags: BTreeMap<String, String>,
}

#[derive(Debug, Serialize, Deserialize)]
struct StoredStreamSettings {
    start: StoredStart,
    parallelization_factor: u32,
    tumbling_window_seconds: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    retry_limit: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    record_age_max_seconds: Option<u32>,
    bisects: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    on_failure: Option<Destination>,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StoredStart {
    TrimHorizon,
    Latest,
    AtTimestampMs(u64),
}

impl Stored for StoredMapping {
    const KIND: &'static str = "event_source_mapping";
    const VERSION: u32 = 3;

    /// Until version 2 shards had one lane, and there were no tumbling windows.
    fn migrate(version: u32, mut row: Value) -> serde_json::Result<Self> {
        if version == 1 {
            return serde_json::from_value::<Version1>(row)?.try_into();
        }
        if let Some(stream) = row.get_mut("stream") {
            stream["parallelization_factor"] = 1.into();
            stream["tumbling_window_seconds"] = 0.into();
        }
        serde_json::from_value(row)
    }
}

impl From<&MappingRecord> for StoredMapping {
    fn from(record: &MappingRecord) -> Self {
        let Settings {
            batch_size,
            batching_window_seconds,
            reports_item_failures,
            filter_criteria,
            stream,
            queue,
            shown,
        } = record.settings.clone();
        let filters = filter_criteria.map(|criteria| criteria.filters).unwrap_or_default();
        Self {
            account: record.function.scope.account,
            region: record.function.scope.region.clone(),
            function: record.function.name.clone(),
            source_arn: record.source_arn.clone(),
            enabled: record.enabled,
            last_modified_ms: record.last_modified_ms,
            batch_size,
            batching_window_seconds,
            reports_item_failures,
            filter_patterns: filters.into_iter().map(|filter| filter.pattern).collect(),
            stream: stream.map(StoredStreamSettings::from),
            queue,
            shown,
            tags: record.tags.clone(),
        }
    }
}

impl From<StoredMapping> for MappingRecord {
    fn from(stored: StoredMapping) -> Self {
        let filters: Vec<Filter> = stored.filter_patterns.into_iter().map(|pattern| Filter { pattern }).collect();
        Self {
            function: FunctionId::new(Scope { account: stored.account, region: stored.region }, stored.function),
            source_arn: stored.source_arn,
            enabled: stored.enabled,
            last_modified_ms: stored.last_modified_ms,
            settings: Settings {
                batch_size: stored.batch_size,
                batching_window_seconds: stored.batching_window_seconds,
                reports_item_failures: stored.reports_item_failures,
                filter_criteria: (!filters.is_empty()).then_some(FilterCriteria { filters }),
                stream: stored.stream.map(StreamSettings::from),
                queue: stored.queue,
                shown: stored.shown,
            },
            tags: stored.tags,
        }
    }
}

impl From<StreamSettings> for StoredStreamSettings {
    fn from(settings: StreamSettings) -> Self {
        let StreamSettings {
            start,
            parallelization_factor,
            retry_limit,
            record_age_max_seconds,
            bisects,
            tumbling_window_seconds,
            on_failure,
        } = settings;
        let start = match start {
            Start::TrimHorizon => StoredStart::TrimHorizon,
            Start::Latest => StoredStart::Latest,
            Start::AtTimestamp(ms) => StoredStart::AtTimestampMs(ms),
        };
        Self {
            start,
            parallelization_factor,
            tumbling_window_seconds,
            retry_limit,
            record_age_max_seconds,
            bisects,
            on_failure,
        }
    }
}

impl From<StoredStreamSettings> for StreamSettings {
    fn from(stored: StoredStreamSettings) -> Self {
        let StoredStreamSettings {
            start,
            parallelization_factor,
            tumbling_window_seconds,
            retry_limit,
            record_age_max_seconds,
            bisects,
            on_failure,
        } = stored;
        let start = match start {
            StoredStart::TrimHorizon => Start::TrimHorizon,
            StoredStart::Latest => Start::Latest,
            StoredStart::AtTimestampMs(ms) => Start::AtTimestamp(ms),
        };
        Self {
            start,
            parallelization_factor,
            tumbling_window_seconds,
            retry_limit,
            record_age_max_seconds,
            bisects,
            on_failure,
        }
    }
}

/// Version 1 held settings as the API shows them, and there was one account in one region.
#[derive(Deserialize)]
struct Version1 {
    function: String,
    event_source_arn: Arn,
    enabled: bool,
    last_modified_ms: u64,
    settings: Version1Settings,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Version1Settings {
    batch_size: u32,
    maximum_batching_window_in_seconds: u32,
    starting_position: String,
    starting_position_timestamp: Option<Timestamp>,
    destination_config: DestinationConfig,
    maximum_record_age_in_seconds: i64,
    bisect_batch_on_function_error: bool,
    maximum_retry_attempts: i64,
    function_response_types: Vec<String>,
    #[serde(default)]
    filter_criteria: Option<FilterCriteria>,
}

impl TryFrom<Version1> for StoredMapping {
    type Error = serde_json::Error;

    fn try_from(row: Version1) -> Result<Self, serde_json::Error> {
        let Version1 { function, event_source_arn, enabled, last_modified_ms, settings } = row;
        let start = match (settings.starting_position.as_str(), settings.starting_position_timestamp) {
            ("AT_TIMESTAMP", Some(Timestamp(ms))) => StoredStart::AtTimestampMs(ms),
            ("LATEST", _) => StoredStart::Latest,
            _ => StoredStart::TrimHorizon,
        };
        let on_failure = settings.destination_config.on_failure.and_then(|on_failure| on_failure.destination);
        let on_failure = on_failure.map(|arn| arn.parse::<Destination>()).transpose();
        let filters = settings.filter_criteria.map(|criteria| criteria.filters).unwrap_or_default();
        let Scope { account, region } = Scope::default();
        Ok(Self {
            account,
            region,
            function,
            source_arn: event_source_arn,
            enabled,
            last_modified_ms,
            batch_size: settings.batch_size,
            batching_window_seconds: settings.maximum_batching_window_in_seconds,
            reports_item_failures: !settings.function_response_types.is_empty(),
            filter_patterns: filters.into_iter().map(|filter| filter.pattern).collect(),
            stream: Some(StoredStreamSettings {
                start,
                parallelization_factor: 1,
                tumbling_window_seconds: 0,
                retry_limit: u32::try_from(settings.maximum_retry_attempts).ok(),
                record_age_max_seconds: u32::try_from(settings.maximum_record_age_in_seconds).ok(),
                bisects: settings.bisect_batch_on_function_error,
                on_failure: on_failure.map_err(serde::de::Error::custom)?,
            }),
            queue: None,
            shown: ShownSettings::default(),
            tags: BTreeMap::new(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mapping::request::ProvisionedPollerConfig;

    const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/stored");

    fn record(stream: Option<StreamSettings>, filter: Option<&str>) -> MappingRecord {
        let scope = Scope { account: "111122223333".parse().unwrap(), region: "eu-west-1".parse().unwrap() };
        let filter_criteria =
            filter.map(|pattern| FilterCriteria { filters: vec![Filter { pattern: pattern.into() }] });
        MappingRecord {
            function: FunctionId::new(scope, "consumer"),
            source_arn: "arn:aws:kinesis:eu-west-1:111122223333:stream/clicks".parse().unwrap(),
            enabled: stream.is_some(),
            last_modified_ms: 1_700_000_000_000,
            settings: Settings {
                batch_size: 500,
                batching_window_seconds: 5,
                reports_item_failures: filter.is_some(),
                filter_criteria,
                queue: None,
                shown: ShownSettings::default(),
                stream,
            },
            tags: BTreeMap::new(),
        }
    }

    /// A mapping with every setting of streams, and one with every setting of queues.
    fn whole() -> [MappingRecord; 2] {
        let stream = StreamSettings {
            start: Start::AtTimestamp(1_600_000_000_000),
            parallelization_factor: 10,
            retry_limit: Some(3),
            record_age_max_seconds: Some(60),
            bisects: true,
            tumbling_window_seconds: 30,
            on_failure: Some("arn:aws:sqs:eu-west-1:111122223333:failures".parse().unwrap()),
        };
        let mut of_stream = record(Some(stream), Some(r#"{"data": {"kind": ["order"]}}"#));
        of_stream.tags = BTreeMap::from([("team".into(), "clicks".into())]);
        of_stream.settings.shown = ShownSettings {
            kms_key_arn: Some("arn:aws:kms:eu-west-1:111122223333:key/k".into()),
            metrics: Some(vec!["EventCount".into()]),
            log_level: Some("WARN".into()),
        };
        let mut of_queue = record(None, None);
        let pollers = ProvisionedPollerConfig { minimum_pollers: Some(2), ..ProvisionedPollerConfig::default() };
        of_queue.settings.queue = Some(QueueSettings { concurrency_max: Some(7), pollers: Some(pollers) });
        [of_stream, of_queue]
    }

    #[test]
    fn mappings_have_fixtures() {
        let on_failure = |arn: &str| {
            let on_failure = Some(arn.parse().unwrap());
            record(Some(StreamSettings { start: Start::Latest, on_failure, ..StreamSettings::DEFAULT }), None)
        };
        let [of_stream, of_queue] = whole();
        let samples = [
            of_stream,
            of_queue,
            on_failure("arn:aws:s3:::failures"),
            on_failure("arn:aws:sns:eu-west-1:111122223333:failures"),
            record(Some(StreamSettings::DEFAULT), None),
        ];
        anabranch_control::check_fixtures(FIXTURES, &samples.each_ref().map(StoredMapping::from));
        for sample in samples {
            let row = serde_json::to_value(StoredMapping::from(&sample)).unwrap();
            let row: StoredMapping = serde_json::from_value(row).unwrap();
            assert_eq!(format!("{sample:?}"), format!("{:?}", MappingRecord::from(row)));
        }
    }

    #[test]
    fn a_mapping_of_the_one_account_there_was_belongs_to_the_default_one() {
        let rows = std::fs::read_to_string(format!("{FIXTURES}/event_source_mapping.v1.json")).unwrap();
        let rows: Vec<Value> = serde_json::from_str(&rows).unwrap();
        let record = MappingRecord::from(StoredMapping::migrate(1, rows[0].clone()).unwrap());
        assert_eq!(record.function, "consumer".parse().unwrap());
        let stream = record.settings.stream.unwrap();
        assert_eq!((stream.start, stream.retry_limit), (Start::AtTimestamp(1_600_000_000_000), Some(3)));
        assert_eq!(stream.on_failure.unwrap().to_string(), "arn:aws:s3:::failures");
    }

    #[test]
    fn a_mapping_from_before_there_were_lanes_has_one() {
        let rows = std::fs::read_to_string(format!("{FIXTURES}/event_source_mapping.v2.json")).unwrap();
        let rows: Vec<Value> = serde_json::from_str(&rows).unwrap();
        let record = MappingRecord::from(StoredMapping::migrate(2, rows[0].clone()).unwrap());
        let stream = record.settings.stream.unwrap();
        assert_eq!((stream.parallelization_factor, stream.tumbling_window_seconds), (1, 0));
    }
}

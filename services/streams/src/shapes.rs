//! Constraints of the service model (kinesis, 2013-12-02), by shape.

use anabranch_protocol::{Arn, BoundedList, BoundedMap, Integer, List, Text};

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte))
}

fn is_number(text: &str, digits_max: usize) -> bool {
    text == "0"
        || (!text.is_empty()
            && text.len() <= digits_max
            && !text.starts_with('0')
            && text.bytes().all(|byte| byte.is_ascii_digit()))
}

fn is_stream_arn(text: &str) -> bool {
    let is_name = |name: &str| !name.is_empty() && !name.contains(char::is_whitespace);
    text.parse::<Arn>().is_ok_and(|arn| {
        &*arn.service == "kinesis" && arn.account.is_some() && arn.resource_after("stream/").is_some_and(is_name)
    })
}

fn is_consumer_arn(text: &str) -> bool {
    is_stream_arn(text)
        && text.split_once(":stream/").and_then(|(_, resource)| resource.split_once("/consumer/")).is_some_and(
            |(stream, consumer)| {
                let (name, created) = consumer.rsplit_once(':').unwrap_or_default();
                is_name(stream)
                    && is_name(name)
                    && !created.is_empty()
                    && created.bytes().all(|byte| byte.is_ascii_digit())
            },
        )
}

/// A stream's ARN or a consumer's.
fn is_resource_arn(text: &str) -> bool {
    is_stream_arn(text)
}

fn is_stream_id(text: &str) -> bool {
    let lower = |part: &str| part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    text.split_once('-')
        .is_some_and(|(long, short)| long.len() == 20 && short.len() == 3 && lower(long) && lower(short))
}

const fn text(min: usize, max: usize) -> Text {
    Text { min, max, pattern: None, one_of: &[] }
}

pub(crate) const STREAM_NAME: Text = Text { pattern: Some(("[a-zA-Z0-9_.-]+", is_name)), ..text(1, 128) };
pub(crate) const STREAM_ARN: Text =
    Text { pattern: Some((r"arn:aws.*:kinesis:.*:\d{12}:stream/\S+", is_stream_arn)), ..text(1, 2048) };
pub(crate) const CONSUMER_NAME: Text = STREAM_NAME;
pub(crate) const CONSUMER_ARN: Text = Text {
    pattern: Some((
        r"^(arn):aws.*:kinesis:.*:\d{12}:.*stream\/[a-zA-Z0-9_.-]+\/consumer\/[a-zA-Z0-9_.-]+:[0-9]+",
        is_consumer_arn,
    )),
    ..text(1, 2048)
};
pub(crate) const RESOURCE_ARN: Text =
    Text { pattern: Some((r"arn:aws.*:kinesis:.*:\d{12}:.*stream/\S+", is_resource_arn)), ..text(1, 2048) };
pub(crate) const STREAM_ID: Text = Text { pattern: Some(("[a-z0-9]{20}-[a-z0-9]{3}", is_stream_id)), ..text(1, 24) };
pub(crate) const SHARD_ID: Text = STREAM_NAME;
pub(crate) const PARTITION_KEY: Text = text(1, 256);
pub(crate) const HASH_KEY: Text =
    Text { pattern: Some((r"0|([1-9]\d{0,38})", |text| is_number(text, 39))), ..text(0, usize::MAX) };
pub(crate) const SEQUENCE_NUMBER: Text =
    Text { pattern: Some((r"0|([1-9]\d{0,128})", |text| is_number(text, 129))), ..text(0, usize::MAX) };
pub(crate) const SHARD_ITERATOR: Text = text(1, 512);
pub(crate) const NEXT_TOKEN: Text = text(1, 1_048_576);
pub(crate) const ITERATOR_TYPE: Text = Text {
    one_of: &["AFTER_SEQUENCE_NUMBER", "LATEST", "AT_TIMESTAMP", "AT_SEQUENCE_NUMBER", "TRIM_HORIZON"],
    ..text(0, usize::MAX)
};
pub(crate) const STREAM_MODE: Text = Text { one_of: &["PROVISIONED", "ON_DEMAND"], ..text(0, usize::MAX) };
pub(crate) const SCALING_TYPE: Text = Text { one_of: &["UNIFORM_SCALING"], ..text(0, usize::MAX) };
pub(crate) const ENCRYPTION_TYPE: Text = Text { one_of: &["NONE", "KMS"], ..text(0, usize::MAX) };
pub(crate) const KEY_ID: Text = text(1, 2048);
pub(crate) const SHARD_FILTER_TYPE: Text = Text {
    one_of: &["AT_TRIM_HORIZON", "FROM_TRIM_HORIZON", "AFTER_SHARD_ID", "AT_LATEST", "AT_TIMESTAMP", "FROM_TIMESTAMP"],
    ..text(0, usize::MAX)
};
/// Also of `ListStreams`, `ListShards` and `GetRecords`.
pub(crate) const PAGE_LIMIT: Integer = Integer { min: 1, max: 10_000 };
pub(crate) const POSITIVE: Integer = Integer { min: 1, max: i32::MAX as i64 };
pub(crate) const MAX_RECORD_SIZE_KIB: Integer = Integer { min: 1024, max: 10_240 };
pub(crate) const WARM_THROUGHPUT: Integer = Integer { min: 0, max: i32::MAX as i64 };
pub(crate) const COMMITMENT_STATUS: Text = Text { one_of: &["ENABLED", "DISABLED"], ..text(0, usize::MAX) };
pub(crate) const METRICS: List = List { min: 1, max: 7 };
pub(crate) const METRICS_NAME: Text = Text {
    one_of: &[
        "IncomingBytes",
        "IncomingRecords",
        "OutgoingBytes",
        "OutgoingRecords",
        "WriteProvisionedThroughputExceeded",
        "ReadProvisionedThroughputExceeded",
        "IteratorAgeMilliseconds",
        "ALL",
    ],
    ..text(0, usize::MAX)
};
pub(crate) const RECORDS: List = List { min: 1, max: 500 };
pub(crate) const TAG_MAP: List = List { min: 1, max: 200 };
pub(crate) const TAG_KEYS: List = List { min: 1, max: 50 };
/// Lists and maps keep one member more than they may have, as AWS's messages repeat them.
pub(crate) type TagMap = BoundedMap<String, { TAG_MAP.max + 1 }>;
pub(crate) type TagKeys = BoundedList<String, { TAG_KEYS.max + 1 }>;
pub(crate) type MetricsNames = BoundedList<String, { METRICS.max + 1 }>;
pub(crate) const TAG_KEY: Text = text(1, 128);
pub(crate) const TAG_VALUE: Text = text(0, 256);
pub(crate) const TAG_LIMIT: Integer = Integer { min: 1, max: 50 };
/// Most bytes of a record's data that any stream takes.
pub(crate) const DATA_BYTES_MAX: usize = 10 << 20;

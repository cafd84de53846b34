//! The shapes of the service model (logs/2014-03-28) that have constraints.

use anabranch_protocol::{Integer, List, Text};

use crate::limits::{
    ANSWER_EVENTS_MAX, DESCRIBE_MAX, EVENTS_MAX, LIST_MAX, LIVE_TAIL_GROUPS_MAX, STREAM_NAMES_MAX, TAGS_MAX,
    TEST_MESSAGES_MAX,
};

/// `LogGroupName`.
pub(crate) const LOG_GROUP_NAME: Text = Text { pattern: Some((r"[\.\-_/#A-Za-z0-9]+", is_group_name)), ..text(1, 512) };
/// `LogGroupNamePattern`.
pub(crate) const LOG_GROUP_NAME_PATTERN: Text =
    Text { pattern: Some((r"[\.\-_/#A-Za-z0-9]*", |text| text.is_empty() || is_group_name(text))), ..text(0, 512) };
/// `LogGroupNameRegexPattern`.
pub(crate) const LOG_GROUP_NAME_REGEX: Text = Text {
    pattern: Some((r"(\^?[\.\-_\/#A-Za-z0-9]{3,24})(\|\^?[\.\-_\/#A-Za-z0-9]{3,24}){0,4}", |text| {
        let is_part = |part: &str| {
            let part = part.strip_prefix('^').unwrap_or(part);
            (3..=24).contains(&part.len()) && is_group_name(part)
        };
        text.split('|').count() <= 5 && text.split('|').all(is_part)
    })),
    ..text(3, 129)
};
/// `LogGroupIdentifier`.
pub(crate) const LOG_GROUP_IDENTIFIER: Text =
    Text { pattern: Some((r"[\w#+=/:,.@-]*", |text| is_of(text, "_#+=/:,.@-"))), ..text(1, 2_048) };
/// `LogStreamName`.
pub(crate) const LOG_STREAM_NAME: Text =
    Text { pattern: Some(("[^:*]*", |text| !text.contains([':', '*']))), ..text(1, 512) };
/// `FilterName`.
pub(crate) const FILTER_NAME: Text = LOG_STREAM_NAME;
/// `LogGroupClass`.
pub(crate) const LOG_GROUP_CLASS: Text =
    Text { one_of: &["STANDARD", "INFREQUENT_ACCESS", "DELIVERY"], ..text(0, usize::MAX) };
/// `KmsKeyId`.
pub(crate) const KMS_KEY_ID: Text = text(0, 256);
/// `OrderBy`.
pub(crate) const ORDER_BY: Text = Text { one_of: &["LogStreamName", "LastEventTime"], ..text(0, usize::MAX) };
/// `Distribution`.
pub(crate) const DISTRIBUTION: Text = Text { one_of: &["Random", "ByLogStream"], ..text(0, usize::MAX) };
/// `FilterPattern`.
pub(crate) const FILTER_PATTERN: Text = text(0, 1_024);
/// `NextToken`, `SequenceToken`, `DestinationArn`, `RoleArn` and `EventMessage`: anything but nothing.
pub(crate) const NOT_EMPTY: Text = text(1, usize::MAX);
/// `AmazonResourceName`.
pub(crate) const RESOURCE_ARN: Text =
    Text { pattern: Some((r"[\w+=/:,.@-]*", |text| is_of(text, "_+=/:,.@-"))), ..text(1, 1_011) };
/// `TagKey`.
pub(crate) const TAG_KEY: Text = Text {
    pattern: Some((r"^([\p{L}\p{Z}\p{N}_.:/=+\-@]+)$", |text| !text.is_empty() && is_tag_text(text))),
    ..text(1, 128)
};
/// `TagValue`.
pub(crate) const TAG_VALUE: Text =
    Text { pattern: Some((r"^([\p{L}\p{Z}\p{N}_.:/=+\-@]*)$", is_tag_text)), ..text(0, 256) };
/// `FieldSelectionCriteria`.
pub(crate) const FIELD_SELECTION_CRITERIA: Text = text(0, 2_000);
/// `Tags`.
pub(crate) const TAGS: List = List { min: 1, max: TAGS_MAX };
/// `TagKeyList`.
pub(crate) const TAG_KEYS: List = List { min: 0, max: TAGS_MAX };
/// `TagList`, which has no greatest number: a group has no more tags.
pub(crate) const TAG_LIST: List = List { min: 1, max: usize::MAX };
/// `InputLogEvents`.
pub(crate) const LOG_EVENTS: List = List { min: 1, max: EVENTS_MAX };
/// `InputLogStreamNames`.
pub(crate) const LOG_STREAM_NAMES: List = List { min: 1, max: STREAM_NAMES_MAX };
/// `StartLiveTailLogGroupIdentifiers`.
pub(crate) const LIVE_TAIL_GROUPS: List = List { min: 1, max: LIVE_TAIL_GROUPS_MAX };
/// `DescribeLogGroupsLogGroupIdentifiers`.
pub(crate) const LOG_GROUP_IDENTIFIERS: List = List { min: 1, max: DESCRIBE_MAX };
/// `TestEventMessages`.
pub(crate) const TEST_MESSAGES: List = List { min: 1, max: TEST_MESSAGES_MAX };
/// `DescribeLimit`.
pub(crate) const DESCRIBE_LIMIT: Integer = Integer { min: 1, max: DESCRIBE_MAX as i64 };
/// `ListLimit`.
pub(crate) const LIST_LIMIT: Integer = Integer { min: 1, max: LIST_MAX as i64 };
/// `EventsLimit`.
pub(crate) const EVENTS_LIMIT: Integer = Integer { min: 1, max: ANSWER_EVENTS_MAX as i64 };
/// `Timestamp`.
pub(crate) const TIMESTAMP: Integer = Integer { min: 0, max: i64::MAX };

const fn text(min: usize, max: usize) -> Text {
    Text { min, max, pattern: None, one_of: &[] }
}

fn is_group_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|letter| letter.is_ascii_alphanumeric() || ".-_/#".contains(letter))
}

fn is_of(text: &str, others: &str) -> bool {
    text.chars().all(|letter| letter.is_ascii_alphanumeric() || others.contains(letter))
}

fn is_tag_text(text: &str) -> bool {
    text.chars().all(|letter| letter.is_alphanumeric() || letter == ' ' || "_.:/=+-@".contains(letter))
}

//! Shapes of the service model (EventBridge Scheduler 2021-06-30).

use anabranch_protocol::{Integer, List, Text};

use crate::limits::PAGE_MAX;

/// `Name`, `NamePrefix`, `ScheduleGroupName` and `ScheduleGroupNamePrefix`.
pub(crate) const NAME: Text = Text { pattern: Some(("^[0-9a-zA-Z-_.]+$", is_name)), ..text(1, 64) };
/// `ScheduleExpression`.
pub(crate) const SCHEDULE_EXPRESSION: Text = text(1, 256);
/// `ScheduleExpressionTimezone`.
pub(crate) const TIMEZONE: Text = text(1, 50);
/// `Description`.
pub(crate) const DESCRIPTION: Text = text(0, 512);
/// `ScheduleState`.
pub(crate) const STATE: Text = Text { one_of: &["ENABLED", "DISABLED"], ..text(0, usize::MAX) };
/// `ActionAfterCompletion`.
pub(crate) const ACTION: Text = Text { one_of: &["NONE", "DELETE"], ..text(0, usize::MAX) };
/// `FlexibleTimeWindowMode`.
pub(crate) const WINDOW_MODE: Text = Text { one_of: &["OFF", "FLEXIBLE"], ..text(0, usize::MAX) };
/// `MaximumWindowInMinutes`.
pub(crate) const WINDOW_MINUTES: Integer = Integer { min: 1, max: 1_440 };
/// `ClientToken`.
pub(crate) const CLIENT_TOKEN: Text = Text { pattern: Some(("^[a-zA-Z0-9-_]+$", is_token)), ..text(1, 64) };
/// `TargetArn`.
pub(crate) const ARN: Text = text(1, 1_600);
/// `RoleArn`.
pub(crate) const ROLE_ARN: Text =
    Text { pattern: Some((r"^arn:aws(-[a-z]+)?:iam::\d{12}:role\/[\w+=,.@\/-]+$", is_role)), ..text(1, 1_600) };
/// `DeadLetterConfigArnString`.
pub(crate) const QUEUE_ARN: Text =
    Text { pattern: Some((r"^arn:aws(-[a-z]+)?:sqs:[a-z0-9\-]+:\d{12}:[a-zA-Z0-9\-_]+$", is_queue)), ..text(1, 1_600) };
/// `MaximumRetryAttempts`.
pub(crate) const RETRY_ATTEMPTS: Integer = Integer { min: 0, max: 185 };
/// `MaximumEventAgeInSeconds`.
pub(crate) const EVENT_AGE_SECONDS: Integer = Integer { min: 60, max: 86_400 };
/// `TargetPartitionKey`.
pub(crate) const PARTITION_KEY: Text = text(1, 256);
/// `MessageGroupId`.
pub(crate) const MESSAGE_GROUP_ID: Text = text(1, 128);
/// `DetailType`.
pub(crate) const DETAIL_TYPE: Text = text(1, 128);
/// `Source`.
pub(crate) const SOURCE: Text = Text {
    pattern: Some((r"^(?=[/\.\-_A-Za-z0-9]+)((?!aws\.).*)|(\$(\.[\w_-]+(\[(\d+|\*)\])*)*)$", is_source)),
    ..text(1, 256)
};
/// `MaxResults`.
pub(crate) const MAX_RESULTS: Integer = Integer { min: 1, max: PAGE_MAX as i64 };
/// `NextToken`.
pub(crate) const NEXT_TOKEN: Text = text(1, 2_048);
/// `TagList` and `TagKeyList`.
pub(crate) const TAGS: List = List { min: 0, max: 200 };
/// `TagKey`.
pub(crate) const TAG_KEY: Text = text(1, 128);
/// `TagValue`.
pub(crate) const TAG_VALUE: Text = text(1, 256);
/// `TagResourceArn`.
pub(crate) const GROUP_ARN: Text = Text {
    pattern: Some((r"^arn:aws(-[a-z]+)?:scheduler:[a-z0-9\-]+:\d{12}:schedule-group\/[0-9a-zA-Z-_.]+$", is_group)),
    ..text(1, 1_011)
};

const fn text(min: usize, max: usize) -> Text {
    Text { min, max, pattern: None, one_of: &[] }
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|letter| letter.is_ascii_alphanumeric() || "-_.".contains(letter))
}

fn is_token(text: &str) -> bool {
    is_name(text) && !text.contains('.')
}

fn is_source(text: &str) -> bool {
    let begins = |letter: char| letter.is_ascii_alphanumeric() || "/.-_$".contains(letter);
    !text.starts_with("aws.") && text.starts_with(begins)
}

fn resource(text: &str, service: &str) -> Option<anabranch_protocol::Arn> {
    text.parse::<anabranch_protocol::Arn>().ok().filter(|arn| &*arn.service == service && arn.account.is_some())
}

fn is_role(text: &str) -> bool {
    let role = resource(text, "iam");
    role.is_some_and(|arn| arn.resource_after("role/").is_some_and(|role| !role.is_empty()))
}

fn is_queue(text: &str) -> bool {
    resource(text, "sqs").is_some_and(|arn| is_token(&arn.resource))
}

fn is_group(text: &str) -> bool {
    resource(text, "scheduler").is_some_and(|arn| arn.resource_after("schedule-group/").is_some_and(is_name))
}

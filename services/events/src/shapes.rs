//! Shapes of the service model (EventBridge 2015-10-07).

use anabranch_protocol::{Integer, List, Text};

use crate::limits::{ENTRIES_MAX, PAGE_MAX};

/// `EventBusName`.
pub(crate) const EVENT_BUS_NAME: Text =
    Text { pattern: Some((r"[/\.\-_A-Za-z0-9]+", is_partner_name)), ..text(1, 256) };
/// `EventBusNameOrArn`.
pub(crate) const EVENT_BUS_NAME_OR_ARN: Text = Text {
    pattern: Some((
        r"(arn:aws[\w-]*:events:[a-z]+-[a-z]+-[\w-]+:[0-9]{12}:event-bus\/)?[/\.\-_A-Za-z0-9]+",
        is_name_or_arn,
    )),
    ..text(1, 1_600)
};
/// `RuleName`, `TargetId` and others have the same pattern.
pub(crate) const RULE_NAME: Text = Text { pattern: Some((r"[\.\-_A-Za-z0-9]+", is_name)), ..text(1, 64) };
/// `ArchiveName`.
pub(crate) const ARCHIVE_NAME: Text = Text { max: 48, ..RULE_NAME };
/// `ReplayName`.
pub(crate) const REPLAY_NAME: Text = RULE_NAME;
/// `RetentionDays`.
pub(crate) const RETENTION_DAYS: Integer = Integer { min: 0, max: i32::MAX as i64 };
/// `ArchiveState`.
pub(crate) const ARCHIVE_STATE: Text = Text {
    one_of: &["ENABLED", "DISABLED", "CREATING", "UPDATING", "CREATE_FAILED", "UPDATE_FAILED"],
    ..text(0, usize::MAX)
};
/// `ReplayState`.
pub(crate) const REPLAY_STATE: Text =
    Text { one_of: &["STARTING", "RUNNING", "CANCELLING", "COMPLETED", "CANCELLED", "FAILED"], ..text(0, usize::MAX) };
/// `TargetId`.
pub(crate) const TARGET_ID: Text = RULE_NAME;
/// `EventPattern`.
pub(crate) const EVENT_PATTERN: Text = text(0, 4_096);
/// `ScheduleExpression`.
pub(crate) const SCHEDULE_EXPRESSION: Text = text(0, 256);
/// `RuleState`.
pub(crate) const RULE_STATE: Text =
    Text { one_of: &["ENABLED", "DISABLED", "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"], ..text(0, usize::MAX) };
/// `RuleDescription` and `EventBusDescription`.
pub(crate) const DESCRIPTION: Text = text(0, 512);
/// `Arn`, `TargetArn` and `RoleArn`.
pub(crate) const ARN: Text = text(1, 1_600);
/// `TargetInput`.
pub(crate) const TARGET_INPUT: Text = text(0, 8_192);
/// `TargetInputPath` and `TargetPartitionKeyPath`.
pub(crate) const PATH: Text = text(0, 256);
/// `TransformerInput`.
pub(crate) const TEMPLATE: Text = text(1, 8_192);
/// `InputTransformerPathKey`.
pub(crate) const PATH_KEY: Text = Text { pattern: Some((r"[A-Za-z0-9\_\-]+", is_path_key)), ..text(1, 256) };
/// `TransformerPaths`.
pub(crate) const PATHS: List = List { min: 0, max: 100 };
/// `MessageGroupId`.
pub(crate) const MESSAGE_GROUP_ID: Text = text(0, 100);
/// `MaximumRetryAttempts`.
pub(crate) const RETRY_ATTEMPTS: Integer = Integer { min: 0, max: 185 };
/// `MaximumEventAgeInSeconds`.
pub(crate) const EVENT_AGE_SECONDS: Integer = Integer { min: 60, max: 86_400 };
/// `LimitMax100`.
pub(crate) const LIMIT: Integer = Integer { min: 1, max: PAGE_MAX as i64 };
/// `NextToken`.
pub(crate) const NEXT_TOKEN: Text = text(1, 2_048);
/// `PutEventsRequestEntryList`.
pub(crate) const ENTRIES: List = List { min: 1, max: ENTRIES_MAX };
/// `TargetList` and `TargetIdList`.
pub(crate) const TARGETS: List = List { min: 1, max: 100 };
/// `TagKey`.
pub(crate) const TAG_KEY: Text = text(1, 128);
/// `TagValue`.
pub(crate) const TAG_VALUE: Text = text(0, 256);
/// `StatementId`.
pub(crate) const STATEMENT_ID: Text = Text { pattern: Some(("[a-zA-Z0-9-_]+", is_statement_id)), ..text(1, 64) };
/// `Principal`.
pub(crate) const PRINCIPAL: Text = Text { pattern: Some((r"(\d{12}|\*)", is_principal)), ..text(1, 12) };
/// `Action`.
pub(crate) const ACTION: Text = Text { pattern: Some(("events:[a-zA-Z]+", is_action)), ..text(1, 64) };

const fn text(min: usize, max: usize) -> Text {
    Text { min, max, pattern: None, one_of: &[] }
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|letter| letter.is_ascii_alphanumeric() || ".-_".contains(letter))
}

fn is_partner_name(text: &str) -> bool {
    !text.is_empty() && text.split('/').all(|part| part.is_empty() || is_name(part))
}

fn is_name_or_arn(text: &str) -> bool {
    let name = match text.split_once(":event-bus/") {
        Some((arn, name)) if arn.starts_with("arn:aws") => name,
        _ => text,
    };
    is_partner_name(name)
}

fn is_path_key(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|letter| letter.is_ascii_alphanumeric() || "-_".contains(letter))
}

fn is_statement_id(text: &str) -> bool {
    is_path_key(text)
}

fn is_principal(text: &str) -> bool {
    text == "*" || text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_action(text: &str) -> bool {
    let name = text.strip_prefix("events:").unwrap_or_default();
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphabetic())
}

//! A schedule's members as requests and answers have them.

use anabranch_protocol::{ApiError, Arn, Violations};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::limits::INPUT_BYTES_MAX;
use crate::schedule::ScheduleSettings;
use crate::shapes::{
    ARN, DETAIL_TYPE, EVENT_AGE_SECONDS, MESSAGE_GROUP_ID, PARTITION_KEY, QUEUE_ARN, RETRY_ATTEMPTS, ROLE_ARN, SOURCE,
    WINDOW_MINUTES, WINDOW_MODE,
};
use crate::target::{EventMembers, ScheduleTarget};

/// `FlexibleTimeWindow`.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct FlexibleTimeWindow {
    mode: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    maximum_window_in_minutes: Option<i64>,
}

/// `Target`.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct TargetMembers {
    arn: Option<String>,
    role_arn: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    input: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kinesis_parameters: Option<KinesisParameters>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sqs_parameters: Option<SqsParameters>,
    #[serde(skip_serializing_if = "Option::is_none")]
    event_bridge_parameters: Option<EventBridgeParameters>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dead_letter_config: Option<DeadLetterConfig>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_policy: Option<RetryPolicy>,
    /// Members for targets that are not offered.
    #[serde(flatten)]
    others: Map<String, Value>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
struct KinesisParameters {
    partition_key: Option<String>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
struct SqsParameters {
    #[serde(skip_serializing_if = "Option::is_none")]
    message_group_id: Option<String>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
struct EventBridgeParameters {
    detail_type: Option<String>,
    source: Option<String>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
struct DeadLetterConfig {
    #[serde(skip_serializing_if = "Option::is_none")]
    arn: Option<String>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
struct RetryPolicy {
    #[serde(skip_serializing_if = "Option::is_none")]
    maximum_event_age_in_seconds: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    maximum_retry_attempts: Option<i64>,
}

impl FlexibleTimeWindow {
    pub(super) fn check(&self, violations: &mut Violations) {
        violations.required_text("flexibleTimeWindow.mode", self.mode.as_deref(), &WINDOW_MODE);
        let minutes = self.maximum_window_in_minutes;
        violations.integer("flexibleTimeWindow.maximumWindowInMinutes", minutes, &WINDOW_MINUTES);
    }

    /// The window that they say, which was checked.
    pub(super) fn minutes(&self) -> Result<Option<u32>, ApiError> {
        let minutes = self.maximum_window_in_minutes.and_then(|minutes| u32::try_from(minutes).ok());
        match (self.mode.as_deref(), minutes) {
            (Some("FLEXIBLE"), Some(minutes)) => Ok(Some(minutes)),
            (Some("FLEXIBLE"), None) => Err(ApiError::validation(
                "MaximumWindowInMinutes must be set when the FlexibleTimeWindow Mode is FLEXIBLE.",
            )),
            (_, Some(_)) => Err(ApiError::validation(
                "MaximumWindowInMinutes must not be set when the FlexibleTimeWindow Mode is OFF.",
            )),
            _ => Ok(None),
        }
    }

    pub(super) fn of(settings: &ScheduleSettings) -> Self {
        let mode = if settings.window_minutes.is_some() { "FLEXIBLE" } else { "OFF" };
        Self { mode: Some(mode.into()), maximum_window_in_minutes: settings.window_minutes.map(Into::into) }
    }
}

impl TargetMembers {
    pub(super) fn check(&self, violations: &mut Violations) {
        violations.required_text("target.arn", self.arn.as_deref(), &ARN);
        violations.required_text("target.roleArn", self.role_arn.as_deref(), &ROLE_ARN);
        if let Some(kinesis) = &self.kinesis_parameters {
            let key = kinesis.partition_key.as_deref();
            violations.required_text("target.kinesisParameters.partitionKey", key, &PARTITION_KEY);
        }
        let group = self.sqs_parameters.as_ref().and_then(|sqs| sqs.message_group_id.as_deref());
        violations.text("target.sqsParameters.messageGroupId", group, &MESSAGE_GROUP_ID);
        if let Some(event) = &self.event_bridge_parameters {
            let detail_type = event.detail_type.as_deref();
            violations.required_text("target.eventBridgeParameters.detailType", detail_type, &DETAIL_TYPE);
            violations.required_text("target.eventBridgeParameters.source", event.source.as_deref(), &SOURCE);
        }
        let queue = self.dead_letter_config.as_ref().and_then(|config| config.arn.as_deref());
        violations.text("target.deadLetterConfig.arn", queue, &QUEUE_ARN);
        if let Some(policy) = &self.retry_policy {
            let (attempts, age) = (policy.maximum_retry_attempts, policy.maximum_event_age_in_seconds);
            violations.integer("target.retryPolicy.maximumRetryAttempts", attempts, &RETRY_ATTEMPTS);
            violations.integer("target.retryPolicy.maximumEventAgeInSeconds", age, &EVENT_AGE_SECONDS);
        }
    }

    /// The target that they say, which was checked.
    pub(super) fn target(self) -> Result<ScheduleTarget, ApiError> {
        let invalid = |message: String| Err(ApiError::validation(message));
        let arn = self.arn.unwrap_or_default();
        if let Some((member, _)) = self.others.iter().find(|(_, value)| !value.is_null()) {
            return invalid(format!("{member} is not supported by Anabranch."));
        }
        if arn.starts_with("arn:aws:scheduler:::aws-sdk:") {
            return invalid(format!("Universal targets, such as {arn}, are not supported by Anabranch."));
        }
        let Ok(parsed) = arn.parse::<Arn>() else {
            return invalid(format!("Provided Arn {arn} is not in correct format."));
        };
        let event = self.event_bridge_parameters.map(|event| EventMembers {
            detail_type: event.detail_type.unwrap_or_default(),
            source: event.source.unwrap_or_default(),
        });
        let is_bus = &*parsed.service == "events";
        if is_bus != event.is_some() {
            return invalid(format!("EventBridgeParameters must be set for event buses, and for nothing else: {arn}."));
        }
        let partition_key = self.kinesis_parameters.and_then(|kinesis| kinesis.partition_key);
        if &*parsed.service == "kinesis" && partition_key.is_none() {
            return invalid(format!("KinesisParameters must be set for target {arn}."));
        }
        let message_group_id = self.sqs_parameters.and_then(|sqs| sqs.message_group_id);
        if &*parsed.service == "sqs" && parsed.resource.ends_with(".fifo") && message_group_id.is_none() {
            return invalid(format!("MessageGroupId must be set for target {arn}."));
        }
        let input = self.input.filter(|input| !input.is_empty());
        if input.as_ref().is_some_and(|input| input.len() > INPUT_BYTES_MAX) {
            return invalid(format!("Input must be at most {INPUT_BYTES_MAX} bytes long."));
        }
        let needs_json = is_bus || &*parsed.service == "lambda";
        let is_json = |input: &String| serde_json::from_str::<serde::de::IgnoredAny>(input).is_ok();
        if needs_json && input.as_ref().is_some_and(|input| !is_json(input)) {
            return invalid(format!("Input for target {arn} must be valid JSON."));
        }
        let unsigned = |number: Option<i64>| number.and_then(|number| u32::try_from(number).ok());
        let policy = self.retry_policy.as_ref();
        Ok(ScheduleTarget {
            arn,
            role_arn: self.role_arn.unwrap_or_default(),
            input,
            partition_key,
            message_group_id,
            event,
            retry_attempts: unsigned(policy.and_then(|policy| policy.maximum_retry_attempts)),
            event_age_seconds: unsigned(policy.and_then(|policy| policy.maximum_event_age_in_seconds)),
            dead_letter_arn: self.dead_letter_config.and_then(|config| config.arn),
        })
    }

    pub(super) fn of(target: &ScheduleTarget) -> Self {
        let target = target.clone();
        Self {
            arn: Some(target.arn),
            role_arn: Some(target.role_arn),
            input: target.input,
            kinesis_parameters: target.partition_key.map(|key| KinesisParameters { partition_key: Some(key) }),
            sqs_parameters: target.message_group_id.map(|group| SqsParameters { message_group_id: Some(group) }),
            event_bridge_parameters: target.event.map(|event| EventBridgeParameters {
                detail_type: Some(event.detail_type),
                source: Some(event.source),
            }),
            dead_letter_config: target.dead_letter_arn.map(|arn| DeadLetterConfig { arn: Some(arn) }),
            // Scheduler tells the policy that holds.
            retry_policy: Some(RetryPolicy {
                maximum_event_age_in_seconds: Some(
                    target.event_age_seconds.unwrap_or(crate::limits::EVENT_AGE_SECONDS_DEFAULT).into(),
                ),
                maximum_retry_attempts: Some(
                    target.retry_attempts.unwrap_or(crate::limits::RETRY_ATTEMPTS_DEFAULT).into(),
                ),
            }),
            others: Map::new(),
        }
    }
}

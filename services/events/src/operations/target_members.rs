//! A target as requests and answers have it.

use std::collections::BTreeMap;

use anabranch_protocol::{ApiError, Arn, Violations};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::bus_members::DeadLetterConfig;
use crate::error::unsupported;
use crate::json::is_document;
use crate::path::JsonPath;
use crate::shapes::{
    ARN, EVENT_AGE_SECONDS, MESSAGE_GROUP_ID, PATH, PATH_KEY, PATHS, RETRY_ATTEMPTS, TARGET_ID, TARGET_INPUT, TEMPLATE,
};
use crate::target::{RuleTarget, TargetInput};
use crate::template;

/// `Target`.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct TargetMembers {
    id: Option<String>,
    arn: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    role_arn: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    input: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    input_path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    input_transformer: Option<InputTransformer>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kinesis_parameters: Option<KinesisParameters>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sqs_parameters: Option<SqsParameters>,
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
struct InputTransformer {
    #[serde(skip_serializing_if = "Option::is_none")]
    input_paths_map: Option<BTreeMap<String, String>>,
    input_template: Option<String>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
struct KinesisParameters {
    partition_key_path: Option<String>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
struct SqsParameters {
    message_group_id: Option<String>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
struct RetryPolicy {
    #[serde(skip_serializing_if = "Option::is_none")]
    maximum_retry_attempts: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    maximum_event_age_in_seconds: Option<i64>,
}

impl TargetMembers {
    /// Notes what the members of the target at `path` violate.
    pub(super) fn check(&self, path: &str, violations: &mut Violations) {
        let at = |member: &str| format!("{path}.{member}");
        violations.required_text(at("id"), self.id.as_deref(), &TARGET_ID);
        violations.required_text(at("arn"), self.arn.as_deref(), &ARN);
        violations.text(at("roleArn"), self.role_arn.as_deref(), &ARN);
        violations.text(at("input"), self.input.as_deref(), &TARGET_INPUT);
        violations.text(at("inputPath"), self.input_path.as_deref(), &PATH);
        if let Some(transformer) = &self.input_transformer {
            let template = transformer.input_template.as_deref();
            violations.required_text(at("inputTransformer.inputTemplate"), template, &TEMPLATE);
            let paths = transformer.input_paths_map.as_ref();
            violations.list(at("inputTransformer.inputPathsMap"), paths.map_or(0, BTreeMap::len), &PATHS);
            for (key, value) in paths.into_iter().flatten() {
                violations.text(at("inputTransformer.inputPathsMap"), Some(key), &PATH_KEY);
                violations.text(at("inputTransformer.inputPathsMap"), Some(value), &PATH);
            }
        }
        if let Some(kinesis) = &self.kinesis_parameters {
            let path = kinesis.partition_key_path.as_deref();
            violations.required_text(at("kinesisParameters.partitionKeyPath"), path, &PATH);
        }
        let group = self.sqs_parameters.as_ref().and_then(|sqs| sqs.message_group_id.as_deref());
        violations.text(at("sqsParameters.messageGroupId"), group, &MESSAGE_GROUP_ID);
        if let Some(policy) = &self.retry_policy {
            let (attempts, age) = (policy.maximum_retry_attempts, policy.maximum_event_age_in_seconds);
            violations.integer(at("retryPolicy.maximumRetryAttempts"), attempts, &RETRY_ATTEMPTS);
            violations.integer(at("retryPolicy.maximumEventAgeInSeconds"), age, &EVENT_AGE_SECONDS);
        }
    }

    /// The target that they say, which was checked.
    pub(super) fn target(self) -> Result<RuleTarget, ApiError> {
        let (id, arn) = (self.id.unwrap_or_default(), self.arn.unwrap_or_default());
        if let Some((member, _)) = self.others.iter().find(|(_, value)| !value.is_null()) {
            return Err(unsupported(&format!("{member} of target {id}")));
        }
        let service = arn.parse::<Arn>().map(|arn| arn.service.to_string()).map_err(|_| {
            ApiError::validation(format!(
                "Parameter {arn} is not valid. Reason: Provided Arn is not in correct format."
            ))
        })?;
        if matches!(service.as_str(), "kinesis" | "firehose") && self.role_arn.is_none() {
            return Err(ApiError::validation(format!("RoleArn is required for target {arn}.")));
        }
        let message_group_id = self.sqs_parameters.and_then(|sqs| sqs.message_group_id);
        if service == "sqs" && arn.ends_with(".fifo") && message_group_id.is_none() {
            let message = format!("Parameter(s) SqsParameters must be specified for target: {id}.");
            return Err(ApiError::validation(message));
        }
        let dead_letter_arn = self.dead_letter_config.map(DeadLetterConfig::checked).transpose()?.flatten();
        let unsigned = |number: Option<i64>| number.and_then(|number| u32::try_from(number).ok());
        let policy = self.retry_policy.as_ref();
        Ok(RuleTarget {
            input: input(&id, self.input, self.input_path, self.input_transformer)?,
            id,
            arn,
            role_arn: self.role_arn,
            partition_key_path: self.kinesis_parameters.and_then(|kinesis| kinesis.partition_key_path),
            message_group_id,
            retry_attempts: unsigned(policy.and_then(|policy| policy.maximum_retry_attempts)),
            event_age_seconds: unsigned(policy.and_then(|policy| policy.maximum_event_age_in_seconds)),
            dead_letter_arn,
        })
    }
}

fn input(
    id: &str,
    constant: Option<String>,
    path: Option<String>,
    transformer: Option<InputTransformer>,
) -> Result<TargetInput, ApiError> {
    let invalid = |reason: String| Err(ApiError::validation(reason));
    match (constant, path, transformer) {
        (None, None, None) => Ok(TargetInput::Event),
        (Some(text), None, None) => match is_document(&text) {
            true => Ok(TargetInput::Constant(text)),
            false => invalid(format!("JSON syntax error in input for target {id}.")),
        },
        (None, Some(path), None) => match JsonPath::parse(&path) {
            Some(_) => Ok(TargetInput::Path(path)),
            None => invalid(format!("Invalid InputPath for target {id}.")),
        },
        (None, None, Some(transformer)) => {
            let (paths, template) = (transformer.input_paths_map.unwrap_or_default(), transformer.input_template);
            let template = template.unwrap_or_default();
            if let Some(key) = paths.keys().find(|key| key.to_ascii_lowercase().starts_with("aws")) {
                return invalid(format!(
                    "InputPathsMap for target {id} contains the key {key}: keys can't start with AWS."
                ));
            }
            if let Some(key) = paths.iter().find_map(|(key, path)| JsonPath::parse(path).is_none().then_some(key)) {
                return invalid(format!(
                    "Invalid InputPathsMap for target {id} : the path of {key} is not a JSON path."
                ));
            }
            match template::is_valid(&template) {
                true => Ok(TargetInput::Template { paths, template }),
                false => invalid(format!("Invalid InputTemplate for target {id} : it is not JSON.")),
            }
        }
        _ => invalid(format!("Only one of Input, InputPath, or InputTransformer must be provided for target {id}.")),
    }
}

impl From<&RuleTarget> for TargetMembers {
    fn from(target: &RuleTarget) -> Self {
        let mut members = Self {
            id: Some(target.id.clone()),
            arn: Some(target.arn.clone()),
            role_arn: target.role_arn.clone(),
            dead_letter_config: DeadLetterConfig::of(target.dead_letter_arn.as_ref()),
            ..Self::default()
        };
        match target.input.clone() {
            TargetInput::Event => {}
            TargetInput::Constant(text) => members.input = Some(text),
            TargetInput::Path(path) => members.input_path = Some(path),
            TargetInput::Template { paths, template } => {
                let input_paths_map = Some(paths).filter(|paths| !paths.is_empty());
                members.input_transformer = Some(InputTransformer { input_paths_map, input_template: Some(template) });
            }
        }
        members.kinesis_parameters =
            target.partition_key_path.clone().map(|path| KinesisParameters { partition_key_path: Some(path) });
        members.sqs_parameters =
            target.message_group_id.clone().map(|group| SqsParameters { message_group_id: Some(group) });
        if target.retry_attempts.is_some() || target.event_age_seconds.is_some() {
            members.retry_policy = Some(RetryPolicy {
                maximum_retry_attempts: target.retry_attempts.map(Into::into),
                maximum_event_age_in_seconds: target.event_age_seconds.map(Into::into),
            });
        }
        members
    }
}

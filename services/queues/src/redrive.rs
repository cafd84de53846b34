//! Where messages go that are received too often, and who may send them there ("Using dead-letter
//! queues in Amazon SQS").

use anabranch_protocol::ApiError;
use serde::Deserialize;
use serde_json::Value;

use crate::error::{invalid_attribute, invalid_value};
use crate::limits::{RECEIVE_COUNT_MAX, SOURCE_QUEUES_MAX};
use crate::name::QueueName;

/// A `RedrivePolicy`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RedrivePolicy {
    /// The dead-letter queue.
    pub(crate) target: QueueName,
    /// Receives after which a message goes there.
    pub(crate) receives_max: u32,
}

/// A `RedriveAllowPolicy`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum RedriveAllowPolicy {
    /// Any queue of the account and region may have this one as its dead-letter queue.
    #[default]
    AllowAll,
    /// None may.
    DenyAll,
    /// These may, by ARN.
    ByQueue(Vec<String>),
}

impl RedrivePolicy {
    /// Reads the attribute.
    pub(crate) fn parse(policy: &str) -> Result<Self, ApiError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Policy {
            dead_letter_target_arn: String,
            max_receive_count: Value,
        }
        let invalid = |reason: &str| invalid_value(policy, "RedrivePolicy", reason);
        let parsed: Policy = serde_json::from_str(policy).map_err(|_| {
            invalid("Redrive policy is not a valid JSON map with deadLetterTargetArn and maxReceiveCount.")
        })?;
        // The console writes the number as text.
        let count = match &parsed.max_receive_count {
            Value::String(text) => text.parse().ok(),
            number => number.as_u64(),
        };
        let count = count.filter(|count| (1..=RECEIVE_COUNT_MAX).contains(count));
        let count = count.and_then(|count| u32::try_from(count).ok());
        let receives_max = count.ok_or_else(|| invalid("Invalid value for maxReceiveCount: 1 to 1000."))?;
        let target = QueueName::of_arn(&parsed.dead_letter_target_arn);
        let target = target.ok_or_else(|| invalid("Invalid value for deadLetterTargetArn."))?;
        Ok(Self { target, receives_max })
    }
}

impl RedriveAllowPolicy {
    /// Reads the attribute.
    pub(crate) fn parse(policy: &str) -> Result<Self, ApiError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Policy {
            redrive_permission: String,
            #[serde(default)]
            source_queue_arns: Vec<String>,
        }
        let invalid = || invalid_attribute("RedriveAllowPolicy");
        let parsed: Policy = serde_json::from_str(policy).map_err(|_| invalid())?;
        let sources = parsed.source_queue_arns;
        match (parsed.redrive_permission.as_str(), sources.len()) {
            ("allowAll", 0) => Ok(Self::AllowAll),
            ("denyAll", 0) => Ok(Self::DenyAll),
            ("byQueue", 1..=SOURCE_QUEUES_MAX) => Ok(Self::ByQueue(sources)),
            _ => Err(invalid()),
        }
    }

    /// Whether `source` may have the queue as its dead-letter queue.
    pub(crate) fn allows(&self, source: &QueueName) -> bool {
        match self {
            Self::AllowAll => true,
            Self::DenyAll => false,
            Self::ByQueue(sources) => sources.contains(&source.arn()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies_are_read() {
        let arn = "arn:aws:sqs:us-east-1:000000000000:dead";
        for count in ["5", "\"5\""] {
            let policy = format!(r#"{{"deadLetterTargetArn": "{arn}", "maxReceiveCount": {count}}}"#);
            let policy = RedrivePolicy::parse(&policy).unwrap();
            assert_eq!((policy.target.arn(), policy.receives_max), (arn.to_string(), 5));
        }
        for count in ["0", "1001", "\"x\"", "null"] {
            let policy = format!(r#"{{"deadLetterTargetArn": "{arn}", "maxReceiveCount": {count}}}"#);
            assert!(RedrivePolicy::parse(&policy).is_err(), "{count}");
        }
        assert!(RedrivePolicy::parse(r#"{"deadLetterTargetArn": "x", "maxReceiveCount": 1}"#).is_err());
    }

    #[test]
    fn permissions_are_read() {
        let source = QueueName::of_arn("arn:aws:sqs:us-east-1:000000000000:jobs").unwrap();
        let allows = |policy: &str| RedriveAllowPolicy::parse(policy).map(|policy| policy.allows(&source));
        assert_eq!(allows(r#"{"redrivePermission": "allowAll"}"#), Ok(true));
        assert_eq!(allows(r#"{"redrivePermission": "denyAll"}"#), Ok(false));
        let by_queue = |arn: &str| format!(r#"{{"redrivePermission": "byQueue", "sourceQueueArns": ["{arn}"]}}"#);
        assert_eq!(allows(&by_queue(&source.arn())), Ok(true));
        assert_eq!(allows(&by_queue("arn:aws:sqs:us-east-1:000000000000:others")), Ok(false));
        for policy in ["{}", r#"{"redrivePermission": "byQueue"}"#, r#"{"redrivePermission": "all"}"#] {
            assert!(allows(policy).is_err(), "{policy}");
        }
    }
}

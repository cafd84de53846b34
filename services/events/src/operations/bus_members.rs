//! Members of requests and answers about event buses.

use anabranch_protocol::{ApiError, Arn};
use serde::{Deserialize, Serialize};

use crate::bus::BusLogConfig;

/// `DeadLetterConfig`.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DeadLetterConfig {
    #[serde(skip_serializing_if = "Option::is_none")]
    arn: Option<String>,
}

impl DeadLetterConfig {
    pub(super) fn of(arn: Option<&String>) -> Option<Self> {
        arn.map(|arn| Self { arn: Some(arn.clone()) })
    }

    /// The queue's ARN, if there is one: that of a standard queue.
    pub(super) fn checked(self) -> Result<Option<String>, ApiError> {
        let Some(arn) = self.arn else { return Ok(None) };
        let is_queue = |parsed: &Arn| &*parsed.service == "sqs" && !parsed.resource.ends_with(".fifo");
        match arn.parse::<Arn>().is_ok_and(|parsed| is_queue(&parsed)) {
            true => Ok(Some(arn)),
            false => {
                let message =
                    format!("Parameter {arn} is not valid. Reason: It is not the ARN of a standard SQS queue.");
                Err(ApiError::validation(message))
            }
        }
    }
}

/// `LogConfig`.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct LogConfig {
    #[serde(skip_serializing_if = "Option::is_none")]
    include_detail: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    level: Option<String>,
}

impl From<LogConfig> for BusLogConfig {
    fn from(config: LogConfig) -> Self {
        Self { include_detail: config.include_detail, level: config.level }
    }
}

impl From<&BusLogConfig> for LogConfig {
    fn from(config: &BusLogConfig) -> Self {
        Self { include_detail: config.include_detail.clone(), level: config.level.clone() }
    }
}

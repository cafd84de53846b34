//! Rules: which events go where.

use std::collections::BTreeMap;

use anabranch_control::Stored;
use anabranch_pattern::{Dialect, Pattern};
use anabranch_protocol::{Account, ApiError};
use anabranch_schedule::Expression;
use serde::{Deserialize, Serialize};

use crate::error::invalid_pattern;
use crate::target::{RuleTarget, Sender};

/// What is stored of a rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RuleSettings {
    pub(crate) arn: String,
    pub(crate) name: String,
    /// The ARN of its bus.
    pub(crate) bus_arn: String,
    pub(crate) event_pattern: Option<String>,
    pub(crate) schedule_expression: Option<String>,
    pub(crate) state: RuleState,
    pub(crate) description: Option<String>,
    pub(crate) role_arn: Option<String>,
    pub(crate) created_by: Account,
    /// From when on its schedule counts, in milliseconds since the Unix epoch.
    pub(crate) since_ms: u64,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) targets: Vec<RuleTarget>,
}

/// `RuleState`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum RuleState {
    #[serde(rename = "ENABLED")]
    Enabled,
    #[serde(rename = "DISABLED")]
    Disabled,
    #[serde(rename = "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS")]
    EnabledWithAllCloudTrailManagementEvents,
}

impl Stored for RuleSettings {
    const KIND: &'static str = "rule";
    const VERSION: u32 = 1;
}

/// A rule, ready for events.
#[derive(Debug, Clone)]
pub(crate) struct Rule {
    pub(crate) settings: RuleSettings,
    pub(crate) pattern: Option<Pattern>,
    pub(crate) schedule: Option<Expression>,
}

impl Rule {
    /// Reads what is to be read of `settings`.
    ///
    /// # Errors
    /// `InvalidEventPatternException` or `ValidationException`.
    pub(crate) fn new(settings: RuleSettings) -> Result<Self, ApiError> {
        let pattern = settings.event_pattern.as_deref().map(read_pattern).transpose()?;
        let schedule = settings.schedule_expression.as_deref().map(read_schedule).transpose()?;
        Ok(Self { settings, pattern, schedule })
    }

    pub(crate) fn is_enabled(&self) -> bool {
        self.settings.state != RuleState::Disabled
    }

    pub(crate) fn sender(&self) -> Sender<'_> {
        Sender { rule_arn: &self.settings.arn, rule_name: &self.settings.name }
    }
}

/// An event pattern of a rule.
pub(crate) fn read_pattern(text: &str) -> Result<Pattern, ApiError> {
    Pattern::compile(text, Dialect::EventBridge).map_err(|error| invalid_pattern(&error))
}

/// A schedule of a rule: no single time, and units that agree with their value.
pub(crate) fn read_schedule(text: &str) -> Result<Expression, ApiError> {
    let read = Expression::parse(text).ok().filter(|schedule| match schedule {
        Expression::Rate(rate) => rate.agrees(),
        Expression::Cron(_) => true,
        Expression::At(_) => false,
    });
    read.ok_or_else(|| ApiError::validation("Parameter ScheduleExpression is not valid."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::TargetInput;

    #[test]
    fn rules_have_fixtures() {
        let target = RuleTarget {
            id: "queue".into(),
            arn: "arn:aws:sqs:us-east-1:000000000000:orders.fifo".into(),
            role_arn: Some("arn:aws:iam::000000000000:role/r".into()),
            input: TargetInput::Template {
                paths: BTreeMap::from([("name".into(), "$.detail.name".into())]),
                template: "\"<name>\"".into(),
            },
            partition_key_path: Some("$.id".into()),
            message_group_id: Some("g".into()),
            retry_attempts: Some(3),
            event_age_seconds: Some(60),
            dead_letter_arn: Some("arn:aws:sqs:us-east-1:000000000000:dead".into()),
        };
        let plain = |id: &str, input| RuleTarget {
            id: id.into(),
            arn: "arn:aws:lambda:us-east-1:000000000000:function:orders".into(),
            role_arn: None,
            input,
            partition_key_path: None,
            message_group_id: None,
            retry_attempts: None,
            event_age_seconds: None,
            dead_letter_arn: None,
        };
        let rule = RuleSettings {
            arn: "arn:aws:events:us-east-1:000000000000:rule/shop/orders".into(),
            name: "orders".into(),
            bus_arn: "arn:aws:events:us-east-1:000000000000:event-bus/shop".into(),
            event_pattern: Some(r#"{"source":["shop"]}"#.into()),
            schedule_expression: None,
            state: RuleState::Enabled,
            description: Some("Orders".into()),
            role_arn: None,
            created_by: Account::DEFAULT,
            since_ms: 1_772_697_600_000,
            tags: BTreeMap::from([("team".into(), "shop".into())]),
            targets: vec![
                target,
                plain("all", TargetInput::Event),
                plain("constant", TargetInput::Constant("{}".into())),
                plain("path", TargetInput::Path("$.detail".into())),
            ],
        };
        let scheduled = RuleSettings {
            event_pattern: None,
            schedule_expression: Some("rate(1 hour)".into()),
            state: RuleState::Disabled,
            description: None,
            role_arn: Some("arn:aws:iam::000000000000:role/r".into()),
            targets: Vec::new(),
            ..rule.clone()
        };
        let all = RuleSettings { state: RuleState::EnabledWithAllCloudTrailManagementEvents, ..scheduled.clone() };
        anabranch_control::check_fixtures("tests/stored", &[rule, scheduled, all]);
    }
}

//! Event buses.

use std::collections::BTreeMap;
use std::sync::Arc;

use anabranch_control::Stored;
use anabranch_pattern::PatternSet;
use anabranch_protocol::{Account, Arn, Region};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::event::Event;
use crate::rule::Rule;

/// The bus that every account has in every region.
pub(crate) const DEFAULT_BUS: &str = "default";

/// What is stored of an event bus.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct BusSettings {
    pub(crate) arn: String,
    pub(crate) name: String,
    pub(crate) description: Option<String>,
    pub(crate) kms_key_identifier: Option<String>,
    pub(crate) dead_letter_arn: Option<String>,
    pub(crate) log_config: Option<BusLogConfig>,
    /// Its policy, a JSON document. Kept, not enforced.
    pub(crate) policy: Option<Value>,
    /// None of a default bus that nobody has changed.
    pub(crate) created_ms: Option<u64>,
    pub(crate) modified_ms: Option<u64>,
    pub(crate) tags: BTreeMap<String, String>,
}

/// What a bus logs. Kept; nothing is logged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct BusLogConfig {
    pub(crate) include_detail: Option<String>,
    pub(crate) level: Option<String>,
}

impl Stored for BusSettings {
    const KIND: &'static str = "event_bus";
    const VERSION: u32 = 1;
}

impl BusSettings {
    pub(crate) fn new(address: &BusAddress) -> Self {
        Self {
            arn: address.arn(),
            name: address.name.clone(),
            description: None,
            kms_key_identifier: None,
            dead_letter_arn: None,
            log_config: None,
            policy: None,
            created_ms: None,
            modified_ms: None,
            tags: BTreeMap::new(),
        }
    }
}

/// Where a bus is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BusAddress {
    pub(crate) region: Region,
    pub(crate) account: Account,
    pub(crate) name: String,
}

impl BusAddress {
    /// The address that an ARN is, if it is that of a bus.
    pub(crate) fn of_arn(arn: &str) -> Option<Self> {
        let arn: Arn = arn.parse().ok()?;
        let name = arn.resource_after("event-bus/").filter(|name| &*arn.service == "events" && !name.is_empty())?;
        Some(Self { name: name.into(), region: arn.region.clone()?, account: arn.account? })
    }

    pub(crate) fn arn(&self) -> String {
        Arn::new("events", &self.region, self.account, &format!("event-bus/{}", self.name)).to_string()
    }

    /// The ARN of its rule `name`.
    pub(crate) fn rule_arn(&self, name: &str) -> String {
        let resource = match self.name.as_str() {
            DEFAULT_BUS => format!("rule/{name}"),
            bus => format!("rule/{bus}/{name}"),
        };
        Arn::new("events", &self.region, self.account, &resource).to_string()
    }
}

/// An event bus with its rules. It does not change: a change makes another.
#[derive(Debug, Clone)]
pub(crate) struct Bus {
    pub(crate) settings: BusSettings,
    pub(crate) address: BusAddress,
    /// By name.
    pub(crate) rules: BTreeMap<String, Arc<Rule>>,
    /// The patterns of those that are enabled and have one, and whose they are.
    patterns: PatternSet,
    matching: Vec<Arc<Rule>>,
}

impl Bus {
    pub(crate) fn new(settings: BusSettings, address: BusAddress, rules: BTreeMap<String, Arc<Rule>>) -> Self {
        let matching: Vec<Arc<Rule>> =
            rules.values().filter(|rule| rule.is_enabled() && rule.pattern.is_some()).cloned().collect();
        let patterns = PatternSet::new(matching.iter().filter_map(|rule| rule.pattern.as_ref()));
        Self { settings, address, rules, patterns, matching }
    }

    /// The same with other settings.
    pub(crate) fn with_settings(&self, settings: BusSettings) -> Self {
        Self { settings, ..self.clone() }
    }

    /// The same with `rule` in the place of any of its name.
    pub(crate) fn with_rule(&self, rule: Rule) -> Self {
        let mut rules = self.rules.clone();
        rules.insert(rule.settings.name.clone(), Arc::new(rule));
        Self::new(self.settings.clone(), self.address.clone(), rules)
    }

    /// The same without the rule `name`.
    pub(crate) fn without_rule(&self, name: &str) -> Self {
        let mut rules = self.rules.clone();
        rules.remove(name);
        Self::new(self.settings.clone(), self.address.clone(), rules)
    }

    /// The rules that `event` matches.
    pub(crate) fn matched(&self, event: &Event) -> impl Iterator<Item = &Arc<Rule>> {
        let matched = self.patterns.matches_json(event.document.as_bytes()).unwrap_or_default();
        matched.into_iter().filter_map(|place| self.matching.get(place))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buses_have_fixtures() {
        let address = BusAddress { region: Region::default(), account: Account::DEFAULT, name: "shop".into() };
        let plain = BusSettings::new(&address);
        let full = BusSettings {
            description: Some("Orders".into()),
            kms_key_identifier: Some("alias/shop".into()),
            dead_letter_arn: Some("arn:aws:sqs:us-east-1:000000000000:dead".into()),
            log_config: Some(BusLogConfig { include_detail: Some("FULL".into()), level: Some("INFO".into()) }),
            policy: Some(serde_json::json!({ "Version": "2012-10-17", "Statement": [] })),
            created_ms: Some(1_772_697_600_000),
            modified_ms: Some(1_772_697_601_000),
            tags: BTreeMap::from([("team".into(), "shop".into())]),
            ..plain.clone()
        };
        anabranch_control::check_fixtures("tests/stored", &[full, plain]);
    }

    #[test]
    fn addresses_and_arns() {
        let arn = "arn:aws:events:eu-west-1:123456789012:event-bus/shop";
        let address = BusAddress::of_arn(arn).unwrap();
        assert_eq!(address.arn(), arn);
        assert_eq!(address.rule_arn("a"), "arn:aws:events:eu-west-1:123456789012:rule/shop/a");
        let default = BusAddress { name: DEFAULT_BUS.into(), ..address };
        assert_eq!(default.rule_arn("a"), "arn:aws:events:eu-west-1:123456789012:rule/a");
        for other in
            ["default", "arn:aws:sqs:eu-west-1:123456789012:shop", "arn:aws:events:eu-west-1:123456789012:rule/a"]
        {
            assert_eq!(BusAddress::of_arn(other), None, "{other}");
        }
    }
}

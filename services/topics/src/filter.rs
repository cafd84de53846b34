//! Filter policies: which messages a subscription lets through.

use anabranch_pattern::{Dialect, MessageAttribute as Attribute, Pattern, event_of_attributes};
use anabranch_ports::{AttributeValue, MessageAttribute};
use anabranch_protocol::ApiError;
use serde_json::Value;

use crate::error::invalid;

/// A subscription's filter policy.
#[derive(Debug)]
pub(crate) struct Filter {
    pattern: Pattern,
    scope: FilterScope,
}

/// `FilterPolicyScope`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FilterScope {
    MessageAttributes,
    MessageBody,
}

impl FilterScope {
    pub(crate) fn of(text: Option<&str>) -> Result<Self, ApiError> {
        match text {
            None | Some("MessageAttributes") => Ok(Self::MessageAttributes),
            Some("MessageBody") => Ok(Self::MessageBody),
            Some(_) => {
                Err(invalid("FilterPolicyScope: Invalid value. Please use either MessageBody or MessageAttributes"))
            }
        }
    }
}

impl Filter {
    /// Reads a policy; `{}` and nothing at all let everything through.
    pub(crate) fn of(policy: Option<&str>, scope: FilterScope) -> Result<Option<Self>, ApiError> {
        let Some(policy) = policy.filter(|policy| !policy.trim().is_empty()) else { return Ok(None) };
        if serde_json::from_str::<Value>(policy)
            .is_ok_and(|policy| policy.as_object().is_some_and(|rules| rules.is_empty()))
        {
            return Ok(None);
        }
        let dialect = match scope {
            FilterScope::MessageAttributes => Dialect::SnsAttributes,
            FilterScope::MessageBody => Dialect::SnsBody,
        };
        let pattern = Pattern::compile(policy, dialect)
            .map_err(|error| invalid(format_args!("FilterPolicy: {}", error.reason())))?;
        Ok(Some(Self { pattern, scope }))
    }

    /// Whether it lets a message through. A body that is not JSON has nothing that could match.
    pub(crate) fn lets_through(&self, body: &str, attributes: &[(String, MessageAttribute)]) -> bool {
        match self.scope {
            FilterScope::MessageBody => self.pattern.matches_json(body.as_bytes()).unwrap_or(false),
            FilterScope::MessageAttributes => {
                let attribute = |(name, attribute): &'_ (String, MessageAttribute)| {
                    let string_value = match &attribute.value {
                        AttributeValue::Text(text) => text.clone(),
                        AttributeValue::Binary(_) => String::new(),
                    };
                    (name.clone(), attribute.data_type.clone(), string_value)
                };
                let owned: Vec<(String, String, String)> = attributes.iter().map(attribute).collect();
                let named = owned
                    .iter()
                    .map(|(name, data_type, string_value)| (name.as_str(), Attribute { data_type, string_value }));
                self.pattern.matches(&event_of_attributes(named))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attributes(pairs: &[(&str, &str, &str)]) -> Vec<(String, MessageAttribute)> {
        let one = |(name, data_type, value): &(&str, &str, &str)| {
            let value = AttributeValue::Text((*value).into());
            ((*name).to_string(), MessageAttribute { data_type: (*data_type).into(), value })
        };
        pairs.iter().map(one).collect()
    }

    #[test]
    fn attributes_and_bodies_are_matched() {
        let by_attribute =
            Filter::of(Some(r#"{"kind": ["click"], "n": [{"numeric": [">", 2]}]}"#), FilterScope::MessageAttributes);
        let by_attribute = by_attribute.unwrap().unwrap();
        let good = attributes(&[("kind", "String", "click"), ("n", "Number", "3")]);
        assert!(by_attribute.lets_through("", &good));
        assert!(!by_attribute.lets_through("", &attributes(&[("kind", "String", "click")])));
        let by_body = Filter::of(Some(r#"{"user": {"id": ["a"]}}"#), FilterScope::MessageBody).unwrap().unwrap();
        assert!(by_body.lets_through(r#"{"user": {"id": "a"}}"#, &[]));
        assert!(!by_body.lets_through("user", &good));
    }

    #[test]
    fn an_empty_policy_is_none_and_a_wrong_one_is_refused() {
        for policy in [None, Some(""), Some("{}")] {
            assert!(Filter::of(policy, FilterScope::MessageBody).unwrap().is_none());
        }
        let error = Filter::of(Some(r#"{"a": "b"}"#), FilterScope::MessageAttributes).unwrap_err();
        assert!(error.message.starts_with("Invalid parameter: FilterPolicy: "), "{error}");
        assert!(FilterScope::of(Some("Body")).is_err());
    }
}

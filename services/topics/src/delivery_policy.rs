//! Delivery policies: how often a message is tried ("Amazon SNS message delivery retries",
//! "Creating an HTTP/S delivery policy").

use std::time::Duration;

use anabranch_delivery::{Backoff, Curve, Phases, RetryPolicy};
use anabranch_protocol::ApiError;
use serde::{Deserialize, Serialize};

use crate::error::{invalid, not_offered};
use crate::limits::{ATTRIBUTE_BYTES_MAX, RETRIES_MAX, RETRY_DELAY_SECONDS_MAX};
use crate::protocols::Protocol;

/// How queues, functions and delivery streams are tried: 3 retries at once, 2 after a second, 10
/// after waits that grow up to 20 s, then 100,000 each 20 s: 23 days.
const TO_AWS: RetryPolicy = RetryPolicy {
    attempts_max: 100_016,
    age_max: Duration::from_secs(23 * 24 * 3600),
    backoff: Backoff::Phased(Phases {
        immediate: 3,
        at_min: 2,
        growing: 10,
        curve: Curve::Exponential,
        min: Duration::from_secs(1),
        max: Duration::from_secs(20),
    }),
};
/// Oldest message that an HTTP endpoint is tried with: the longest that a delivery policy may take.
const HTTP_AGE: Duration = Duration::from_secs(3_600);
/// Content type of what HTTP endpoints get, unless their policy says another.
const CONTENT_TYPE: &str = "text/plain; charset=UTF-8";

/// `healthyRetryPolicy`, and its defaults.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct HealthyRetryPolicy {
    min_delay_target: u64,
    max_delay_target: u64,
    num_retries: u64,
    num_max_delay_retries: u64,
    num_no_delay_retries: u64,
    num_min_delay_retries: u64,
    backoff_function: BackoffFunction,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum BackoffFunction {
    Linear,
    Arithmetic,
    Geometric,
    Exponential,
}

impl Default for HealthyRetryPolicy {
    fn default() -> Self {
        Self {
            min_delay_target: 20,
            max_delay_target: 20,
            num_retries: 3,
            num_max_delay_retries: 0,
            num_no_delay_retries: 0,
            num_min_delay_retries: 0,
            backoff_function: BackoffFunction::Linear,
        }
    }
}

/// `requestPolicy`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct RequestPolicy {
    header_content_type: String,
}

impl Default for RequestPolicy {
    fn default() -> Self {
        Self { header_content_type: CONTENT_TYPE.into() }
    }
}

/// The `DeliveryPolicy` of a topic.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct TopicPolicy {
    #[serde(default)]
    http: HttpPolicy,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct HttpPolicy {
    default_healthy_retry_policy: Option<HealthyRetryPolicy>,
    default_throttle_policy: Option<serde_json::Value>,
    default_request_policy: Option<RequestPolicy>,
    #[serde(default)]
    disable_subscription_overrides: bool,
}

/// The `DeliveryPolicy` of a subscription.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct SubscriptionPolicy {
    healthy_retry_policy: Option<HealthyRetryPolicy>,
    sickly_retry_policy: Option<serde_json::Value>,
    throttle_policy: Option<serde_json::Value>,
    request_policy: Option<RequestPolicy>,
    /// It is taken and means nothing any more.
    #[serde(default, rename = "guaranteed")]
    _guaranteed: bool,
}

/// What holds for deliveries: of a topic, or of a subscription.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct DeliveryPolicy {
    retries: Option<HealthyRetryPolicy>,
    request: Option<RequestPolicy>,
    overrides: bool,
}

impl DeliveryPolicy {
    /// That of a topic.
    pub(crate) fn of_topic(text: Option<&str>) -> Result<Self, ApiError> {
        let Some(text) = given(text)? else { return Ok(Self::default()) };
        let TopicPolicy { http } = serde_json::from_str(text).map_err(|error| wrong(&error.to_string()))?;
        if http.default_throttle_policy.is_some_and(|policy| !policy.is_null()) {
            return Err(not_offered("a throttle policy"));
        }
        let overrides = http.disable_subscription_overrides;
        Self { retries: http.default_healthy_retry_policy, request: http.default_request_policy, overrides }.checked()
    }

    /// That of a subscription.
    pub(crate) fn of_subscription(text: Option<&str>) -> Result<Self, ApiError> {
        let Some(text) = given(text)? else { return Ok(Self::default()) };
        let policy: SubscriptionPolicy = serde_json::from_str(text).map_err(|error| wrong(&error.to_string()))?;
        let is_set = |policy: &Option<serde_json::Value>| policy.as_ref().is_some_and(|policy| !policy.is_null());
        if is_set(&policy.throttle_policy) || is_set(&policy.sickly_retry_policy) {
            return Err(not_offered("a throttle policy or a sickly retry policy"));
        }
        Self { retries: policy.healthy_retry_policy, request: policy.request_policy, overrides: false }.checked()
    }

    fn checked(self) -> Result<Self, ApiError> {
        let Some(retries) = &self.retries else { return Ok(self) };
        let delays = [retries.min_delay_target, retries.max_delay_target];
        if delays.iter().any(|delay| !(1..=RETRY_DELAY_SECONDS_MAX).contains(delay)) || delays[0] > delays[1] {
            return Err(wrong("minDelayTarget and maxDelayTarget must be between 1 and 3600, in this order"));
        }
        let phases = retries.num_no_delay_retries.checked_add(retries.num_min_delay_retries);
        let phases = phases.and_then(|phases| phases.checked_add(retries.num_max_delay_retries));
        if retries.num_retries > RETRIES_MAX || phases.is_none_or(|phases| phases > retries.num_retries) {
            return Err(wrong("numRetries must be between 0 and 100, and not less than the retries of all phases"));
        }
        Ok(self)
    }

    /// What holds for a subscription with this policy to a topic with `topic`.
    fn under<'a>(&'a self, topic: &'a Self) -> (HealthyRetryPolicy, RequestPolicy) {
        let own = (!topic.overrides).then_some(self);
        let retries = own.and_then(|own| own.retries.as_ref()).or(topic.retries.as_ref());
        let request = own.and_then(|own| own.request.as_ref()).or(topic.request.as_ref());
        (retries.cloned().unwrap_or_default(), request.cloned().unwrap_or_default())
    }

    /// How a subscriber is tried.
    pub(crate) fn retry_policy(&self, topic: &Self, protocol: Protocol) -> RetryPolicy {
        if !protocol.asks_for_confirmation() {
            return TO_AWS;
        }
        let (retries, _) = self.under(topic);
        let count = |retries: u64| u32::try_from(retries).unwrap_or(u32::MAX);
        let phased = retries.num_no_delay_retries + retries.num_min_delay_retries + retries.num_max_delay_retries;
        let phases = Phases {
            immediate: count(retries.num_no_delay_retries),
            at_min: count(retries.num_min_delay_retries),
            growing: count(retries.num_retries.saturating_sub(phased)),
            curve: match retries.backoff_function {
                BackoffFunction::Linear => Curve::Linear,
                BackoffFunction::Arithmetic => Curve::Arithmetic,
                BackoffFunction::Geometric => Curve::Geometric,
                BackoffFunction::Exponential => Curve::Exponential,
            },
            min: Duration::from_secs(retries.min_delay_target),
            max: Duration::from_secs(retries.max_delay_target),
        };
        let attempts_max = count(retries.num_retries) + 1;
        RetryPolicy { attempts_max, age_max: HTTP_AGE, backoff: Backoff::Phased(phases) }
    }

    /// The content type of what its endpoint gets.
    pub(crate) fn content_type(&self, topic: &Self) -> String {
        self.under(topic).1.header_content_type
    }

    /// `EffectiveDeliveryPolicy` of a topic.
    pub(crate) fn effective_of_topic(&self) -> String {
        let (retries, request) = Self::default().under(self);
        serde_json::json!({ "http": {
            "defaultHealthyRetryPolicy": retries,
            "disableSubscriptionOverrides": self.overrides,
            "defaultRequestPolicy": request,
        } })
        .to_string()
    }

    /// `EffectiveDeliveryPolicy` of a subscription.
    pub(crate) fn effective(&self, topic: &Self) -> String {
        let (retries, request) = self.under(topic);
        serde_json::json!({
            "healthyRetryPolicy": retries,
            "sicklyRetryPolicy": null,
            "throttlePolicy": null,
            "requestPolicy": request,
            "guaranteed": false,
        })
        .to_string()
    }
}

fn given(text: Option<&str>) -> Result<Option<&str>, ApiError> {
    match text.filter(|text| !text.trim().is_empty()) {
        Some(text) if text.len() > ATTRIBUTE_BYTES_MAX => Err(wrong("it is too long")),
        text => Ok(text),
    }
}

fn wrong(reason: &str) -> ApiError {
    invalid(format_args!("DeliveryPolicy: {reason}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subscription_overrides_its_topic_unless_that_forbids_it() {
        let http = |more: &str| format!(r#"{{"http": {{"defaultHealthyRetryPolicy": {{"numRetries": 7}}{more}}}}}"#);
        let own = DeliveryPolicy::of_subscription(Some(r#"{"healthyRetryPolicy": {"numRetries": 1}}"#)).unwrap();
        let none = DeliveryPolicy::default();
        let attempts =
            |own: &DeliveryPolicy, topic: &DeliveryPolicy| own.retry_policy(topic, Protocol::Http).attempts_max;
        let open = DeliveryPolicy::of_topic(Some(&http(""))).unwrap();
        let closed = DeliveryPolicy::of_topic(Some(&http(r#", "disableSubscriptionOverrides": true"#))).unwrap();
        assert_eq!((attempts(&own, &open), attempts(&own, &closed), attempts(&none, &open)), (2, 8, 8));
        assert_eq!(attempts(&none, &none), 4);
        assert_eq!(none.retry_policy(&none, Protocol::Sqs).attempts_max, 100_016);
        assert_eq!(none.retry_policy(&none, Protocol::Http).backoff.after(1), Duration::from_secs(20));
    }

    #[test]
    fn policies_that_can_not_be_are_refused() {
        for policy in [
            "{",
            r#"{"healthyRetryPolicy": {"numRetries": 101}}"#,
            r#"{"healthyRetryPolicy": {"minDelayTarget": 30, "maxDelayTarget": 20}}"#,
            r#"{"healthyRetryPolicy": {"numRetries": 2, "numNoDelayRetries": 3}}"#,
            r#"{"throttlePolicy": {"maxReceivesPerSecond": 1}}"#,
            r#"{"unknown": 1}"#,
        ] {
            assert!(DeliveryPolicy::of_subscription(Some(policy)).is_err(), "{policy}");
        }
    }
}

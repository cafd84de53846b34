//! ARNs and names of topics and subscriptions.

use anabranch_protocol::{ApiError, Arn};

use crate::error::{invalid, missing};

/// Characters of a topic's name ("CreateTopic").
const NAME_CHARACTERS_MAX: usize = 256;
/// What the names of FIFO topics, and of FIFO queues, end with.
pub(crate) const FIFO_SUFFIX: &str = ".fifo";

/// Checks the name of a new topic.
pub(crate) fn check_topic_name(name: &str, is_fifo: bool) -> Result<(), ApiError> {
    let stem = name.strip_suffix(FIFO_SUFFIX);
    let is_plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
    let fits = |text: &str| !text.is_empty() && name.len() <= NAME_CHARACTERS_MAX && is_plain(text);
    match (is_fifo, stem) {
        (true, Some(stem)) if fits(stem) => Ok(()),
        (true, _) => Err(invalid(
            "Fifo Topic names must end with .fifo and must be made up of only uppercase and lowercase ASCII letters, \
             numbers, underscores, and hyphens, and must be between 1 and 256 characters long.",
        )),
        (false, None) if fits(name) => Ok(()),
        (false, _) => Err(invalid("Topic Name")),
    }
}

/// A topic's ARN that a request names in `parameter`.
pub(crate) fn topic_arn<'a>(parameter: &str, text: Option<&'a str>) -> Result<&'a str, ApiError> {
    arn_of(parameter, text, 1)
}

/// A subscription's ARN that a request names.
pub(crate) fn subscription_arn(text: Option<&str>) -> Result<&str, ApiError> {
    arn_of("SubscriptionArn", text, 2)
}

/// The ARN of something of SNS whose resource has so many parts.
fn arn_of<'a>(parameter: &str, text: Option<&'a str>, parts: usize) -> Result<&'a str, ApiError> {
    let text = text.filter(|text| !text.is_empty()).ok_or_else(|| missing(parameter))?;
    let elements = text.split(':').count();
    if elements < 6 {
        let reason = format!("An ARN must have at least 6 elements, not {elements}");
        return Err(invalid(format_args!("{parameter} Reason: {reason}")));
    }
    let arn: Option<Arn> = text.parse().ok();
    let is_one = arn.is_some_and(|arn| {
        &*arn.service == "sns"
            && arn.region.is_some()
            && arn.account.is_some()
            && arn.resource.split(':').filter(|part| !part.is_empty()).count() == parts
            && arn.resource.split(':').count() == parts
    });
    if is_one { Ok(text) } else { Err(invalid(parameter)) }
}

/// The account in an ARN.
pub(crate) fn account_of(arn: &str) -> &str {
    arn.split(':').nth(4).unwrap_or_default()
}

/// The topic of a subscription, by their ARNs.
pub(crate) fn topic_of(subscription_arn: &str) -> &str {
    subscription_arn.rsplit_once(':').map_or("", |(topic, _)| topic)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_that_sns_takes() {
        for (name, is_fifo, is_good) in [
            ("clicks", false, true),
            ("a_B-9", false, true),
            ("clicks.fifo", true, true),
            ("clicks.fifo", false, false),
            ("clicks", true, false),
            (".fifo", true, false),
            ("", false, false),
            ("a b", false, false),
            (&"x".repeat(257), false, false),
        ] {
            assert_eq!(check_topic_name(name, is_fifo).is_ok(), is_good, "{name} {is_fifo}");
        }
    }

    #[test]
    fn arns_are_told_apart() {
        let topic = "arn:aws:sns:us-east-1:000000000000:clicks";
        let subscription = format!("{topic}:6b0e71bd-7e97-4d97-80ce-4a0994e55286");
        assert_eq!(topic_arn("TopicArn", Some(topic)), Ok(topic));
        assert!(topic_arn("TopicArn", Some(&subscription)).is_err());
        assert!(subscription_arn(Some(topic)).is_err());
        assert_eq!((topic_of(&subscription), account_of(topic)), (topic, "000000000000"));
        let message = |text| topic_arn("TopicArn", text).unwrap_err().message;
        assert_eq!(
            message(Some("x")),
            "Invalid parameter: TopicArn Reason: An ARN must have at least 6 elements, not 1"
        );
        assert_eq!(message(Some("arn:aws:sqs:us-east-1:000000000000:q")), "Invalid parameter: TopicArn");
        assert_eq!(message(None), "Invalid parameter: TopicArn Reason: no value for required parameter");
    }
}

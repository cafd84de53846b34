//! Protocols of subscriptions, and which endpoints they have.

use anabranch_protocol::{ApiError, Arn, Clipped};

use crate::error::{invalid, not_offered};
use crate::names::FIFO_SUFFIX;

/// How a subscriber gets its messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    Sqs,
    Lambda,
    Firehose,
    Http,
    Https,
}

impl Protocol {
    /// The protocol that a request names.
    pub(crate) fn of(name: &str) -> Result<Self, ApiError> {
        match name {
            "sqs" => Ok(Self::Sqs),
            "lambda" => Ok(Self::Lambda),
            "firehose" => Ok(Self::Firehose),
            "http" => Ok(Self::Http),
            "https" => Ok(Self::Https),
            "email" | "email-json" | "sms" | "application" => {
                Err(not_offered(&format!("subscriptions by the protocol {name}")))
            }
            other => Err(invalid(format_args!("Amazon SNS does not support this protocol string: {}", Clipped(other)))),
        }
    }

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Sqs => "sqs",
            Self::Lambda => "lambda",
            Self::Firehose => "firehose",
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    /// Whether its endpoints have to confirm that they want messages.
    pub(crate) fn asks_for_confirmation(self) -> bool {
        matches!(self, Self::Http | Self::Https)
    }

    /// Checks an endpoint of this protocol for a topic.
    pub(crate) fn check(self, endpoint: &str, topic_is_fifo: bool) -> Result<(), ApiError> {
        if topic_is_fifo && self != Self::Sqs {
            return Err(invalid(format_args!(
                "Invalid protocol type: {}. FIFO topics deliver to queues only",
                self.as_str()
            )));
        }
        match self {
            Self::Sqs => {
                let name = resource(endpoint, "sqs", "").ok_or_else(|| invalid("SQS endpoint ARN"))?;
                if name.ends_with(FIFO_SUFFIX) && !topic_is_fifo {
                    return Err(invalid(
                        "Invalid parameter: Endpoint Reason: FIFO SQS Queues can not be subscribed to standard SNS topics",
                    ));
                }
                Ok(())
            }
            Self::Lambda => {
                resource(endpoint, "lambda", "function:").map(drop).ok_or_else(|| invalid("Lambda endpoint ARN"))
            }
            Self::Firehose => resource(endpoint, "firehose", "deliverystream/")
                .map(drop)
                .ok_or_else(|| invalid("Kinesis Data Firehose endpoint ARN")),
            Self::Http | Self::Https => {
                let is_one = endpoint.starts_with(&format!("{}://", self.as_str()));
                let is_address =
                    endpoint.parse::<http::Uri>().is_ok_and(|uri| uri.host().is_some_and(|host| !host.is_empty()));
                match (is_one, is_address) {
                    (true, true) => Ok(()),
                    (false, _) => Err(invalid("Endpoint must match the specified protocol")),
                    (true, false) => Err(invalid("Endpoint")),
                }
            }
        }
    }
}

/// What an ARN of `service` names behind `prefix`.
fn resource(arn: &str, service: &str, prefix: &str) -> Option<String> {
    let arn: Arn = arn.parse().ok()?;
    let is_complete = &*arn.service == service && arn.region.is_some() && arn.account.is_some();
    arn.resource_after(prefix).filter(|name| is_complete && !name.is_empty()).map(str::to_string)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_of_their_protocol() {
        for (protocol, endpoint, is_good) in [
            (Protocol::Sqs, "arn:aws:sqs:us-east-1:000000000000:clicks", true),
            (Protocol::Sqs, "arn:aws:sqs:us-east-1:000000000000:clicks.fifo", false),
            (Protocol::Sqs, "http://localhost/clicks", false),
            (Protocol::Lambda, "arn:aws:lambda:us-east-1:000000000000:function:clicks:live", true),
            (Protocol::Lambda, "arn:aws:lambda:us-east-1:000000000000:layer:clicks", false),
            (Protocol::Firehose, "arn:aws:firehose:us-east-1:000000000000:deliverystream/clicks", true),
            (Protocol::Http, "http://localhost:8000/clicks", true),
            (Protocol::Http, "https://localhost/clicks", false),
            (Protocol::Https, "https://", false),
        ] {
            assert_eq!(protocol.check(endpoint, false).is_ok(), is_good, "{endpoint}");
        }
        assert!(Protocol::Sqs.check("arn:aws:sqs:us-east-1:000000000000:clicks.fifo", true).is_ok());
        assert!(Protocol::Http.check("http://localhost", true).is_err());
        assert!(Protocol::of("sms").unwrap_err().message.contains("does not support"));
    }
}

//! Destinations: where batches of records and asynchronous events go once they are given up, and
//! what became of asynchronous events.
//!
//! A kind of destination is a file here (or a line in `target.rs`, if the server's targets take its
//! messages), a variant of [`Destination`] and its line in [`Destination::from_arn`] and
//! [`Destination::kind`].

mod message;
mod s3;
mod target;

use std::fmt;
use std::str::FromStr;

use anabranch_ports::PortError;
use anabranch_protocol::{ApiError, Arn};
use serde::{Deserialize, Serialize};

use crate::error::invalid_parameter;
use message::Kind;
pub(crate) use message::{Message, Services};
use s3::Bucket;
use target::{EventBus, Function, Queue, Topic};

/// A destination, in the form in which it is stored: tagged by its kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Destination {
    /// A bucket.
    S3(Bucket),
    /// A standard queue.
    Sqs(Queue),
    /// A standard topic.
    Sns(Topic),
    /// Another function; of asynchronous invocations only.
    Lambda(Function),
    /// An event bus; of asynchronous invocations only.
    EventBridge(EventBus),
}

impl Destination {
    fn from_arn(arn: &Arn) -> Option<Self> {
        Bucket::from_arn(arn)
            .map(Self::S3)
            .or_else(|| Queue::from_arn(arn).map(Self::Sqs))
            .or_else(|| Topic::from_arn(arn).map(Self::Sns))
            .or_else(|| Function::from_arn(arn).map(Self::Lambda))
            .or_else(|| EventBus::from_arn(arn).map(Self::EventBridge))
    }

    fn kind(&self) -> &dyn Kind {
        match self {
            Self::S3(bucket) => bucket,
            Self::Sqs(queue) => queue,
            Self::Sns(topic) => topic,
            Self::Lambda(function) => function,
            Self::EventBridge(bus) => bus,
        }
    }

    /// Whether event source mappings of streams may have it.
    pub(crate) fn takes_batches(&self) -> bool {
        matches!(self, Self::S3(_) | Self::Sqs(_) | Self::Sns(_))
    }

    /// Whether there is such a thing, as far as can be told without sending to it.
    pub(crate) async fn check(&self, services: &Services) -> Result<(), PortError> {
        self.kind().check(services).await
    }

    /// Sends `message` and returns once it is durable there. The same message may be sent again.
    pub(crate) async fn send(&self, message: &Message, services: &Services) -> Result<(), PortError> {
        self.kind().send(message, services).await
    }
}

/// What `Destination` in `OnFailure` or `OnSuccess` says.
impl FromStr for Destination {
    type Err = ApiError;

    fn from_str(text: &str) -> Result<Self, ApiError> {
        let arn: Option<Arn> = text.parse().ok();
        arn.as_ref().and_then(Self::from_arn).ok_or_else(|| {
            invalid_parameter(format!(
                "Destination {text} is not supported: only ARNs of S3 buckets, standard SQS queues, standard SNS \
                 topics and, for asynchronous invocations, functions and event buses are (no Kafka topics)."
            ))
        })
    }
}

/// Its ARN.
impl fmt::Display for Destination {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.kind().arn().fmt(formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn destinations_are_told_by_their_arns_and_stored_by_kind() {
        for (arn, stored, takes_batches) in [
            ("arn:aws:s3:::failures", r#"{"kind":"s3","bucket":"failures"}"#, true),
            ("arn:aws:sqs:eu-west-1:111122223333:dead", r#"{"kind":"sqs","arn":"ARN"}"#, true),
            ("arn:aws:sns:eu-west-1:111122223333:dead", r#"{"kind":"sns","arn":"ARN"}"#, true),
            ("arn:aws:lambda:eu-west-1:111122223333:function:f", r#"{"kind":"lambda","arn":"ARN"}"#, false),
            ("arn:aws:events:eu-west-1:111122223333:event-bus/b", r#"{"kind":"event_bridge","arn":"ARN"}"#, false),
        ] {
            let destination: Destination = arn.parse().unwrap();
            assert_eq!(destination.to_string(), arn);
            assert_eq!(serde_json::to_string(&destination).unwrap(), stored.replace("ARN", arn));
            assert_eq!(destination.takes_batches(), takes_batches);
        }
        for other in [
            "arn:aws:sqs:us-east-1:000000000000:dead.fifo",
            "arn:aws:sns:us-east-1:000000000000:dead:11111111-2222-3333-4444-555555555555",
            "arn:aws:s3:::failures/prefix",
            "arn:aws:kafka:us-east-1:000000000000:topic/c/1/t",
            "kafka://failures",
            "failures",
            "",
        ] {
            let error = other.parse::<Destination>().unwrap_err();
            assert!(error.message.contains(other), "{error}");
        }
    }
}

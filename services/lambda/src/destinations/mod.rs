//! On-failure destinations: where batches of records and asynchronous events go once they are
//! given up.
//!
//! A kind of destination is a file here, a variant of [`Destination`] and its line in
//! [`Destination::from_arn`] and [`Destination::kind`].

mod message;
mod s3;

use std::fmt;
use std::str::FromStr;

use anabranch_ports::PortError;
use anabranch_protocol::{ApiError, Arn};
use serde::{Deserialize, Serialize};

use crate::error::invalid_parameter;
use message::Kind;
pub(crate) use message::{Message, Services};
use s3::Bucket;

/// A destination, in the form in which it is stored: tagged by its kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Destination {
    /// A bucket.
    S3(Bucket),
}

impl Destination {
    fn from_arn(arn: &Arn) -> Option<Self> {
        Bucket::from_arn(arn).map(Self::S3)
    }

    fn kind(&self) -> &dyn Kind {
        match self {
            Self::S3(bucket) => bucket,
        }
    }

    /// Sends `message` and returns once it is durable there. The same message may be sent again.
    pub(crate) async fn send(&self, message: &Message, services: &Services) -> Result<(), PortError> {
        self.kind().send(message, services).await
    }
}

/// What `OnFailure.Destination` says.
impl FromStr for Destination {
    type Err = ApiError;

    fn from_str(text: &str) -> Result<Self, ApiError> {
        let arn: Option<Arn> = text.parse().ok();
        arn.as_ref().and_then(Self::from_arn).ok_or_else(|| {
            invalid_parameter(format!(
                "OnFailure.Destination {text} is not supported: only S3 bucket ARNs are (no SQS, SNS or Kafka)"
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
    fn only_buckets_are_destinations() {
        let bucket: Destination = "arn:aws:s3:::failures".parse().unwrap();
        assert_eq!(bucket.to_string(), "arn:aws:s3:::failures");
        assert_eq!(serde_json::to_string(&bucket).unwrap(), r#"{"kind":"s3","bucket":"failures"}"#);
        for other in ["arn:aws:sqs:us-east-1:000000000000:dead", "arn:aws:s3:::failures/prefix", "failures", ""] {
            let error = other.parse::<Destination>().unwrap_err();
            assert!(error.message.contains(other), "{error}");
        }
    }
}

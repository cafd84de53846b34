//! What streams, consumers and commitments can be at a moment.

use std::fmt;

use serde::Serialize;

/// What a stream is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum StreamStatus {
    Creating,
    Active,
    Updating,
    Deleting,
}

impl StreamStatus {
    /// As AWS writes it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Creating => "CREATING",
            Self::Active => "ACTIVE",
            Self::Updating => "UPDATING",
            Self::Deleting => "DELETING",
        }
    }
}

impl fmt::Display for StreamStatus {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// What a consumer is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum ConsumerStatus {
    Creating,
    Active,
    Deleting,
}

impl ConsumerStatus {
    /// As AWS writes it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Creating => "CREATING",
            Self::Active => "ACTIVE",
            Self::Deleting => "DELETING",
        }
    }
}

impl fmt::Display for ConsumerStatus {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// Whether records count as encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum EncryptionType {
    None,
    Kms,
}

/// What becomes of an account's commitment to a minimum throughput.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum CommitmentStatus {
    Enabled,
    /// Disabled, which takes effect a day after it began.
    EnabledUntilEarliestAllowedEnd,
    Disabled,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_and_messages_name_them_alike() {
        for status in [StreamStatus::Creating, StreamStatus::Active, StreamStatus::Updating, StreamStatus::Deleting] {
            assert_eq!(serde_json::to_value(status).unwrap(), status.as_str());
        }
        for status in [ConsumerStatus::Creating, ConsumerStatus::Active, ConsumerStatus::Deleting] {
            assert_eq!(serde_json::to_value(status).unwrap(), status.as_str());
        }
        let ending = serde_json::to_value(CommitmentStatus::EnabledUntilEarliestAllowedEnd).unwrap();
        assert_eq!(ending, "ENABLED_UNTIL_EARLIEST_ALLOWED_END");
        assert_eq!(
            serde_json::to_value([EncryptionType::None, EncryptionType::Kms]).unwrap(),
            serde_json::json!(["NONE", "KMS"])
        );
    }
}

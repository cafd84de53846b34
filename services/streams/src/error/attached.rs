//! What is refused of tags and resource policies.

use crate::limits::{POLICY_BYTES_MAX, TAGS_MAX};

/// Why tags were not added or removed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TagError {
    #[error(
        "Some tags contain invalid characters. Valid characters: Unicode letters, digits, white space, _ . / = + - % @ :."
    )]
    Letters,
    /// A percent sign: Kinesis looks twice, and lets it pass at first. `action` is such as
    /// `add tags to`, `owner` such as `stream clicks`.
    #[error(
        "Failed to {action} {owner} because some tags contained illegal characters. The allowed characters are \
         Unicode letters, white-spaces, '_',',','/','=','+','-','@',':'."
    )]
    Percent { action: &'static str, owner: String },
    #[error("Tag keys that begin with aws: are reserved: {key}.")]
    Reserved { key: String },
    #[error(
        "Failed to add tags to {owner} because a given {} cannot have more than {TAGS_MAX} tags associated with it.",
        .owner.split(' ').next().unwrap_or_default()
    )]
    TooMany { owner: String },
}

/// What is wrong with a resource policy. Its statements are counted from 1.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PolicyError {
    #[error("The policy has {bytes} bytes; at most {POLICY_BYTES_MAX} are allowed.")]
    TooLong { bytes: usize },
    #[error("The policy is not valid JSON.")]
    NotJson,
    #[error("The policy must have at least one Statement.")]
    NoStatement,
    #[error("Effect of the policy's statement {statement} must be Allow or Deny.")]
    Effect { statement: usize },
    #[error("The policy's statement {statement} must have a member {member}.")]
    Member { statement: usize, member: &'static str },
    #[error("No resource policy found for resource ARN {arn}")]
    NotFound { arn: String },
}

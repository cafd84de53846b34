//! What the services allow in a pattern.

use crate::error::PatternError;
use crate::source::Source;

/// Bytes of an EventBridge or Pipes pattern: `EventPattern` in EventBridge's API.
const EVENT_PATTERN_BYTES_MAX: usize = 4096;
/// Bytes of one of Lambda's filters: `Pattern` of the type `Filter` in Lambda's API.
const LAMBDA_PATTERN_BYTES_MAX: usize = 4096;
/// Bytes of an SNS filter policy: "Filter policy constraints" in SNS's guide.
const SNS_POLICY_BYTES_MAX: usize = 256 * 1024;
/// Conjunctions into which the `$or`s of a pattern may multiply: "Comparison operators" in
/// EventBridge's guide.
pub const COMBINATIONS_MAX: usize = 1000;
/// Keys at the top of an SNS filter policy: "Filter policy constraints" in SNS's guide.
pub const SNS_KEYS_MAX: usize = 5;
/// Combinations of values in an SNS filter policy: the number of values of each list, times
/// the depth of its key, multiplied over all lists ("Filter policy constraints").
pub const SNS_COMBINATIONS_MAX: usize = 150;
/// Filters of an event source mapping; AWS lifts it to 10 when asked
/// ("Control which events Lambda sends to your function").
pub const FILTERS_MAX: usize = 5;

/// Whose patterns they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// Rules of an event bus: the whole language.
    EventBridge,
    /// Filters of a pipe: neither `wildcard` nor the forms of `anything-but` that hold
    /// another operator (column "Pipe support" of "Comparison operators" in EventBridge's guide).
    Pipes,
    /// Filters of an event source mapping: as EventBridge. The table in Lambda's guide is
    /// shorter, but does not say that what it leaves out is refused.
    LambdaFilter,
    /// An SNS filter policy on message attributes: flat, few keys and combinations.
    SnsAttributes,
    /// An SNS filter policy on the message body: nested, few keys and combinations.
    SnsBody,
}

impl Dialect {
    /// Bytes that a pattern may have.
    pub(crate) fn check_length(self, text: &str) -> Result<(), PatternError> {
        let bytes_max = match self {
            Self::EventBridge | Self::Pipes => EVENT_PATTERN_BYTES_MAX,
            Self::LambdaFilter => LAMBDA_PATTERN_BYTES_MAX,
            Self::SnsAttributes | Self::SnsBody => SNS_POLICY_BYTES_MAX,
        };
        if text.len() <= bytes_max {
            return Ok(());
        }
        Err(PatternError::new(&[], format!("Pattern must have length less than or equal to {bytes_max}")))
    }

    /// The limits on the pattern as a whole.
    pub(crate) fn check(self, members: &[(String, Source)]) -> Result<(), PatternError> {
        if !matches!(self, Self::SnsAttributes | Self::SnsBody) {
            return Ok(());
        }
        if members.len() > SNS_KEYS_MAX {
            return Err(PatternError::new(&[], format!("Filter policy can not have more than {SNS_KEYS_MAX} keys")));
        }
        if self == Self::SnsAttributes
            && let Some((name, _)) = members.iter().find(|(_, value)| matches!(value, Source::Object(_)))
        {
            return Err(PatternError::new(
                &[name],
                "Filter policy scope MessageAttributes does not support nested filter policy",
            ));
        }
        if combinations(members, 1, 1) > SNS_COMBINATIONS_MAX {
            return Err(PatternError::new(&[], "Filter policy is too complex"));
        }
        Ok(())
    }

    /// Whether `operator`, found inside `anything-but` or not, is part of the dialect.
    pub(crate) fn allows(self, operator: &str, inside_anything_but: bool) -> bool {
        self != Self::Pipes || (operator != "wildcard" && !inside_anything_but)
    }
}

/// As SNS counts them: `$or` adds up, all else multiplies.
fn combinations(members: &[(String, Source)], depth: usize, so_far: usize) -> usize {
    members.iter().fold(so_far, |so_far, (name, value)| match value {
        Source::Object(members) => combinations(members, depth + 1, so_far),
        Source::Array(branches) if name == "$or" => branches
            .iter()
            .map(|branch| match branch {
                Source::Object(members) => combinations(members, depth, so_far),
                _ => so_far,
            })
            .fold(0, usize::saturating_add),
        Source::Array(values) => so_far.saturating_mul(values.len()).saturating_mul(depth),
        _ => so_far,
    })
}

//! A queue's attributes: which there are, what they may be and what they are unless given
//! ("SetQueueAttributes").

use std::collections::BTreeMap;

use anabranch_protocol::{ApiError, Clipped};

use crate::error::{INVALID_ATTRIBUTE_NAME, invalid_attribute};
use crate::limits::{
    ATTRIBUTE_VALUE_BYTES_MAX, DELAY_SECONDS_MAX, KEY_REUSE_SECONDS_MAX, KEY_REUSE_SECONDS_MIN, MESSAGE_BYTES_MAX,
    MESSAGE_BYTES_MIN, RETENTION_SECONDS_MAX, RETENTION_SECONDS_MIN, VISIBILITY_TIMEOUT_SECONDS_MAX, WAIT_SECONDS_MAX,
};
use crate::record::Scope;
use crate::redrive::{RedriveAllowPolicy, RedrivePolicy};

/// Attributes as they were given.
pub(crate) type Attributes = BTreeMap<String, String>;

/// How a queue behaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Settings {
    /// The attributes that were given, for those who ask for them.
    pub(crate) given: Attributes,
    pub(crate) visibility_timeout_seconds: u64,
    pub(crate) delay_seconds: u64,
    pub(crate) wait_seconds: u64,
    pub(crate) retention_seconds: u64,
    pub(crate) message_bytes_max: u64,
    pub(crate) is_fifo: bool,
    pub(crate) deduplicates_by_content: bool,
    pub(crate) deduplicates_by_group: bool,
    pub(crate) redrive: Option<RedrivePolicy>,
    pub(crate) redrive_allow: RedriveAllowPolicy,
}

/// What an attribute may be.
enum Kind {
    /// A whole number within these, and this unless given.
    Number { min: u64, max: u64, default: u64 },
    /// `true` or `false`, and this unless given.
    Flag { default: Option<bool> },
    /// One of these words, of which the first is the default.
    Word(&'static [&'static str]),
    /// A document, or none if it is empty.
    Document,
}

struct Attribute {
    name: &'static str,
    kind: Kind,
    /// Whether only FIFO queues have it.
    is_of_fifo: bool,
}

const fn of_all(name: &'static str, kind: Kind) -> Attribute {
    Attribute { name, kind, is_of_fifo: false }
}

const fn of_fifo(name: &'static str, kind: Kind) -> Attribute {
    Attribute { name, kind, is_of_fifo: true }
}

pub(crate) const POLICY: &str = "Policy";
const VISIBILITY_TIMEOUT: &str = "VisibilityTimeout";
const DELAY: &str = "DelaySeconds";
const WAIT: &str = "ReceiveMessageWaitTimeSeconds";
const RETENTION: &str = "MessageRetentionPeriod";
const MESSAGE_SIZE: &str = "MaximumMessageSize";
const FIFO: &str = "FifoQueue";
const BY_CONTENT: &str = "ContentBasedDeduplication";
const DEDUPLICATION_SCOPE: &str = "DeduplicationScope";
const THROUGHPUT_LIMIT: &str = "FifoThroughputLimit";
const REDRIVE_POLICY: &str = "RedrivePolicy";
const REDRIVE_ALLOW_POLICY: &str = "RedriveAllowPolicy";

/// Attributes that callers set.
const SETTABLE: &[Attribute] = &[
    of_all(VISIBILITY_TIMEOUT, Kind::Number { min: 0, max: VISIBILITY_TIMEOUT_SECONDS_MAX, default: 30 }),
    of_all(DELAY, Kind::Number { min: 0, max: DELAY_SECONDS_MAX, default: 0 }),
    of_all(WAIT, Kind::Number { min: 0, max: WAIT_SECONDS_MAX, default: 0 }),
    of_all(RETENTION, Kind::Number { min: RETENTION_SECONDS_MIN, max: RETENTION_SECONDS_MAX, default: 345_600 }),
    of_all(MESSAGE_SIZE, Kind::Number { min: MESSAGE_BYTES_MIN, max: MESSAGE_BYTES_MAX, default: MESSAGE_BYTES_MAX }),
    of_all(POLICY, Kind::Document),
    of_all(REDRIVE_POLICY, Kind::Document),
    of_all(REDRIVE_ALLOW_POLICY, Kind::Document),
    of_all("KmsMasterKeyId", Kind::Document),
    of_all(
        "KmsDataKeyReusePeriodSeconds",
        Kind::Number { min: KEY_REUSE_SECONDS_MIN, max: KEY_REUSE_SECONDS_MAX, default: 300 },
    ),
    of_all("SqsManagedSseEnabled", Kind::Flag { default: None }),
    of_fifo(FIFO, Kind::Flag { default: None }),
    of_fifo(BY_CONTENT, Kind::Flag { default: Some(false) }),
    of_fifo(DEDUPLICATION_SCOPE, Kind::Word(&["queue", "messageGroup"])),
    of_fifo(THROUGHPUT_LIMIT, Kind::Word(&["perQueue", "perMessageGroupId"])),
];

/// Attributes that the queue has by itself.
pub(crate) const READ_ONLY: &[&str] = &[
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
    "CreatedTimestamp",
    "LastModifiedTimestamp",
    "QueueArn",
];

/// Whether GetQueueAttributes knows this name.
pub(crate) fn is_attribute(name: &str) -> bool {
    name == "All" || READ_ONLY.contains(&name) || SETTABLE.iter().any(|attribute| attribute.name == name)
}

/// Whether a queue with these attributes is to be a FIFO queue.
pub(crate) fn asks_for_fifo(attributes: &Attributes) -> bool {
    attributes.get(FIFO).is_some_and(|value| value == "true")
}

impl Settings {
    /// The settings of a queue with the attributes `given`.
    ///
    /// # Errors
    /// `InvalidAttributeName` and `InvalidAttributeValue`.
    pub(crate) fn of(given: Attributes) -> Result<Self, ApiError> {
        let is_fifo = asks_for_fifo(&given);
        for (name, value) in &given {
            check(name, value, is_fifo)?;
        }
        let number = |name: &str| {
            let given = given.get(name).and_then(|value| value.parse().ok());
            given.or_else(|| default_of(name)?.parse().ok()).unwrap_or_default()
        };
        let says = |name: &str, word: &str| given.get(name).is_some_and(|value| value == word);
        let redrive = given.get(REDRIVE_POLICY).map(|policy| RedrivePolicy::parse(policy)).transpose()?;
        let redrive_allow =
            given.get(REDRIVE_ALLOW_POLICY).map(|policy| RedriveAllowPolicy::parse(policy)).transpose()?;
        if says(THROUGHPUT_LIMIT, "perMessageGroupId") && !says(DEDUPLICATION_SCOPE, "messageGroup") {
            // High throughput needs both ("High throughput for FIFO queues").
            return Err(invalid_attribute(THROUGHPUT_LIMIT));
        }
        Ok(Self {
            visibility_timeout_seconds: number(VISIBILITY_TIMEOUT),
            delay_seconds: number(DELAY),
            wait_seconds: number(WAIT),
            retention_seconds: number(RETENTION),
            message_bytes_max: number(MESSAGE_SIZE),
            is_fifo,
            deduplicates_by_content: says(BY_CONTENT, "true"),
            deduplicates_by_group: says(DEDUPLICATION_SCOPE, "messageGroup"),
            redrive,
            redrive_allow: redrive_allow.unwrap_or_default(),
            given,
        })
    }

    /// The settings after `changes`; an empty document takes an attribute away.
    ///
    /// # Errors
    /// As [`Settings::of`].
    pub(crate) fn with(&self, changes: Attributes) -> Result<Self, ApiError> {
        if changes.get(FIFO).is_some_and(|value| (value == "true") != self.is_fifo) {
            return Err(invalid_attribute(FIFO));
        }
        let mut given = self.given.clone();
        given.extend(changes);
        Self::of(without_empty(given))
    }

    /// The value of an attribute that callers set, as it is shown.
    pub(crate) fn shown(&self, name: &str) -> Option<String> {
        let attribute = SETTABLE.iter().find(|attribute| attribute.name == name)?;
        let is_shown = !attribute.is_of_fifo || self.is_fifo;
        let default = || match name {
            // Encrypted by SQS unless by KMS ("Encryption at rest in Amazon SQS").
            "SqsManagedSseEnabled" => Some((!self.given.contains_key("KmsMasterKeyId")).to_string()),
            "KmsDataKeyReusePeriodSeconds" if !self.given.contains_key("KmsMasterKeyId") => None,
            _ => default_of(name),
        };
        self.given.get(name).cloned().or_else(default).filter(|_| is_shown)
    }

    /// All attributes that callers set, as they are shown.
    pub(crate) fn all_shown(&self) -> impl Iterator<Item = (&'static str, String)> {
        SETTABLE.iter().filter_map(|attribute| Some((attribute.name, self.shown(attribute.name)?)))
    }

    /// The first of `wanted` that this queue has otherwise.
    pub(crate) fn differing(&self, wanted: &Attributes) -> Option<String> {
        let differs = |(name, value): &(&String, &String)| self.shown(name).unwrap_or_default() != **value;
        wanted.iter().find(differs).map(|(name, _)| name.clone())
    }

    /// Where deduplication ids hold.
    pub(crate) fn deduplication_scope(&self) -> Scope {
        match (self.is_fifo, self.deduplicates_by_group) {
            (false, _) => Scope::None,
            (true, false) => Scope::Queue,
            (true, true) => Scope::Group,
        }
    }
}

/// Without documents that are empty, which means that there are none.
pub(crate) fn without_empty(mut attributes: Attributes) -> Attributes {
    let is_document = |name: &str| {
        SETTABLE.iter().any(|attribute| attribute.name == name && matches!(attribute.kind, Kind::Document))
    };
    attributes.retain(|name, value| !value.is_empty() || !is_document(name));
    attributes
}

fn default_of(name: &str) -> Option<String> {
    match &SETTABLE.iter().find(|attribute| attribute.name == name)?.kind {
        Kind::Number { default, .. } => Some(default.to_string()),
        Kind::Flag { default } => default.map(|default| default.to_string()),
        Kind::Word(words) => words.first().map(|word| word.to_string()),
        Kind::Document => None,
    }
}

fn check(name: &str, value: &str, is_fifo: bool) -> Result<(), ApiError> {
    let unknown = || ApiError::invalid(INVALID_ATTRIBUTE_NAME, format!("Unknown Attribute {}.", Clipped(name)));
    let attribute = SETTABLE.iter().find(|attribute| attribute.name == name).ok_or_else(unknown)?;
    if attribute.is_of_fifo && !is_fifo {
        // Also `FifoQueue` with any value but true: standard queues leave it out ("CreateQueue").
        return Err(unknown());
    }
    let is_valid = match &attribute.kind {
        Kind::Number { min, max, .. } => value.parse().is_ok_and(|number: u64| (*min..=*max).contains(&number)),
        Kind::Flag { .. } => matches!(value, "true" | "false"),
        Kind::Word(words) => words.contains(&value),
        Kind::Document => value.len() <= ATTRIBUTE_VALUE_BYTES_MAX,
    };
    let is_json = || serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(value).is_ok();
    if is_valid && (name != POLICY || value.is_empty() || is_json()) { Ok(()) } else { Err(invalid_attribute(name)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attributes(pairs: &[(&str, &str)]) -> Attributes {
        pairs.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect()
    }

    #[test]
    fn what_is_not_given_is_as_aws_has_it() {
        let settings = Settings::of(Attributes::new()).unwrap();
        assert_eq!(settings.visibility_timeout_seconds, 30);
        assert_eq!(settings.message_bytes_max, 1_048_576);
        let shown: Vec<_> = settings.all_shown().map(|(name, value)| format!("{name}={value}")).collect();
        assert!(shown.contains(&"SqsManagedSseEnabled=true".to_string()), "{shown:?}");
        assert!(!shown.iter().any(|one| one.starts_with("Fifo") || one.starts_with("Kms")), "{shown:?}");
        let fifo = Settings::of(attributes(&[("FifoQueue", "true")])).unwrap();
        assert_eq!(fifo.shown("DeduplicationScope").as_deref(), Some("queue"));
        assert_eq!(fifo.shown("ContentBasedDeduplication").as_deref(), Some("false"));
    }

    #[test]
    fn values_out_of_range_are_refused() {
        for (name, value) in [
            ("VisibilityTimeout", "43201"),
            ("VisibilityTimeout", "-1"),
            ("DelaySeconds", "901"),
            ("MaximumMessageSize", "1023"),
            ("MaximumMessageSize", "1048577"),
            ("MessageRetentionPeriod", "59"),
            ("ReceiveMessageWaitTimeSeconds", "21"),
            ("Policy", "not json"),
            ("RedrivePolicy", "{}"),
            ("SqsManagedSseEnabled", "yes"),
        ] {
            assert!(Settings::of(attributes(&[(name, value)])).is_err(), "{name}={value}");
        }
        assert_eq!(Settings::of(attributes(&[("Size", "1")])).unwrap_err().code, INVALID_ATTRIBUTE_NAME);
        assert_eq!(Settings::of(attributes(&[("FifoQueue", "false")])).unwrap_err().code, INVALID_ATTRIBUTE_NAME);
    }

    #[test]
    fn changes_leave_the_rest() {
        let before = Settings::of(attributes(&[("DelaySeconds", "5"), ("Policy", "{}")])).unwrap();
        let after = before.with(attributes(&[("VisibilityTimeout", "7"), ("Policy", "")])).unwrap();
        assert_eq!((after.delay_seconds, after.visibility_timeout_seconds), (5, 7));
        assert_eq!(after.shown("Policy"), None);
        assert_eq!(after.differing(&attributes(&[("DelaySeconds", "5"), ("VisibilityTimeout", "7")])), None);
        assert_eq!(after.differing(&attributes(&[("DelaySeconds", "6")])).as_deref(), Some("DelaySeconds"));
        assert!(before.with(attributes(&[("FifoQueue", "true")])).is_err());
    }
}

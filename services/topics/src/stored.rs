//! What control state keeps of topics.

use std::collections::BTreeMap;

use anabranch_control::{Stored, Table};
use serde::{Deserialize, Serialize};

/// Topics by ARN.
pub(crate) const TOPICS: Table = Table("topics");
/// Subscriptions by ARN.
pub(crate) const SUBSCRIPTIONS: Table = Table("topics_subscriptions");
/// Messages of FIFO topics that are not to be delivered twice, by topic and sequence number.
pub(crate) const DEDUPLICATIONS: Table = Table("topics_deduplications");
/// Deliveries that are not done.
pub(crate) const DELIVERIES: Table = Table("topics_deliveries");
/// The key that messages are signed with: one row.
pub(crate) const SIGNING: Table = Table("topics_signing");

/// A topic.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StoredTopic {
    pub(crate) arn: String,
    /// Those that were set, as they were set.
    pub(crate) attributes: BTreeMap<String, String>,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) subscriptions_deleted: u64,
}

impl Stored for StoredTopic {
    const KIND: &'static str = "topic";
    const VERSION: u32 = 1;
}

/// A subscription.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StoredSubscription {
    pub(crate) arn: String,
    pub(crate) owner: String,
    pub(crate) protocol: String,
    pub(crate) endpoint: String,
    /// Those that were set, as they were set.
    pub(crate) attributes: BTreeMap<String, String>,
    pub(crate) is_confirmed: bool,
    /// Whether whoever confirmed it was authenticated.
    pub(crate) was_authenticated: bool,
    /// What confirms it, for endpoints that have to.
    pub(crate) token: Option<StoredToken>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StoredToken {
    pub(crate) text: String,
    pub(crate) made_ms: u64,
}

impl Stored for StoredSubscription {
    const KIND: &'static str = "subscription";
    const VERSION: u32 = 1;
}

/// A message of a FIFO topic that was accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StoredDeduplication {
    /// The deduplication id, and the group's where its scope is the group.
    pub(crate) id: String,
    pub(crate) message_id: String,
    pub(crate) accepted_ms: u64,
}

impl Stored for StoredDeduplication {
    const KIND: &'static str = "deduplication";
    const VERSION: u32 = 1;
}

/// A key and its certificate, in PEM.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StoredSigningKey {
    pub(crate) key: String,
    pub(crate) certificate: String,
}

impl Stored for StoredSigningKey {
    const KIND: &'static str = "signing_key";
    const VERSION: u32 = 1;
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/stored");

    #[test]
    fn topics_have_fixtures() {
        let of =
            |pairs: &[(&str, &str)]| pairs.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect();
        let plain = StoredTopic {
            arn: "arn:aws:sns:us-east-1:000000000000:clicks".into(),
            attributes: BTreeMap::new(),
            tags: BTreeMap::new(),
            subscriptions_deleted: 0,
        };
        let fifo = StoredTopic {
            arn: "arn:aws:sns:eu-west-1:111122223333:clicks.fifo".into(),
            attributes: of(&[("FifoTopic", "true"), ("ContentBasedDeduplication", "true")]),
            tags: of(&[("team", "data")]),
            subscriptions_deleted: 2,
        };
        anabranch_control::check_fixtures(FIXTURES, &[plain, fifo]);
        let queue = StoredSubscription {
            arn: "arn:aws:sns:us-east-1:000000000000:clicks:6b0e71bd-7e97-4d97-80ce-4a0994e55286".into(),
            owner: "000000000000".into(),
            protocol: "sqs".into(),
            endpoint: "arn:aws:sqs:us-east-1:000000000000:clicks".into(),
            attributes: of(&[("RawMessageDelivery", "true")]),
            is_confirmed: true,
            was_authenticated: true,
            token: None,
        };
        let endpoint = StoredSubscription {
            protocol: "https".into(),
            endpoint: "https://example.com/clicks".into(),
            is_confirmed: false,
            was_authenticated: false,
            token: Some(StoredToken { text: "abc".into(), made_ms: 1_700_000_000_000 }),
            ..queue.clone()
        };
        anabranch_control::check_fixtures(FIXTURES, &[queue, endpoint]);
        let id = StoredDeduplication { id: "d".into(), message_id: "m".into(), accepted_ms: 1_700_000_000_000 };
        anabranch_control::check_fixtures(FIXTURES, &[id]);
        let key = StoredSigningKey { key: "PEM".into(), certificate: "PEM".into() };
        anabranch_control::check_fixtures(FIXTURES, &[key]);
    }
}

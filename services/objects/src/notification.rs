//! Bucket notifications: which events a bucket reports, to whom, and in which form.
//! (S3 User Guide, "Event message structure".)

use anabranch_protocol::{Account, Arn};
use jiff::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

/// In event messages keys are form-encoded: spaces are pluses, slashes stay.
const KEY_ESCAPES: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'*').remove(b'/').remove(b' ');

/// Rules of a bucket's notification configuration (S3 User Guide, "Amazon S3 quotas").
const NOTIFICATION_RULES_MAX: usize = 100;

/// A bucket's notification rules.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notifications {
    /// In the order given.
    pub rules: Vec<NotificationRule>,
    /// Whether all events go to the default event bus, too.
    pub event_bridge: bool,
}

/// Tells one function, queue or topic of some events.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotificationRule {
    /// Its id, echoed in events.
    pub id: String,
    /// ARN of the Lambda function, the SQS queue or the SNS topic.
    pub target_arn: String,
    /// Such as `s3:ObjectCreated:*`.
    pub events: Vec<String>,
    /// Keys must start with this.
    pub prefix: String,
    /// Keys must end with this.
    pub suffix: String,
}

/// Events a rule may name.
const EVENTS: [&str; 8] = [
    "s3:ObjectCreated:*",
    "s3:ObjectCreated:Put",
    "s3:ObjectCreated:Post",
    "s3:ObjectCreated:Copy",
    "s3:ObjectCreated:CompleteMultipartUpload",
    "s3:ObjectRemoved:*",
    "s3:ObjectRemoved:Delete",
    "s3:ObjectRemoved:DeleteMarkerCreated",
];

impl Notifications {
    /// Checks events and overlaps as S3 does.
    ///
    /// # Errors
    /// The message of the `InvalidArgument` to answer.
    pub fn check(&self) -> Result<(), String> {
        if self.rules.len() > NOTIFICATION_RULES_MAX {
            return Err(format!("A bucket has at most {NOTIFICATION_RULES_MAX} notification configurations."));
        }
        for rule in &self.rules {
            if let Some(event) = rule.events.iter().find(|event| !EVENTS.contains(&event.as_str())) {
                return Err(format!("The event '{event}' is not supported for notifications."));
            }
        }
        for (number, rule) in self.rules.iter().enumerate() {
            if self.rules[number + 1..].iter().any(|other| rule.overlaps(other)) {
                return Err(
                    "Configurations overlap. Configurations on the same bucket cannot share a common event type."
                        .to_string(),
                );
            }
        }
        Ok(())
    }

    /// The rules that report `event` (such as `ObjectCreated:Put`) at `key`.
    pub(crate) fn matching<'a>(&'a self, event: &'a str, key: &'a str) -> impl Iterator<Item = &'a NotificationRule> {
        self.rules.iter().filter(move |rule| rule.matches(event, key))
    }
}

impl NotificationRule {
    fn matches(&self, event: &str, key: &str) -> bool {
        let is_named = self.events.iter().any(|named| {
            let named = named.trim_start_matches("s3:");
            named == event || named.strip_suffix('*').is_some_and(|family| event.starts_with(family))
        });
        is_named && key.starts_with(&self.prefix) && key.ends_with(&self.suffix)
    }

    fn overlaps(&self, other: &Self) -> bool {
        let either = |one: &str, two: &str, test: fn(&str, &str) -> bool| test(one, two) || test(two, one);
        let events = self.events.iter().any(|one| {
            other.events.iter().any(|two| {
                either(one, two, |one, two| {
                    one == two || one.strip_suffix('*').is_some_and(|family| two.starts_with(family))
                })
            })
        });
        events
            && either(&self.prefix, &other.prefix, |one, two| one.starts_with(two))
            && either(&self.suffix, &other.suffix, |one, two| one.ends_with(two))
    }
}

/// What happened to an object.
#[derive(Debug, Clone)]
pub(crate) struct Happened<'a> {
    pub(crate) event: &'a str,
    pub(crate) bucket: &'a str,
    pub(crate) region: &'a str,
    pub(crate) key: &'a str,
    /// Size and ETag, unless it was removed.
    pub(crate) object: Option<(u64, &'a str)>,
    pub(crate) at_ms: u64,
    /// Increases with every event of the program: later events of a key compare greater.
    pub(crate) sequence: u64,
}

/// A time as messages have it.
fn iso_ms(ms: u64) -> String {
    let time = Timestamp::from_millisecond(ms as i64).unwrap_or(Timestamp::UNIX_EPOCH);
    time.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

/// The message that queues and topics get when they are configured.
pub(crate) fn test_event(bucket: &str, at_ms: u64, sequence: u64) -> Value {
    json!({
        "Service": "Amazon S3",
        "Event": "s3:TestEvent",
        "Time": iso_ms(at_ms),
        "Bucket": bucket,
        "RequestId": format!("{sequence:016X}"),
        "HostId": format!("{at_ms:016X}"),
    })
}

/// The event that the default event bus gets ("EventBridge event message structure").
pub(crate) fn bus_event(happened: &Happened<'_>, account: Account) -> Value {
    let (family, detail_type) = happened.event.split_once(':').unwrap_or((happened.event, ""));
    let is_created = family == "ObjectCreated";
    let mut object = json!({ "key": happened.key, "sequencer": format!("{:016X}", happened.sequence) });
    if let Some((size, etag)) = happened.object {
        object["size"] = json!(size);
        object["etag"] = json!(etag);
    }
    let mut detail = json!({
        "version": "0",
        "bucket": { "name": happened.bucket },
        "object": object,
        "request-id": format!("{:016X}", happened.sequence),
        "requester": account,
        "source-ip-address": "127.0.0.1",
        "reason": match detail_type {
            "Copy" => "CopyObject",
            "CompleteMultipartUpload" => "CompleteMultipartUpload",
            "Post" => "POST Object",
            _ if is_created => "PutObject",
            _ => "DeleteObject",
        },
    });
    if !is_created {
        detail["deletion-type"] = json!("Permanently Deleted");
    }
    let time = Timestamp::from_millisecond(happened.at_ms as i64).unwrap_or(Timestamp::UNIX_EPOCH);
    json!({
        "version": "0",
        "id": Uuid::new_v4(),
        "detail-type": if is_created { "Object Created" } else { "Object Deleted" },
        "source": "aws.s3",
        "account": account,
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        "region": happened.region,
        "resources": [Arn::bucket(happened.bucket)],
        "detail": detail,
    })
}

/// The message that functions, queues and topics get.
pub(crate) fn message(rule: &NotificationRule, happened: &Happened<'_>) -> Value {
    let key = utf8_percent_encode(happened.key, KEY_ESCAPES).to_string().replace(' ', "+");
    let mut object = json!({ "key": key, "sequencer": format!("{:016X}", happened.sequence) });
    if let Some((size, etag)) = happened.object {
        object["size"] = json!(size);
        object["eTag"] = json!(etag);
    }
    json!({ "Records": [{
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": happened.region,
        "eventTime": iso_ms(happened.at_ms),
        "eventName": happened.event,
        "userIdentity": { "principalId": "ANABRANCH" },
        "requestParameters": { "sourceIPAddress": "127.0.0.1" },
        "responseElements": {
            "x-amz-request-id": format!("{:016X}", happened.sequence),
            "x-amz-id-2": format!("{:016X}", happened.at_ms),
        },
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": rule.id,
            "bucket": {
                "name": happened.bucket,
                "ownerIdentity": { "principalId": "ANABRANCH" },
                "arn": Arn::bucket(happened.bucket),
            },
            "object": object,
        },
    }] })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(events: &[&str], prefix: &str, suffix: &str) -> NotificationRule {
        NotificationRule {
            id: "r".into(),
            target_arn: "arn:aws:lambda:us-east-1:000000000000:function:f".into(),
            events: events.iter().map(|event| (*event).to_string()).collect(),
            prefix: prefix.into(),
            suffix: suffix.into(),
        }
    }

    #[test]
    fn rules_match_by_event_and_key() {
        let all = rule(&["s3:ObjectCreated:*"], "raw/", ".gz");
        assert!(all.matches("ObjectCreated:Put", "raw/a.gz"));
        assert!(!all.matches("ObjectCreated:Put", "raw/a.txt"));
        assert!(!all.matches("ObjectRemoved:Delete", "raw/a.gz"));
        assert!(!rule(&["s3:ObjectCreated:Put"], "", "").matches("ObjectCreated:Copy", "raw/a.gz"));
    }

    #[test]
    fn overlapping_rules_are_refused() {
        let check = |one, two| Notifications { rules: vec![one, two], event_bridge: false }.check();
        assert!(check(rule(&["s3:ObjectCreated:*"], "a", ""), rule(&["s3:ObjectCreated:Put"], "ab", "")).is_err());
        assert!(check(rule(&["s3:ObjectCreated:*"], "a", ""), rule(&["s3:ObjectCreated:Put"], "b", "")).is_ok());
        assert!(check(rule(&["s3:ObjectCreated:*"], "", ""), rule(&["s3:ObjectRemoved:*"], "", "")).is_ok());
        assert!(Notifications { rules: vec![rule(&["s3:Nonsense"], "", "")], event_bridge: false }.check().is_err());
    }

    #[test]
    fn messages_read_as_those_of_s3() {
        let happened = Happened {
            event: "ObjectCreated:Put",
            bucket: "raw",
            region: "eu-west-1",
            key: "year=2026/a b+ü.gz",
            object: Some((7, "abc")),
            at_ms: 1_763_000_000_123,
            sequence: 255,
        };
        let message = message(&rule(&[], "", ""), &happened);
        let record = &message["Records"][0];
        assert_eq!(record["s3"]["object"]["key"], "year%3D2026/a+b%2B%C3%BC.gz");
        assert_eq!(record["eventTime"], "2025-11-13T02:13:20.123Z");
        assert_eq!(record["s3"]["object"]["sequencer"], "00000000000000FF");
        let event = bus_event(&happened, Account::DEFAULT);
        assert_eq!((&event["detail-type"], &event["time"]), (&json!("Object Created"), &json!("2025-11-13T02:13:20Z")));
        let object = json!({ "key": happened.key, "size": 7, "etag": "abc", "sequencer": "00000000000000FF" });
        assert_eq!((&event["detail"]["object"], &event["detail"]["reason"]), (&object, &json!("PutObject")));
        let removed =
            bus_event(&Happened { event: "ObjectRemoved:Delete", object: None, ..happened }, Account::DEFAULT);
        assert_eq!(removed["detail"]["deletion-type"], "Permanently Deleted");
    }
}

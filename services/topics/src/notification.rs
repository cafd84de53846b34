//! What subscribers get ("Parsing Amazon SNS message formats").

use std::collections::BTreeMap;

use anabranch_ports::{AttributeValue, MessageAttribute};
use base64_simd::STANDARD;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;

/// What is the same for all subscribers who get the same text.
#[derive(Debug)]
pub(crate) struct Notice<'a> {
    pub(crate) message_id: &'a str,
    /// Of a FIFO topic, whose messages are not signed.
    pub(crate) sequence_number: Option<&'a str>,
    pub(crate) topic_arn: &'a str,
    pub(crate) subject: Option<&'a str>,
    pub(crate) message: &'a str,
    pub(crate) timestamp: &'a str,
    pub(crate) attributes: &'a [(String, MessageAttribute)],
    /// The signature, and the address of the certificate that it is checked with.
    pub(crate) signature: Option<(&'a str, &'a str)>,
}

/// `SignatureVersion`: SHA256 with RSA.
pub(crate) const SIGNATURE_VERSION: &str = "2";

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Notification<'a> {
    r#type: &'static str,
    message_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    sequence_number: Option<&'a str>,
    topic_arn: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<&'a str>,
    message: &'a str,
    timestamp: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    signature_version: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    signature: Option<&'a str>,
    #[serde(rename = "SigningCertURL", skip_serializing_if = "Option::is_none")]
    signing_cert_url: Option<&'a str>,
    #[serde(rename = "UnsubscribeURL")]
    unsubscribe_url: String,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    message_attributes: BTreeMap<&'a str, Attribute<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct LambdaEvent<'a> {
    records: [LambdaRecord<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct LambdaRecord<'a> {
    event_source: &'static str,
    event_version: &'static str,
    event_subscription_arn: &'a str,
    sns: LambdaNotification<'a>,
}

/// The same as a notification, but for the names of addresses, and with all members.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct LambdaNotification<'a> {
    r#type: &'static str,
    message_id: &'a str,
    topic_arn: &'a str,
    subject: Option<&'a str>,
    message: &'a str,
    timestamp: &'a str,
    signature_version: &'static str,
    signature: &'a str,
    signing_cert_url: &'a str,
    unsubscribe_url: String,
    message_attributes: BTreeMap<&'a str, Attribute<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Attribute<'a> {
    r#type: &'a str,
    value: String,
}

impl<'a> Notice<'a> {
    /// The notification that queues, delivery streams and endpoints get.
    pub(crate) fn notification(&self, base_url: &str, subscription_arn: &str) -> String {
        let notification = Notification {
            r#type: "Notification",
            message_id: self.message_id,
            sequence_number: self.sequence_number,
            topic_arn: self.topic_arn,
            subject: self.subject,
            message: self.message,
            timestamp: self.timestamp,
            signature_version: self.signature.map(|_| SIGNATURE_VERSION),
            signature: self.signature.map(|(signature, _)| signature),
            signing_cert_url: self.signature.map(|(_, url)| url),
            unsubscribe_url: unsubscribe_url(base_url, subscription_arn),
            message_attributes: self.attributes(),
        };
        to_json(&notification)
    }

    /// The event that functions get.
    pub(crate) fn lambda_event(&self, base_url: &str, subscription_arn: &str) -> String {
        let (signature, signing_cert_url) = self.signature.unwrap_or_default();
        let sns = LambdaNotification {
            r#type: "Notification",
            message_id: self.message_id,
            topic_arn: self.topic_arn,
            subject: self.subject,
            message: self.message,
            timestamp: self.timestamp,
            signature_version: SIGNATURE_VERSION,
            signature,
            signing_cert_url,
            unsubscribe_url: unsubscribe_url(base_url, subscription_arn),
            message_attributes: self.attributes(),
        };
        let (event_source, event_version) = ("aws:sns", "1.0");
        let record = LambdaRecord { event_source, event_version, event_subscription_arn: subscription_arn, sns };
        to_json(&LambdaEvent { records: [record] })
    }

    /// What is signed ("Verifying the signatures of Amazon SNS messages").
    pub(crate) fn signed_text(&self) -> String {
        let subject = self.subject.map_or_else(String::new, |subject| format!("Subject\n{subject}\n"));
        format!(
            "Message\n{}\nMessageId\n{}\n{subject}Timestamp\n{}\nTopicArn\n{}\nType\nNotification\n",
            self.message, self.message_id, self.timestamp, self.topic_arn
        )
    }

    fn attributes(&self) -> BTreeMap<&'a str, Attribute<'a>> {
        let attribute = |(name, attribute): &'a (String, MessageAttribute)| {
            let value = match &attribute.value {
                AttributeValue::Text(text) => text.clone(),
                AttributeValue::Binary(bytes) => STANDARD.encode_to_string(bytes),
            };
            (name.as_str(), Attribute { r#type: &attribute.data_type, value })
        };
        self.attributes.iter().map(attribute).collect()
    }
}

/// What an endpoint gets that is to confirm its subscription.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Confirmation<'a> {
    pub(crate) r#type: &'static str,
    pub(crate) message_id: &'a str,
    pub(crate) token: &'a str,
    pub(crate) topic_arn: &'a str,
    pub(crate) message: String,
    #[serde(rename = "SubscribeURL")]
    pub(crate) subscribe_url: String,
    pub(crate) timestamp: &'a str,
    pub(crate) signature_version: &'static str,
    pub(crate) signature: String,
    #[serde(rename = "SigningCertURL")]
    pub(crate) signing_cert_url: &'a str,
}

impl<'a> Confirmation<'a> {
    pub(crate) fn new(
        base_url: &str,
        topic_arn: &'a str,
        token: &'a str,
        message_id: &'a str,
        timestamp: &'a str,
        signing_cert_url: &'a str,
    ) -> Self {
        let arn = utf8_percent_encode(topic_arn, NON_ALPHANUMERIC);
        Self {
            r#type: "SubscriptionConfirmation",
            message_id,
            token,
            topic_arn,
            message: format!(
                "You have chosen to subscribe to the topic {topic_arn}.\nTo confirm the subscription, visit the \
                 SubscribeURL included in this message."
            ),
            subscribe_url: link(base_url, &format!("ConfirmSubscription&TopicArn={arn}&Token={token}")),
            timestamp,
            signature_version: SIGNATURE_VERSION,
            signature: String::new(),
            signing_cert_url,
        }
    }

    pub(crate) fn signed_text(&self) -> String {
        format!(
            "Message\n{}\nMessageId\n{}\nSubscribeURL\n{}\nTimestamp\n{}\nToken\n{}\nTopicArn\n{}\nType\n{}\n",
            self.message, self.message_id, self.subscribe_url, self.timestamp, self.token, self.topic_arn, self.r#type
        )
    }

    pub(crate) fn json(&self) -> String {
        to_json(self)
    }
}

fn unsubscribe_url(base_url: &str, subscription_arn: &str) -> String {
    let arn = utf8_percent_encode(subscription_arn, NON_ALPHANUMERIC);
    link(base_url, &format!("Unsubscribe&SubscriptionArn={arn}"))
}

/// A call as a link. AWS tells services apart by host, this server by the version of the API.
fn link(base_url: &str, call: &str) -> String {
    format!("{base_url}/?Action={call}&Version={}", crate::limits::API_VERSION)
}

/// A structure of texts always has a form in JSON.
fn to_json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    const TOPIC: &str = "arn:aws:sns:us-east-1:000000000000:clicks";

    #[test]
    fn notifications_have_the_members_of_sns() {
        let attributes = [
            (
                "kind".to_string(),
                MessageAttribute { data_type: "String".into(), value: AttributeValue::Text("click".into()) },
            ),
            (
                "raw".to_string(),
                MessageAttribute { data_type: "Binary".into(), value: AttributeValue::Binary(vec![255]) },
            ),
        ];
        let notice = Notice {
            message_id: "id",
            sequence_number: None,
            topic_arn: TOPIC,
            subject: Some("s"),
            message: "m",
            timestamp: "2026-11-21T14:25:00.000Z",
            attributes: &attributes,
            signature: Some(("c2ln", "http://localhost/cert.pem")),
        };
        let subscription = format!("{TOPIC}:1");
        let read: Value = serde_json::from_str(&notice.notification("http://localhost", &subscription)).unwrap();
        let url = "http://localhost/?Action=Unsubscribe&SubscriptionArn=arn%3Aaws%3Asns%3Aus%2Deast%2D1%3A000000000000%3Aclicks%3A1&Version=2010-03-31";
        let attributes = json!({
            "kind": { "Type": "String", "Value": "click" }, "raw": { "Type": "Binary", "Value": "/w==" },
        });
        assert_eq!(
            read,
            json!({
                "Type": "Notification", "MessageId": "id", "TopicArn": TOPIC, "Subject": "s", "Message": "m",
                "Timestamp": "2026-11-21T14:25:00.000Z", "SignatureVersion": "2", "Signature": "c2ln",
                "SigningCertURL": "http://localhost/cert.pem", "UnsubscribeURL": url, "MessageAttributes": attributes,
            })
        );
        let event: Value = serde_json::from_str(&notice.lambda_event("http://localhost", &subscription)).unwrap();
        assert_eq!(event["Records"][0]["EventSubscriptionArn"], subscription);
        assert_eq!(event["Records"][0]["Sns"]["SigningCertUrl"], "http://localhost/cert.pem");
        assert_eq!(event["Records"][0]["Sns"]["UnsubscribeUrl"], url);
        let plain = Notice { subject: None, attributes: &[], signature: None, sequence_number: Some("1"), ..notice };
        let read: Value = serde_json::from_str(&plain.notification("http://localhost", &subscription)).unwrap();
        let names: Vec<&str> = read.as_object().unwrap().keys().map(String::as_str).collect();
        let expected = ["Message", "MessageId", "SequenceNumber", "Timestamp", "TopicArn", "Type", "UnsubscribeURL"];
        assert_eq!(names, expected);
        let event: Value = serde_json::from_str(&plain.lambda_event("http://localhost", &subscription)).unwrap();
        assert_eq!(
            (&event["Records"][0]["Sns"]["Subject"], &event["Records"][0]["Sns"]["MessageAttributes"]),
            (&Value::Null, &json!({}))
        );
    }
}

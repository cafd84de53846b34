//! A message that is published: what it must be like.

use std::collections::BTreeMap;

use anabranch_ports::{AttributeValue, Delivery, MessageAttribute};
use anabranch_protocol::{ApiError, Blob};
use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

use crate::error::{invalid, invalid_value};
use crate::limits::{ATTRIBUTE_NAME_CHARACTERS_MAX, FIFO_ID_CHARACTERS_MAX, MESSAGE_BYTES_MAX, SUBJECT_CHARACTERS_MAX};
use crate::protocols::Protocol;

/// The members of a message, of Publish or of an entry of a batch.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct MessageRequest {
    pub(crate) message: Option<String>,
    pub(crate) subject: Option<String>,
    pub(crate) message_structure: Option<String>,
    #[serde(default)]
    pub(crate) message_attributes: BTreeMap<String, AttributeRequest>,
    pub(crate) message_deduplication_id: Option<String>,
    pub(crate) message_group_id: Option<String>,
}

/// `MessageAttributeValue`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct AttributeRequest {
    data_type: Option<String>,
    string_value: Option<String>,
    binary_value: Option<Blob>,
}

/// A message that may be published.
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) id: String,
    body: Body,
    pub(crate) subject: Option<String>,
    pub(crate) attributes: Vec<(String, MessageAttribute)>,
    pub(crate) group_id: Option<String>,
    pub(crate) deduplication_id: Option<String>,
    /// Its size, as limits count it.
    pub(crate) bytes: usize,
}

#[derive(Debug)]
enum Body {
    Same(String),
    ByProtocol { default: String, others: BTreeMap<String, String> },
}

/// What a message has beside its text and attributes.
struct Rest {
    subject: Option<String>,
    structure: Option<String>,
    group_id: Option<String>,
    deduplication_id: Option<String>,
}

impl Message {
    /// Checks a request's message.
    pub(crate) fn of(request: MessageRequest) -> Result<Self, ApiError> {
        let attributes = request.message_attributes.into_iter().map(attribute).collect::<Result<_, _>>()?;
        let text = request.message.unwrap_or_default();
        let rest = Rest {
            subject: request.subject,
            structure: request.message_structure,
            group_id: request.message_group_id,
            deduplication_id: request.message_deduplication_id,
        };
        Self::checked(text, attributes, rest)
    }

    /// Checks what another service publishes.
    pub(crate) fn of_service(text: String, delivery: Delivery) -> Result<Self, ApiError> {
        let rest = Rest {
            subject: delivery.subject,
            structure: None,
            group_id: delivery.message_group_id,
            deduplication_id: delivery.message_deduplication_id,
        };
        Self::checked(text, delivery.attributes, rest)
    }

    fn checked(text: String, attributes: Vec<(String, MessageAttribute)>, rest: Rest) -> Result<Self, ApiError> {
        if text.is_empty() {
            return Err(invalid("Empty message"));
        }
        let bytes = text.len() + attributes.iter().map(attribute_bytes).sum::<usize>();
        if bytes > MESSAGE_BYTES_MAX {
            return Err(invalid("Message too long"));
        }
        let subject = rest.subject.filter(|subject| !subject.is_empty());
        if subject.as_deref().is_some_and(|subject| !is_subject(subject)) {
            return Err(invalid("Subject"));
        }
        for (name, id) in [("MessageGroupId", &rest.group_id), ("MessageDeduplicationId", &rest.deduplication_id)] {
            if id.as_deref().is_some_and(|id| !is_fifo_id(id)) {
                return Err(invalid(format_args!(
                    "{name} Reason: it can only include alphanumeric and punctuation characters. 1 to 128 in length"
                )));
            }
        }
        let body = match rest.structure.as_deref() {
            None | Some("") => Body::Same(text),
            Some("json") => by_protocol(&text)?,
            Some(_) => return Err(invalid("MessageStructure")),
        };
        Ok(Self {
            id: Uuid::new_v4().to_string(),
            body,
            subject,
            attributes,
            group_id: rest.group_id,
            deduplication_id: rest.deduplication_id,
            bytes,
        })
    }

    /// What subscribers by `protocol` get.
    pub(crate) fn text(&self, protocol: Protocol) -> &str {
        match &self.body {
            Body::Same(text) => text,
            Body::ByProtocol { default, others } => others.get(protocol.as_str()).unwrap_or(default),
        }
    }

    /// What the deduplication id is the hash of where there is none.
    pub(crate) fn content(&self) -> &str {
        match &self.body {
            Body::Same(text) => text,
            Body::ByProtocol { default, .. } => default,
        }
    }
}

fn by_protocol(text: &str) -> Result<Body, ApiError> {
    let wrong = |reason: &str| invalid(format_args!("Message Structure - {reason}"));
    let read: BTreeMap<String, Value> =
        serde_json::from_str(text).map_err(|_| wrong("JSON message body failed to parse"))?;
    let text = |value: Value| match value {
        Value::String(text) => Ok(text),
        _ => Err(wrong("JSON message body failed to parse")),
    };
    let mut others: BTreeMap<String, String> =
        read.into_iter().map(|(name, value)| Ok((name, text(value)?))).collect::<Result<_, ApiError>>()?;
    let default = others.remove("default").ok_or_else(|| wrong("No default entry in JSON message body"))?;
    Ok(Body::ByProtocol { default, others })
}

fn attribute((name, request): (String, AttributeRequest)) -> Result<(String, MessageAttribute), ApiError> {
    check_attribute_name(&name)?;
    let data_type = request.data_type.unwrap_or_default();
    if data_type.is_empty() {
        return Err(invalid_value(format!(
            "The message attribute '{name}' must contain non-empty message attribute type."
        )));
    }
    let kind = data_type.split('.').next().unwrap_or_default();
    let empty = || {
        invalid_value(format!(
            "The message attribute '{name}' must contain non-empty message attribute value for message attribute type \
             '{data_type}'."
        ))
    };
    let text = || request.string_value.clone().filter(|text| !text.is_empty()).ok_or_else(empty);
    let value = match kind {
        "String" => {
            let text = text()?;
            if data_type == "String.Array" && !serde_json::from_str::<Value>(&text).is_ok_and(|value| value.is_array())
            {
                return Err(invalid_value(format!(
                    "The message attribute '{name}' has an invalid String.Array value."
                )));
            }
            AttributeValue::Text(text)
        }
        "Number" => {
            let text = text()?;
            if text.trim().parse::<f64>().is_ok_and(f64::is_finite) {
                AttributeValue::Text(text)
            } else {
                return Err(invalid_value(format!("Could not cast message attribute '{name}' value to number.")));
            }
        }
        "Binary" => {
            let bytes = request.binary_value.filter(|bytes| !bytes.0.is_empty()).ok_or_else(empty)?;
            AttributeValue::Binary(bytes.0.to_vec())
        }
        _ => {
            return Err(invalid_value(format!(
                "The message attribute '{name}' has an invalid message attribute type, the set of supported type \
                 prefixes is Binary, Number, and String."
            )));
        }
    };
    Ok((name, MessageAttribute { data_type, value }))
}

/// Names of attributes ("Amazon SNS message attributes").
fn check_attribute_name(name: &str) -> Result<(), ApiError> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    let lower = name.to_ascii_lowercase();
    let is_reserved = lower.starts_with("aws.") || lower.starts_with("amazon.");
    if name.is_empty() || name.len() > ATTRIBUTE_NAME_CHARACTERS_MAX {
        return Err(invalid_value("Length of message attribute name must be between 1 and 256 characters."));
    }
    if !name.bytes().all(is_plain) || is_reserved || name.starts_with('.') || name.ends_with('.') || name.contains("..")
    {
        return Err(invalid_value(format!("Invalid message attribute name: '{name}'.")));
    }
    Ok(())
}

fn attribute_bytes((name, attribute): &(String, MessageAttribute)) -> usize {
    let value = match &attribute.value {
        AttributeValue::Text(text) => text.len(),
        AttributeValue::Binary(bytes) => bytes.len(),
    };
    name.len() + attribute.data_type.len() + value
}

/// Subjects are text without line breaks or control characters, and begin with no space
/// ("Publish").
fn is_subject(text: &str) -> bool {
    text.chars().count() <= SUBJECT_CHARACTERS_MAX
        && !text.starts_with(' ')
        && text.chars().all(|character| !character.is_control())
}

fn is_fifo_id(text: &str) -> bool {
    !text.is_empty() && text.len() <= FIFO_ID_CHARACTERS_MAX && text.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(request: MessageRequest) -> String {
        Message::of(request).unwrap_err().message
    }

    fn request(text: &str) -> MessageRequest {
        MessageRequest { message: Some(text.into()), ..MessageRequest::default() }
    }

    fn with_attribute(name: &str, data_type: &str, value: &str) -> MessageRequest {
        let attribute = AttributeRequest {
            data_type: Some(data_type.into()),
            string_value: Some(value.into()),
            binary_value: None,
        };
        MessageRequest { message_attributes: BTreeMap::from([(name.into(), attribute)]), ..request("m") }
    }

    #[test]
    fn what_can_not_be_published_is_refused_in_the_words_of_sns() {
        assert_eq!(refused(request("")), "Invalid parameter: Empty message");
        assert_eq!(refused(request(&"x".repeat(262_145))), "Invalid parameter: Message too long");
        let subject = MessageRequest { subject: Some("a\nb".into()), ..request("m") };
        assert_eq!(refused(subject), "Invalid parameter: Subject");
        let json = |text: &str| MessageRequest { message_structure: Some("json".into()), ..request(text) };
        assert!(refused(json("{}")).contains("No default entry"));
        assert!(refused(json("[")).contains("failed to parse"));
        for (name, data_type, value) in [
            ("a", "Text", "1"),
            ("a", "Number", "one"),
            ("a", "String", ""),
            ("a", "String.Array", "{}"),
            ("AWS.a", "String", "1"),
            ("a..b", "String", "1"),
            (".a", "String", "1"),
            ("a b", "String", "1"),
        ] {
            let error = Message::of(with_attribute(name, data_type, value)).unwrap_err();
            assert_eq!(error.code, "ParameterValueInvalid", "{name} {data_type} {value}");
        }
        let group = MessageRequest { message_group_id: Some("a b".into()), ..request("m") };
        assert!(refused(group).contains("MessageGroupId"));
    }

    #[test]
    fn each_protocol_gets_its_text() {
        let text = r#"{"default": "all", "sqs": "queue"}"#;
        let message = MessageRequest { message_structure: Some("json".into()), ..request(text) };
        let message = Message::of(message).unwrap();
        assert_eq!((message.text(Protocol::Sqs), message.text(Protocol::Http)), ("queue", "all"));
        let labelled = Message::of(with_attribute("n", "Number.int", "7")).unwrap();
        assert_eq!((labelled.bytes, labelled.attributes.len()), (1 + 1 + 10 + 1, 1));
    }
}

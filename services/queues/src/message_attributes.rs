//! Attributes of messages: how they are read, checked, sized and digested ("Amazon SQS message
//! metadata", with the algorithm of `MD5OfMessageAttributes`).

use std::collections::BTreeMap;

use anabranch_ports::{AttributeValue, MessageAttribute};
use anabranch_protocol::{ApiError, Blob, BoundedMap, Clipped};
use bytes::Bytes;
use md5::{Digest, Md5};
use serde::{Deserialize, Serialize};

use crate::error::invalid_parameter;
use crate::limits::{ATTRIBUTE_NAME_CHARACTERS_MAX, MESSAGE_ATTRIBUTES_MAX, MESSAGE_ATTRIBUTES_READ_MAX};

/// `MessageAttributeValue` and `MessageSystemAttributeValue`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct WireValue {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) string_value: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) binary_value: Option<Blob>,
    #[serde(default)]
    pub(crate) data_type: String,
}

/// `MessageBodyAttributeMap`.
pub(crate) type WireAttributes = BoundedMap<WireValue, MESSAGE_ATTRIBUTES_READ_MAX>;

/// The only attribute that senders may give a message for AWS's own use.
const TRACE_HEADER: &str = "AWSTraceHeader";

/// Checks the attributes of a message that is sent.
pub(crate) fn checked(attributes: WireAttributes) -> Result<Vec<(String, MessageAttribute)>, ApiError> {
    if attributes.count() > MESSAGE_ATTRIBUTES_MAX {
        let (count, most) = (attributes.count(), MESSAGE_ATTRIBUTES_MAX);
        let message = format!("Number of message attributes [{count}] exceeds the allowed maximum [{most}].");
        return Err(invalid_parameter(message));
    }
    attributes.into_map().into_iter().map(|(name, value)| checked_one(name, value)).collect()
}

fn checked_one(name: String, value: WireValue) -> Result<(String, MessageAttribute), ApiError> {
    check_name(&name)?;
    let shown = Clipped(name.as_str());
    let WireValue { string_value, binary_value, data_type } = value;
    if data_type.is_empty() {
        return Err(invalid_parameter(format!(
            "The message attribute '{shown}' must contain a non-empty message attribute type."
        )));
    }
    if data_type.chars().count() > ATTRIBUTE_NAME_CHARACTERS_MAX {
        let most = ATTRIBUTE_NAME_CHARACTERS_MAX;
        return Err(invalid_parameter(format!(
            "The type of message attribute '{shown}' must be no longer than {most} characters."
        )));
    }
    let kind = data_type.split('.').next().unwrap_or_default();
    let empty = || {
        invalid_parameter(format!(
            "The message attribute '{shown}' must contain a non-empty message attribute value for message attribute type '{kind}'."
        ))
    };
    let value = match kind {
        "String" | "Number" => {
            let text = string_value.filter(|text| !text.is_empty()).ok_or_else(empty)?;
            if kind == "Number" && text.trim().parse::<f64>().is_err() {
                let message = format!("Can't cast the value of message attribute '{shown}' to a number.");
                return Err(invalid_parameter(message));
            }
            if !text.chars().all(is_allowed) {
                let message =
                    format!("Message attribute '{shown}' contains characters that are not allowed. {ALLOWED}");
                return Err(invalid_parameter(message));
            }
            AttributeValue::Text(text)
        }
        "Binary" => {
            let bytes = binary_value.filter(|bytes| !bytes.0.is_empty()).ok_or_else(empty)?;
            AttributeValue::Binary(bytes.0.to_vec())
        }
        _ => {
            return Err(invalid_parameter(format!(
                "The message attribute '{shown}' has an invalid message attribute type, the set of supported type prefixes is Binary, Number, and String."
            )));
        }
    };
    Ok((name, MessageAttribute { data_type, value }))
}

fn check_name(name: &str) -> Result<(), ApiError> {
    let lower = name.to_ascii_lowercase();
    let is_plain = |character: char| character.is_ascii_alphanumeric() || "_-.".contains(character);
    if name.is_empty() || name.chars().count() > ATTRIBUTE_NAME_CHARACTERS_MAX {
        let most = ATTRIBUTE_NAME_CHARACTERS_MAX;
        return Err(invalid_parameter(format!("The name of a message attribute has 1 to {most} characters.")));
    }
    let is_reserved = lower.starts_with("aws.") || lower.starts_with("amazon.");
    let has_stray_points = name.starts_with('.') || name.ends_with('.') || name.contains("..");
    if !name.chars().all(is_plain) || has_stray_points || is_reserved {
        return Err(invalid_parameter(format!(
            "Invalid message attribute name '{}': it has letters, digits, underscores, hyphens and single points within, and does not begin with AWS. or Amazon.",
            Clipped(name)
        )));
    }
    Ok(())
}

/// Checks what senders say for AWS's own use: the trace header, if any.
pub(crate) fn checked_system(attributes: WireAttributes) -> Result<Option<String>, ApiError> {
    let mut trace_header = None;
    for (name, value) in attributes.into_map() {
        if name != TRACE_HEADER {
            let name = Clipped(name);
            return Err(invalid_parameter(format!("Message system attribute name '{name}' is invalid.")));
        }
        let text = value.string_value.filter(|text| value.data_type == "String" && !text.is_empty());
        let text = text.ok_or_else(|| {
            invalid_parameter(format!("The message system attribute '{TRACE_HEADER}' must be a non-empty String."))
        })?;
        trace_header = Some(text);
    }
    Ok(trace_header)
}

/// The characters that bodies and texts may have, as AWS writes them.
pub(crate) const ALLOWED: &str =
    "Valid unicode characters are #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF";

/// Whether a body may have this character ("SendMessage").
pub(crate) fn is_allowed(character: char) -> bool {
    matches!(character, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

/// What attributes count against the size of a message, in bytes.
pub(crate) fn size(attributes: &[(String, MessageAttribute)]) -> usize {
    let value = |value: &AttributeValue| match value {
        AttributeValue::Text(text) => text.len(),
        AttributeValue::Binary(bytes) => bytes.len(),
    };
    attributes.iter().map(|(name, one)| name.len() + one.data_type.len() + value(&one.value)).sum()
}

/// The MD5 of a body, in hex.
pub(crate) fn md5_of_body(body: &str) -> String {
    hex(&Md5::digest(body.as_bytes()))
}

/// The MD5 of attributes, in hex; None if there are none.
pub(crate) fn md5_of<'a>(attributes: impl Iterator<Item = (&'a str, &'a MessageAttribute)>) -> Option<String> {
    let sorted: BTreeMap<&str, &MessageAttribute> = attributes.collect();
    if sorted.is_empty() {
        return None;
    }
    let mut digest = Md5::new();
    let mut field = |bytes: &[u8], kind: Option<u8>| {
        if let Some(kind) = kind {
            digest.update([kind]);
        }
        digest.update((bytes.len() as u32).to_be_bytes());
        digest.update(bytes);
    };
    for (name, attribute) in sorted {
        field(name.as_bytes(), None);
        field(attribute.data_type.as_bytes(), None);
        match &attribute.value {
            AttributeValue::Text(text) => field(text.as_bytes(), Some(1)),
            AttributeValue::Binary(bytes) => field(bytes, Some(2)),
        }
    }
    Some(hex(&digest.finalize()))
}

/// The MD5 of what a sender said for AWS's own use.
pub(crate) fn md5_of_system(trace_header: Option<&str>) -> Option<String> {
    let value = AttributeValue::Text(trace_header?.to_string());
    let attribute = MessageAttribute { data_type: "String".into(), value };
    md5_of([(TRACE_HEADER, &attribute)].into_iter())
}

fn hex(bytes: &[u8]) -> String {
    hex_simd::encode_to_string(bytes, hex_simd::AsciiCase::Lower)
}

impl From<MessageAttribute> for WireValue {
    fn from(attribute: MessageAttribute) -> Self {
        let (string_value, binary_value) = match attribute.value {
            AttributeValue::Text(text) => (Some(text), None),
            AttributeValue::Binary(bytes) => (None, Some(Blob(Bytes::from(bytes)))),
        };
        Self { string_value, binary_value, data_type: attribute.data_type }
    }
}

#[cfg(test)]
mod tests {
    use anabranch_protocol::Encoding;

    use super::*;

    fn attributes(json: &str) -> Result<Vec<(String, MessageAttribute)>, ApiError> {
        checked(Encoding::Json.decode(json.as_bytes()).unwrap())
    }

    #[test]
    fn digests_are_those_of_aws() {
        // As botocore's and moto's tests have them.
        assert_eq!(md5_of_body("This is a test message"), "fafb00f5732ab283681e124bf8747ed1");
        let found = attributes(r#"{"timestamp": {"StringValue": "1493147359900", "DataType": "Number"}}"#).unwrap();
        let digest = md5_of(found.iter().map(|(name, value)| (name.as_str(), value)));
        assert_eq!(digest.as_deref(), Some("235c5c510d26fb653d073faed50ae77c"));
        assert_eq!(md5_of(std::iter::empty()), None);
    }

    #[test]
    fn attributes_are_checked() {
        let refused = |json: &str| attributes(json).unwrap_err().message;
        assert!(refused(r#"{"a": {"DataType": "Float", "StringValue": "1"}}"#).contains("type prefixes"));
        assert!(refused(r#"{"a": {"DataType": "Number", "StringValue": "x"}}"#).contains("cast"));
        assert!(refused(r#"{"a": {"DataType": "String"}}"#).contains("non-empty"));
        assert!(refused(r#"{"aws.x": {"DataType": "String", "StringValue": "1"}}"#).contains("aws.x"));
        assert!(refused(r#"{"a..b": {"DataType": "String", "StringValue": "1"}}"#).contains("a..b"));
        let many: Vec<String> =
            (0..11).map(|n| format!(r#""a{n}": {{"DataType": "String", "StringValue": "1"}}"#)).collect();
        assert!(refused(&format!("{{{}}}", many.join(","))).contains("[11]"));
        assert!(attributes(r#"{"a": {"DataType": "Number.int", "StringValue": "1"}}"#).is_ok());
    }

    #[test]
    fn characters_are_those_of_xml() {
        assert!("a\t\n\r\u{fffd}\u{10ffff}ÿ".chars().all(is_allowed));
        for character in ['\0', '\u{8}', '\u{b}', '\u{fffe}', '\u{ffff}'] {
            assert!(!is_allowed(character), "{character:?}");
        }
    }
}

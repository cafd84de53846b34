//! The words of the engine and of its reader, serde: the one place that reads them.
//!
//! The engine's types refuse a request from within `Deserialize`, where all that can be said is a
//! text, and serde says itself what does not fit in a text. Everything else decides by the types
//! that are made of them here. What the engine refuses later has types of its own
//! (`dynoxide::DynoxideError`), but for a full disk.
//!
//! The engine marks some texts with a prefix that tells the exception they stand for; no prefix may
//! reach the wire.

/// Prefix of a refusal that the single-item writes report in the validation envelope.
const REQUEST_VALIDATION: &str = "VALIDATION_REQUEST:";
/// Prefixes of refusals that are reported as they are.
const VALIDATION: [&str; 2] = ["VALIDATION:", "VALIDATION_AS_READ:"];
/// Prefixes of values of the wrong form.
const SERIALIZATION: [&str; 2] = ["SERIALIZATION:", "SERIALIZATION_AS_READ:"];
/// What the engine says of an attribute value that is none.
const SUPPLIED_VALUE: &str = "Supplied AttributeValue";

/// Why a request could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal<'a> {
    /// An impossible value, which some operations report in the validation envelope.
    Request(&'a str),
    /// An impossible value, in DynamoDB's words.
    Validation(String),
    /// A member that is required and absent.
    Absent(&'a str),
    /// A null where there must be none.
    Null,
    /// An attribute value without a type.
    EmptyValue,
    /// A text that is none of those that are allowed.
    NotOneOf { value: &'a str, allowed: Vec<&'a str> },
    /// A value of the wrong form.
    Misread(Misread<'a>),
}

/// A value of the wrong form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Misread<'a> {
    /// In DynamoDB's words.
    Worded(String),
    /// The member `name` of an attribute value is not of this form.
    Member { form: Form, name: &'a str },
    /// A member was given twice.
    Duplicate(&'a str),
    /// Binary that is not base64.
    Base64,
    /// Anything else of which DynamoDB says little.
    FieldType,
}

/// A form that a member of an attribute value must have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Text,
    List,
    Map,
}

/// What the reader's `message` says.
pub(crate) fn refusal(message: &str) -> Refusal<'_> {
    let message = without_position(message);
    if let Some(rest) = message.strip_prefix(REQUEST_VALIDATION) {
        return Refusal::Request(rest);
    }
    if let Some(rest) = VALIDATION.iter().find_map(|prefix| message.strip_prefix(prefix)) {
        return Refusal::Validation(reworded(rest));
    }
    if let Some(rest) = SERIALIZATION.iter().find_map(|prefix| message.strip_prefix(prefix)) {
        return Refusal::Misread(misread(rest));
    }
    if let Some(field) = message.strip_prefix("missing field `").and_then(|rest| rest.strip_suffix('`')) {
        return Refusal::Absent(field);
    }
    if message.contains("empty AttributeValue") {
        return Refusal::EmptyValue;
    }
    if message.starts_with(SUPPLIED_VALUE) {
        return Refusal::Validation(message.to_string());
    }
    if let Some(rest) = message.strip_prefix("unknown variant `")
        && let Some((value, expected)) = rest.split_once("`, expected ")
    {
        return Refusal::NotOneOf { value, allowed: expected.split('`').skip(1).step_by(2).collect() };
    }
    if message.starts_with("invalid type: null") {
        return Refusal::Null;
    }
    Refusal::Misread(misread(message))
}

fn misread(message: &str) -> Misread<'_> {
    if let Some(text) = wrong_type(message) {
        return Misread::Worded(text);
    }
    // The engine's words about the inside of attribute values.
    if let Some((form, name)) = message.strip_prefix("expected ").and_then(|rest| rest.split_once(" for ")) {
        let form = match form {
            "string" => Form::Text,
            "array" => Form::List,
            _ => Form::Map,
        };
        return Misread::Member { form, name };
    }
    if message.contains("base64") {
        return Misread::Base64;
    }
    if let Some(field) = message.strip_prefix("duplicate field `").and_then(|rest| rest.strip_suffix('`')) {
        return Misread::Duplicate(field);
    }
    let is_serdes = ["invalid ", "unknown ", "expected ", "duplicate "].iter().any(|start| message.starts_with(start));
    if is_serdes { Misread::FieldType } else { Misread::Worded(message.to_string()) }
}

/// A message of the engine, in which what it passes on of its reader's words is in DynamoDB's.
pub(crate) fn reworded(message: &str) -> String {
    let Some(at) = ["invalid type: ", "invalid value: "].iter().find_map(|words| message.find(words)) else {
        return message.to_string();
    };
    let (before, words) = message.split_at(at);
    let text = wrong_type(without_position(words));
    format!("{before}{}", text.as_deref().unwrap_or("Unexpected value type in payload"))
}

/// DynamoDB's wording of "invalid type: integer `23`, expected a string".
fn wrong_type(message: &str) -> Option<String> {
    let (found, expected) = message
        .strip_prefix("invalid type: ")
        .or_else(|| message.strip_prefix("invalid value: "))?
        .split_once(", expected ")?;
    let target = match expected {
        "a string" | "a borrowed string" => "String",
        "a boolean" => "Boolean",
        "i32" | "u32" | "a JSON number" => "Integer",
        "i64" | "u64" | "usize" => "Long",
        _ if found.starts_with("map") => return Some("Start of structure or map found where not expected".to_string()),
        _ => return Some("Unexpected field type".to_string()),
    };
    let source = match found.split(' ').next()? {
        "integer" => "NUMBER_VALUE",
        "floating" => "DECIMAL_VALUE",
        "boolean" if found.contains("true") => "TRUE_VALUE",
        "boolean" => "FALSE_VALUE",
        "string" => "STRING_VALUE",
        "map" => return Some("Start of structure or map found where not expected".to_string()),
        "sequence" => return Some(format!("Unrecognized collection type class java.lang.{target}")),
        _ => return Some("Unexpected field type".to_string()),
    };
    Some(format!("{source} cannot be converted to {target}"))
}

/// Whether serde_json gave up for the depth of what it read.
pub(crate) fn is_too_deep(message: &str) -> bool {
    message.starts_with("recursion limit")
}

/// Whether the engine says that it found no room on the disk.
pub(crate) fn is_full_disk(message: &str) -> bool {
    message.contains("disk is full")
}

fn without_position(message: &str) -> &str {
    message.rfind(" at line ").map_or(message, |end| &message[..end])
}

#[cfg(test)]
mod tests {
    use dynoxide::actions::{describe_table::DescribeTableRequest, put_item::PutItemRequest};
    use serde::de::DeserializeOwned;

    use super::*;

    /// What the reader says of `body`.
    fn words<T: DeserializeOwned>(body: &str) -> String {
        match serde_json::from_str::<T>(body) {
            Ok(_) => panic!("{body} was read"),
            Err(error) => error.to_string(),
        }
    }

    /// The words of the versions that are built in: a new version that has others fails here.
    #[test]
    fn the_words_are_those_that_are_known() {
        let put = |item: &str| words::<PutItemRequest>(&format!("{{\"TableName\": \"t\", \"Item\": {item}}}"));
        let text = words::<DescribeTableRequest>(r#"{"TableName": 23}"#);
        let expected = Misread::Worded("NUMBER_VALUE cannot be converted to String".into());
        assert_eq!(refusal(&text), Refusal::Misread(expected));
        assert!(matches!(refusal(&put(r#"{"id": {"NULL": false}}"#)), Refusal::Request(_)));
        let text = put(r#"{"id": {"S": 1}}"#);
        assert_eq!(refusal(&text), Refusal::Misread(Misread::Member { form: Form::Text, name: "S" }));
        let text = put(r#"{"id": {}}"#);
        assert!(matches!(refusal(&text), Refusal::EmptyValue | Refusal::Validation(_)), "{text}");
        let deep = words::<serde_json::Value>(&"[".repeat(1_000));
        assert!(is_too_deep(&deep), "{deep}");
    }
}

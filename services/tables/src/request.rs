//! Reading a request into the engine's types, with DynamoDB's wording of what does not fit.
//!
//! The engine's types mark some refusals with a prefix that tells the exception they stand for;
//! no prefix may reach the wire.

use anabranch_protocol::{ApiError, ErrorKind};
use memchr::memmem;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::error::Category;

use crate::bounds;
use crate::error::bounded;

/// Prefix of a refusal that the single-item writes report in the validation envelope.
const REQUEST_VALIDATION: &str = "VALIDATION_REQUEST:";
/// Prefixes of refusals that are reported as they are.
const VALIDATION: [&str; 2] = ["VALIDATION:", "VALIDATION_AS_READ:"];
/// Prefixes of values of the wrong form.
const SERIALIZATION: [&str; 2] = ["SERIALIZATION:", "SERIALIZATION_AS_READ:"];
/// Operations that report request validation in the envelope.
const ENVELOPED: [&str; 3] = ["PutItem", "UpdateItem", "DeleteItem"];

/// Levels to which the lists and maps of an attribute value may be nested.
const NESTING_MAX: usize = 32;
/// Bytes of a request that is looked through again to say where it is wrong.
const LOCATED_BYTES_MAX: usize = 1 << 20;

/// Reads the body of `operation`.
///
/// # Errors
/// `SerializationException` when it is not JSON of the right types, `ValidationException` when
/// something required is missing or a value is impossible.
pub(crate) fn decode<T: DeserializeOwned>(operation: &str, body: &[u8]) -> Result<T, ApiError> {
    let body = if body.is_empty() { b"{}" } else { body };
    bounds::check(operation, body)?;
    // The engine's types would also be read from an array of their members.
    if body.trim_ascii_start().first() != Some(&b'{') {
        return Err(serialization("The request is not a JSON object"));
    }
    serde_json::from_slice(body).map_err(|error| {
        let text = error.to_string();
        match error.classify() {
            Category::Data => refusal(operation, without_position(&text), body),
            _ if text.starts_with("recursion limit") && is_deep_value(body) => validation(
                "Nesting Levels have exceeded supported limits: Attributes in the item have nested levels beyond \
                 supported limit",
            ),
            Category::Syntax | Category::Eof | Category::Io => serialization("The request body is not valid JSON"),
        }
    })
}

/// Whether what is nested too deeply to be read are lists and maps of attribute values.
fn is_deep_value(body: &[u8]) -> bool {
    let of = |kind: &str| memmem::find_iter(body, kind).take(NESTING_MAX + 1).count();
    of("\"L\"") + of("\"M\"") > NESTING_MAX
}

fn refusal(operation: &str, message: &str, body: &[u8]) -> ApiError {
    if let Some(rest) = message.strip_prefix(REQUEST_VALIDATION) {
        return if ENVELOPED.contains(&operation) {
            validation(&format!("1 validation error detected: {rest}"))
        } else {
            validation(rest)
        };
    }
    if let Some(rest) = VALIDATION.iter().find_map(|prefix| message.strip_prefix(prefix)) {
        return validation(&reworded(rest));
    }
    if let Some(rest) = SERIALIZATION.iter().find_map(|prefix| message.strip_prefix(prefix)) {
        return serialization(&misread(rest, body));
    }
    if let Some(field) = message.strip_prefix("missing field `").and_then(|rest| rest.strip_suffix('`')) {
        return null(&lower_camel(field));
    }
    if message.contains("empty AttributeValue") {
        return validation("Supplied AttributeValue is empty, must contain exactly one of the supported datatypes");
    }
    if message.starts_with("Supplied AttributeValue") {
        return validation(message);
    }
    if let Some(rest) = message.strip_prefix("unknown variant `")
        && let Some((value, expected)) = rest.split_once("`, expected ")
    {
        let values: Vec<&str> = expected.split('`').skip(1).step_by(2).collect();
        let at = locate(body, &|_, found| found.as_str() == Some(value)).map(|(path, _)| path);
        return validation(&format!(
            "1 validation error detected: Value '{value}' at '{}' failed to satisfy constraint: Member must satisfy enum \
             value set: [{}]",
            at.unwrap_or_default(),
            values.join(", ")
        ));
    }
    if message.starts_with("invalid type: null") {
        let at = locate(body, &|_, found| found.is_null()).map(|(path, _)| path);
        return null(&at.unwrap_or_default());
    }
    serialization(&misread(message, body))
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

fn null(path: &str) -> ApiError {
    validation(&format!(
        "1 validation error detected: Value null at '{path}' failed to satisfy constraint: Member must not be null"
    ))
}

/// DynamoDB's wording of a value of the wrong type.
fn misread(message: &str, body: &[u8]) -> String {
    if let Some(text) = wrong_type(message) {
        return text;
    }
    // The engine's words about the inside of attribute values.
    if let Some((kind, name)) = message.strip_prefix("expected ").and_then(|rest| rest.split_once(" for ")) {
        let fits = match kind {
            "string" => Value::is_string,
            "array" => Value::is_array,
            _ => Value::is_object,
        };
        let found = locate(body, &|member, found| member == name && !fits(found));
        return match (kind, found.as_ref().map(|(_, found)| found)) {
            ("string", Some(Value::Number(number))) if number.is_f64() => "DECIMAL_VALUE cannot be converted to String",
            ("string", Some(Value::Number(_))) => "NUMBER_VALUE cannot be converted to String",
            ("string", Some(Value::Bool(true))) => "TRUE_VALUE cannot be converted to String",
            ("string", Some(Value::Bool(false))) => "FALSE_VALUE cannot be converted to String",
            ("string", Some(Value::Array(_))) => "Unrecognized collection type class java.lang.String",
            ("string" | "array", Some(Value::Object(_))) => "Start of structure or map found where not expected",
            ("object", Some(Value::Array(_))) => {
                "Unrecognized collection type java.util.Map<java.lang.String, \
                 com.amazonaws.dynamodb.v20120810.AttributeValue>"
            }
            _ => "Unexpected field type",
        }
        .to_string();
    }
    if message.contains("base64") {
        return "Invalid Base64 encoding of a value of type B".to_string();
    }
    if let Some(field) = message.strip_prefix("duplicate field `").and_then(|rest| rest.strip_suffix('`')) {
        return format!("Member {field} is given more than once");
    }
    let is_serdes = ["invalid ", "unknown ", "expected ", "duplicate "].iter().any(|start| message.starts_with(start));
    if is_serdes { "Unexpected field type".to_string() } else { message.to_string() }
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

/// The first member of `body`, in order of names, of which `is_meant` is true: its path as
/// DynamoDB writes it, and its value. Not looked for in a body that is so large that it would cost.
fn locate(body: &[u8], is_meant: &dyn Fn(&str, &Value) -> bool) -> Option<(String, Value)> {
    fn within(path: &str, value: &Value, is_meant: &dyn Fn(&str, &Value) -> bool) -> Option<(String, Value)> {
        match value {
            Value::Object(members) => members.iter().find_map(|(name, value)| {
                let dot = if path.is_empty() { "" } else { "." };
                let path = format!("{path}{dot}{}", lower_camel(name));
                if is_meant(name, value) { Some((path, value.clone())) } else { within(&path, value, is_meant) }
            }),
            Value::Array(members) => members.iter().enumerate().find_map(|(index, value)| {
                let path = format!("{path}.{}.member", index + 1);
                if is_meant("", value) { Some((path, value.clone())) } else { within(&path, value, is_meant) }
            }),
            _ => None,
        }
    }
    if body.len() > LOCATED_BYTES_MAX {
        return None;
    }
    within("", &serde_json::from_slice(body).ok()?, is_meant)
}

fn without_position(message: &str) -> &str {
    message.rfind(" at line ").map_or(message, |end| &message[..end])
}

/// `TableName` as `tableName`, as messages name members.
pub(crate) fn lower_camel(field: &str) -> String {
    let mut letters = field.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}

/// A `ValidationException`.
pub(crate) fn validation(message: &str) -> ApiError {
    ApiError::invalid("com.amazon.coral.validate#ValidationException", bounded(message.to_string()))
}

fn serialization(message: &str) -> ApiError {
    ApiError::new(
        ErrorKind::Serialization,
        "com.amazon.coral.service#SerializationException",
        bounded(message.to_string()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use dynoxide::actions::{describe_table::DescribeTableRequest, put_item::PutItemRequest};

    #[track_caller]
    fn refused<T: DeserializeOwned>(operation: &str, body: &str) -> (&'static str, String) {
        match decode::<T>(operation, body.as_bytes()) {
            Ok(_) => panic!("{body} was accepted"),
            Err(error) => (error.code, error.message),
        }
    }

    #[test]
    fn types_and_syntax_are_told_apart() {
        let (code, message) = refused::<DescribeTableRequest>("DescribeTable", r#"{"TableName": 23}"#);
        assert!(code.ends_with("#SerializationException"), "{code}");
        assert_eq!(message, "NUMBER_VALUE cannot be converted to String");
        let (code, _) = refused::<DescribeTableRequest>("DescribeTable", r#"{"TableName": "#);
        assert!(code.ends_with("#SerializationException"), "{code}");
    }

    #[test]
    fn no_marker_reaches_the_wire() {
        let body = r#"{"TableName": "clicks", "Item": {"id": {"NULL": false}}}"#;
        let (code, message) = refused::<PutItemRequest>("PutItem", body);
        assert!(code.ends_with("#ValidationException"), "{code}");
        assert!(message.starts_with("1 validation error detected: ") && !message.contains(REQUEST_VALIDATION));
        let (_, message) = refused::<PutItemRequest>("BatchWriteItem", body);
        assert!(message.starts_with("One or more parameter values were invalid"), "{message}");
    }
}

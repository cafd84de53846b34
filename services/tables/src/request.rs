//! Reading a request into the engine's types, with DynamoDB's wording of what does not fit.
//!
//! The engine's types mark some refusals with a prefix that tells the exception they stand for;
//! no prefix may reach the wire.

use anabranch_protocol::ApiError;
use serde::de::DeserializeOwned;
use serde_json::error::Category;

/// Prefix of a refusal that the single-item writes report in the validation envelope.
const REQUEST_VALIDATION: &str = "VALIDATION_REQUEST:";
/// Prefixes of refusals that are reported as they are.
const VALIDATION: [&str; 2] = ["VALIDATION:", "VALIDATION_AS_READ:"];
/// Prefixes of values of the wrong form.
const SERIALIZATION: [&str; 2] = ["SERIALIZATION:", "SERIALIZATION_AS_READ:"];
/// Operations that report request validation in the envelope.
const ENVELOPED: [&str; 3] = ["PutItem", "UpdateItem", "DeleteItem"];

/// Reads the body of `operation`.
///
/// # Errors
/// `SerializationException` when it is not JSON of the right types, `ValidationException` when
/// something required is missing or a value is impossible.
pub(crate) fn decode<T: DeserializeOwned>(operation: &str, body: &[u8]) -> Result<T, ApiError> {
    let body = if body.is_empty() { b"{}" } else { body };
    // The engine's types would also be read from an array of their members.
    if body.trim_ascii_start().first() != Some(&b'{') {
        return Err(serialization("The request is not a JSON object"));
    }
    serde_json::from_slice(body).map_err(|error| {
        let text = error.to_string();
        match error.classify() {
            Category::Data => refusal(operation, without_position(&text)),
            Category::Syntax | Category::Eof | Category::Io => serialization(&text),
        }
    })
}

fn refusal(operation: &str, message: &str) -> ApiError {
    if let Some(rest) = message.strip_prefix(REQUEST_VALIDATION) {
        return if ENVELOPED.contains(&operation) {
            validation(&format!("1 validation error detected: {rest}"))
        } else {
            validation(rest)
        };
    }
    if let Some(rest) = VALIDATION.iter().find_map(|prefix| message.strip_prefix(prefix)) {
        return validation(rest);
    }
    if let Some(rest) = SERIALIZATION.iter().find_map(|prefix| message.strip_prefix(prefix)) {
        return serialization(rest);
    }
    if let Some(field) = message.strip_prefix("missing field `").and_then(|rest| rest.strip_suffix('`')) {
        return validation(&format!(
            "1 validation error detected: Value null at '{}' failed to satisfy constraint: Member must not be null",
            lower_camel(field)
        ));
    }
    if message.contains("empty AttributeValue") {
        return validation("Supplied AttributeValue is empty, must contain exactly one of the supported datatypes");
    }
    let about_values = ["unknown variant", "invalid type: null", "Supplied AttributeValue"];
    if about_values.iter().any(|stem| message.contains(stem)) {
        return validation(message);
    }
    serialization(&wrong_type(message).unwrap_or_else(|| message.to_string()))
}

/// DynamoDB's wording of "invalid type: integer `23`, expected a string".
fn wrong_type(message: &str) -> Option<String> {
    let (found, expected) = message.strip_prefix("invalid type: ")?.split_once(", expected ")?;
    let target = match expected {
        "a string" | "a borrowed string" => "String",
        "a boolean" => "Boolean",
        "i32" | "u32" => "Integer",
        "i64" | "u64" | "usize" => "Long",
        _ if found == "map" => return None,
        _ if expected.starts_with("struct ") || expected.contains("map") => {
            return Some("Unexpected field type".to_string());
        }
        _ => return None,
    };
    let source = match found.split(' ').next()? {
        "integer" => "NUMBER_VALUE",
        "floating" => "DECIMAL_VALUE",
        "boolean" if found.contains("true") => "TRUE_VALUE",
        "boolean" => "FALSE_VALUE",
        "string" => "STRING_VALUE",
        "map" => return Some("Start of structure or map found where not expected".to_string()),
        "sequence" => return Some(format!("Unrecognized collection type class java.lang.{target}")),
        _ => return None,
    };
    Some(format!("{source} cannot be converted to {target}"))
}

fn without_position(message: &str) -> &str {
    message.rfind(" at line ").map_or(message, |end| &message[..end])
}

fn lower_camel(field: &str) -> String {
    let mut letters = field.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}

/// A `ValidationException`.
pub(crate) fn validation(message: &str) -> ApiError {
    ApiError::client("com.amazon.coral.validate#ValidationException", message)
}

fn serialization(message: &str) -> ApiError {
    ApiError::client("com.amazon.coral.service#SerializationException", message)
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

//! Reading a request into the engine's types, with DynamoDB's wording of what does not fit.

use anabranch_protocol::ApiError;
use memchr::memmem;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::error::Category;

use crate::bounds;
use crate::error::{lower_camel, serialization, validation};
use crate::wording::{Form, Misread, Refusal, is_too_deep, refusal};

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
            Category::Data => refused(operation, &refusal(&text), body),
            _ if is_too_deep(&text) && is_deep_value(body) => validation(
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

fn refused(operation: &str, refusal: &Refusal<'_>, body: &[u8]) -> ApiError {
    match refusal {
        Refusal::Request(text) if ENVELOPED.contains(&operation) => {
            validation(&format!("1 validation error detected: {text}"))
        }
        Refusal::Request(text) => validation(text),
        Refusal::Validation(text) => validation(text),
        Refusal::Absent(member) => null(&lower_camel(member)),
        Refusal::Null => {
            let at = locate(body, &|_, found| found.is_null()).map(|(path, _)| path);
            null(&at.unwrap_or_default())
        }
        Refusal::EmptyValue => {
            validation("Supplied AttributeValue is empty, must contain exactly one of the supported datatypes")
        }
        Refusal::NotOneOf { value, allowed } => {
            let at = locate(body, &|_, found| found.as_str() == Some(value)).map(|(path, _)| path);
            validation(&format!(
                "1 validation error detected: Value '{value}' at '{}' failed to satisfy constraint: Member must \
                 satisfy enum value set: [{}]",
                at.unwrap_or_default(),
                allowed.join(", ")
            ))
        }
        Refusal::Misread(misread) => serialization(&misread_text(misread, body)),
    }
}

fn null(path: &str) -> ApiError {
    validation(&format!(
        "1 validation error detected: Value null at '{path}' failed to satisfy constraint: Member must not be null"
    ))
}

/// DynamoDB's wording of a value of the wrong type.
fn misread_text(misread: &Misread<'_>, body: &[u8]) -> String {
    match misread {
        Misread::Worded(text) => text.clone(),
        Misread::Member { form, name } => misread_member(*form, name, body).to_string(),
        Misread::Duplicate(member) => format!("Member {member} is given more than once"),
        Misread::Base64 => "Invalid Base64 encoding of a value of type B".to_string(),
        Misread::FieldType => "Unexpected field type".to_string(),
    }
}

fn misread_member(form: Form, name: &str, body: &[u8]) -> &'static str {
    let fits = match form {
        Form::Text => Value::is_string,
        Form::List => Value::is_array,
        Form::Map => Value::is_object,
    };
    let found = locate(body, &|member, found| member == name && !fits(found));
    match (form, found.as_ref().map(|(_, found)| found)) {
        (Form::Text, Some(Value::Number(number))) if number.is_f64() => "DECIMAL_VALUE cannot be converted to String",
        (Form::Text, Some(Value::Number(_))) => "NUMBER_VALUE cannot be converted to String",
        (Form::Text, Some(Value::Bool(true))) => "TRUE_VALUE cannot be converted to String",
        (Form::Text, Some(Value::Bool(false))) => "FALSE_VALUE cannot be converted to String",
        (Form::Text, Some(Value::Array(_))) => "Unrecognized collection type class java.lang.String",
        (Form::Text | Form::List, Some(Value::Object(_))) => "Start of structure or map found where not expected",
        (Form::Map, Some(Value::Array(_))) => {
            "Unrecognized collection type java.util.Map<java.lang.String, \
             com.amazonaws.dynamodb.v20120810.AttributeValue>"
        }
        _ => "Unexpected field type",
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use dynoxide::actions::{describe_table::DescribeTableRequest, put_item::PutItemRequest};

    #[track_caller]
    fn answer<T: DeserializeOwned>(operation: &str, body: &str) -> (&'static str, String) {
        match decode::<T>(operation, body.as_bytes()) {
            Ok(_) => panic!("{body} was accepted"),
            Err(error) => (error.code, error.message),
        }
    }

    #[test]
    fn types_and_syntax_are_told_apart() {
        let (code, message) = answer::<DescribeTableRequest>("DescribeTable", r#"{"TableName": 23}"#);
        assert!(code.ends_with("#SerializationException"), "{code}");
        assert_eq!(message, "NUMBER_VALUE cannot be converted to String");
        let (code, _) = answer::<DescribeTableRequest>("DescribeTable", r#"{"TableName": "#);
        assert!(code.ends_with("#SerializationException"), "{code}");
    }

    #[test]
    fn no_marker_reaches_the_wire() {
        let body = r#"{"TableName": "clicks", "Item": {"id": {"NULL": false}}}"#;
        let (code, message) = answer::<PutItemRequest>("PutItem", body);
        assert!(code.ends_with("#ValidationException"), "{code}");
        assert!(message.starts_with("1 validation error detected: ") && !message.contains("VALIDATION_"));
        let (_, message) = answer::<PutItemRequest>("BatchWriteItem", body);
        assert!(message.starts_with("One or more parameter values were invalid"), "{message}");
    }
}

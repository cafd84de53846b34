//! What a function with `ReportBatchItemFailures` said of its batch.

use std::collections::HashMap;

use serde_json::Value;

use super::payload::EventRecord;

/// The reading of a response.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum BatchResponse {
    /// All records are done.
    Success,
    /// The records reported, as indices into those invoked, in order; at least one.
    Failed(Vec<usize>),
    /// It can't be used, so the whole batch counts as failed.
    Invalid(String),
}

/// Reads `{"batchItemFailures": [{"itemIdentifier": "<sequence number>"}]}`. An empty or null
/// response or list is success, as are the empty string and the empty list; an empty, null, misnamed
/// or unknown identifier fails the whole batch.
pub(crate) fn read(payload: &[u8], records: &[EventRecord]) -> BatchResponse {
    let invalid = |reason: &str| BatchResponse::Invalid(format!("the batch response {reason}"));
    if payload.is_empty() {
        return BatchResponse::Success;
    }
    let failures = match serde_json::from_slice(payload) {
        Ok(Value::Null) => return BatchResponse::Success,
        Ok(Value::String(text)) if text.is_empty() => return BatchResponse::Success,
        Ok(Value::Array(list)) if list.is_empty() => return BatchResponse::Success,
        Ok(Value::Object(mut response)) => response.remove("batchItemFailures").unwrap_or(Value::Null),
        Ok(_) => return invalid("is not an object"),
        Err(error) => return invalid(&format!("is not JSON: {error}")),
    };
    let failures = match failures {
        Value::Null => return BatchResponse::Success,
        Value::Array(failures) => failures,
        _ => return invalid("has batchItemFailures that are not a list"),
    };
    if failures.is_empty() {
        return BatchResponse::Success;
    }
    let by_identifier: HashMap<&str, usize> =
        records.iter().enumerate().rev().map(|(index, record)| (&*record.identifier, index)).collect();
    let mut failed = Vec::new();
    for failure in &failures {
        let identifier = failure.get("itemIdentifier").and_then(Value::as_str).unwrap_or_default();
        let Some(index) = by_identifier.get(identifier) else {
            return invalid(&format!("names a record that is not in the batch: {failure}"));
        };
        failed.push(*index);
    }
    failed.sort_unstable();
    failed.dedup();
    BatchResponse::Failed(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn responses_are_read_as_aws_does() {
        let records = ["10", "11", "12"].map(EventRecord::named);
        for success in ["", "null", "{}", r#""""#, "[]", r#"{"batchItemFailures":null}"#, r#"{"batchItemFailures":[]}"#]
        {
            assert_eq!(read(success.as_bytes(), &records), BatchResponse::Success, "{success}");
        }
        let two = r#"{"batchItemFailures":[{"itemIdentifier":"12"},{"itemIdentifier":"11"}]}"#;
        assert_eq!(read(two.as_bytes(), &records), BatchResponse::Failed(vec![1, 2]));
        for invalid in [
            r#"{"batchItemFailures":[{"itemIdentifier":""}]}"#,
            r#"{"batchItemFailures":[{"itemIdentifier":null}]}"#,
            r#"{"batchItemFailures":[{"id":"11"}]}"#,
            r#"{"batchItemFailures":[{"itemIdentifier":"11"},{"itemIdentifier":"99"}]}"#,
            r#"{"batchItemFailures":{}}"#,
            r#""done""#,
            "[1]",
            "{",
        ] {
            assert!(matches!(read(invalid.as_bytes(), &records), BatchResponse::Invalid(_)), "{invalid}");
        }
    }
}

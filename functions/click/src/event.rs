//! One click as JSON: what is required, how long it may be, and what is kept unchanged.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};

/// The most characters of an `event_id`.
const EVENT_ID_CHARS_MAX: usize = 64;
/// The most characters of a `session_id`; it is the partition key, for which Kinesis allows 256.
const SESSION_ID_CHARS_MAX: usize = 128;
/// The most characters of a `type`.
const TYPE_CHARS_MAX: usize = 64;
/// The most characters of a `page`: a request line is rarely allowed more than 8 KiB.
const PAGE_CHARS_MAX: usize = 8192;

/// A valid click: a value of this type has passed every rule of the event.
///
/// Fields beyond the required ones are optional, may be unknown, and are kept as they are.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Click {
    /// Identifies the event forever: whoever sees the same id twice has seen one click.
    pub event_id: String,
    /// The visit this click belongs to.
    pub session_id: String,
    /// When the click happened, RFC 3339, as sent.
    pub timestamp: String,
    /// What happened: `page_view`, `product_view`, `add_to_cart`, `checkout`, `purchase`, `request`, or another word.
    #[serde(rename = "type")]
    pub kind: String,
    /// The page, exactly as sent.
    pub page: String,
    /// All other members: `user_id`, `user_agent`, `referrer`, `amount_cents`, `status`, `bytes`, `method` and unknown ones.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

/// The rule that a would-be click breaks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClickError {
    /// The bytes are not JSON at all.
    #[error("not JSON: {0}")]
    NotJson(String),
    /// JSON, but not an object.
    #[error("an event must be a JSON object")]
    NotAnObject,
    /// A required member is absent.
    #[error("{0} is required")]
    Missing(&'static str),
    /// A required member is not a string.
    #[error("{0} must be a string")]
    NotAString(&'static str),
    /// A member is empty or too long.
    #[error("{field} must have 1 to {max} characters, but has {actual}")]
    Length {
        /// The member.
        field: &'static str,
        /// The most characters allowed.
        max: usize,
        /// The characters it has.
        actual: usize,
    },
    /// The timestamp is invalid.
    #[error("timestamp must be an RFC 3339 date and time, not {0:?}")]
    Timestamp(String),
}

impl Click {
    /// Reads one click from JSON text.
    ///
    /// # Errors
    /// The first [`ClickError`] found, in the order of the fields.
    pub fn from_json(text: &[u8]) -> Result<Self, ClickError> {
        let value = serde_json::from_slice(text).map_err(|error| ClickError::NotJson(error.to_string()))?;
        Self::from_value(value)
    }

    /// Checks a JSON value and takes it as a click.
    ///
    /// # Errors
    /// The first [`ClickError`] found, in the order of the fields.
    pub fn from_value(value: Value) -> Result<Self, ClickError> {
        let Value::Object(mut members) = value else { return Err(ClickError::NotAnObject) };
        let event_id = take_text(&mut members, "event_id", EVENT_ID_CHARS_MAX)?;
        let session_id = take_text(&mut members, "session_id", SESSION_ID_CHARS_MAX)?;
        let timestamp = take_text(&mut members, "timestamp", PAGE_CHARS_MAX)?;
        if parse_rfc3339(&timestamp).is_none() {
            return Err(ClickError::Timestamp(timestamp.chars().take(64).collect()));
        }
        let kind = take_text(&mut members, "type", TYPE_CHARS_MAX)?;
        let page = take_text(&mut members, "page", PAGE_CHARS_MAX)?;
        Ok(Self { event_id, session_id, timestamp, kind, page, rest: members })
    }

    /// The instant the click happened.
    #[must_use]
    pub fn instant(&self) -> Timestamp {
        // A constructed click has a valid timestamp; the fallback is only for a field changed afterwards.
        parse_rfc3339(&self.timestamp).unwrap_or(Timestamp::UNIX_EPOCH)
    }

    /// The browser or app that sent the click, if it said so.
    #[must_use]
    pub fn user_agent(&self) -> Option<&str> {
        self.rest.get("user_agent").and_then(Value::as_str)
    }

    /// The size of the response in bytes, for requests replayed from a log.
    #[must_use]
    pub fn bytes(&self) -> Option<u64> {
        self.rest.get("bytes").and_then(Value::as_u64)
    }
}

fn take_text(members: &mut Map<String, Value>, field: &'static str, max: usize) -> Result<String, ClickError> {
    match members.remove(field) {
        None | Some(Value::Null) => Err(ClickError::Missing(field)),
        Some(Value::String(text)) => {
            let actual = text.chars().count();
            if (1..=max).contains(&actual) { Ok(text) } else { Err(ClickError::Length { field, max, actual }) }
        }
        Some(_) => Err(ClickError::NotAString(field)),
    }
}

/// RFC 3339 is narrower than what jiff reads: the date has dashes, the time an offset, and nothing follows.
fn parse_rfc3339(text: &str) -> Option<Timestamp> {
    let bytes = text.as_bytes();
    let shaped = bytes.len() >= 20
        && bytes[..4].iter().all(u8::is_ascii_digit)
        && bytes[4] == b'-'
        && bytes[7] == b'-'
        && matches!(bytes[10], b'T' | b't' | b' ')
        && bytes[13] == b':'
        && !bytes.contains(&b'[');
    if shaped { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn valid() -> Value {
        json!({
            "event_id": "e1", "session_id": "s1", "timestamp": "2026-06-15T10:00:00.250+02:00",
            "type": "purchase", "page": "/checkout/done?step=3", "amount_cents": 4990, "colour": ["red", null]
        })
    }

    fn with(field: &str, value: Value) -> Value {
        let mut click = valid();
        click[field] = value;
        click
    }

    #[test]
    fn keeps_every_member() {
        let click = Click::from_value(valid()).unwrap();
        assert_eq!(serde_json::to_value(&click).unwrap(), valid());
        assert_eq!(click.instant(), "2026-06-15T08:00:00.250Z".parse().unwrap());
    }

    #[test]
    fn names_the_first_broken_rule() {
        let cases = [
            (json!([]), ClickError::NotAnObject),
            (with("event_id", json!(null)), ClickError::Missing("event_id")),
            (with("session_id", json!(7)), ClickError::NotAString("session_id")),
            (with("page", json!("")), ClickError::Length { field: "page", max: 8192, actual: 0 }),
            (with("event_id", json!("é".repeat(65))), ClickError::Length { field: "event_id", max: 64, actual: 65 }),
            (with("timestamp", json!("yesterday")), ClickError::Timestamp("yesterday".into())),
            (with("timestamp", json!("2026-06-15T10:00:00")), ClickError::Timestamp("2026-06-15T10:00:00".into())),
            (with("timestamp", json!("20260615T100000.000Z")), ClickError::Timestamp("20260615T100000.000Z".into())),
        ];
        for (value, expected) in cases {
            assert_eq!(Click::from_value(value).unwrap_err(), expected);
        }
        assert!(matches!(Click::from_json(b"{\"event_id\":"), Err(ClickError::NotJson(_))));
        assert!(matches!(Click::from_json(b"\xff"), Err(ClickError::NotJson(_))));
    }

    #[test]
    fn limits_are_inclusive() {
        for (field, max) in [("event_id", 64), ("session_id", 128), ("type", 64), ("page", 8192)] {
            assert!(Click::from_value(with(field, json!("ß".repeat(max)))).is_ok(), "{field} at its limit");
            assert!(Click::from_value(with(field, json!("ß".repeat(max + 1)))).is_err(), "{field} over its limit");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Click::from_json(&bytes);
        }

        #[test]
        fn any_timestamp_text_is_answered(text in ".{0,40}") {
            let _ = parse_rfc3339(&text);
        }

        #[test]
        fn writing_and_reading_agree(id in ".{1,64}", page in "/.{0,100}", extra in ".{0,30}") {
            let click = Click::from_value(json!({
                "event_id": id, "session_id": "s", "timestamp": "2026-06-15T10:00:00Z",
                "type": "page_view", "page": page, "extra": extra
            })).unwrap();
            let again = Click::from_json(&serde_json::to_vec(&click).unwrap()).unwrap();
            prop_assert_eq!(click, again);
        }
    }
}

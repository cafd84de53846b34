//! The request body: one event or an array of them, valid as a whole or refused as a whole.

use click::Click;
use serde::Serialize;
use serde_json::Value;

/// The most events in one request: one `PutRecords` call.
const EVENTS_MAX: usize = 500;
/// The most bytes of one event as stored: Firehose takes records of 1,000 KiB, newline included.
const EVENT_BYTES_MAX: usize = 1_000_000;
/// How many bad events a response lists; the rest are counted.
const DETAILS_MAX: usize = 50;

/// Why a request was refused; becomes the body of a 400.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct BadRequest {
    /// The reason in one sentence.
    pub error: String,
    /// The events at fault.
    pub details: Vec<BadClick>,
}

/// One event at fault.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct BadClick {
    /// Its place in the array, from 0.
    pub index: usize,
    /// The rule it breaks.
    pub reason: String,
}

/// Reads all clicks of a body and stamps them with `received_at` (RFC 3339, milliseconds).
///
/// # Errors
/// [`BadRequest`] if the body is not an event or an array of 1 to 500 events, or any event breaks a rule.
pub(crate) fn read_clicks(body: &[u8], received_at: &str) -> Result<Vec<Click>, BadRequest> {
    let value = serde_json::from_slice(body)
        .map_err(|error| BadRequest { error: format!("the body is not JSON: {error}"), details: Vec::new() })?;
    let events = match value {
        Value::Array(events) => events,
        event => vec![event],
    };
    if events.is_empty() || events.len() > EVENTS_MAX {
        let error = format!("the body must hold 1 to {EVENTS_MAX} events, and holds {}", events.len());
        return Err(BadRequest { error, details: Vec::new() });
    }
    let total = events.len();
    let mut clicks = Vec::with_capacity(total);
    let mut bad = Vec::new();
    for (index, event) in events.into_iter().enumerate() {
        match read_click(event, received_at) {
            Ok(click) => clicks.push(click),
            Err(reason) => bad.push(BadClick { index, reason }),
        }
    }
    if bad.is_empty() {
        return Ok(clicks);
    }
    let error = format!("{} of {total} events are invalid; none was accepted", bad.len());
    bad.truncate(DETAILS_MAX);
    Err(BadRequest { error, details: bad })
}

fn read_click(event: Value, received_at: &str) -> Result<Click, String> {
    let mut click = Click::from_value(event).map_err(|error| error.to_string())?;
    click.rest.insert("received_at".into(), received_at.into());
    let bytes = serde_json::to_vec(&click).map_err(|error| error.to_string())?.len() + 1;
    if bytes > EVENT_BYTES_MAX {
        return Err(format!("an event must have at most {EVENT_BYTES_MAX} bytes, and has {bytes}"));
    }
    Ok(click)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const NOW: &str = "2026-06-15T10:00:01.000Z";

    fn event(id: &str) -> Value {
        json!({"event_id": id, "session_id": "s", "timestamp": "2026-06-15T10:00:00Z", "type": "page_view", "page": "/"})
    }

    fn read(body: &Value) -> Result<Vec<Click>, BadRequest> {
        read_clicks(body.to_string().as_bytes(), NOW)
    }

    #[test]
    fn takes_one_or_many_and_stamps_them() {
        assert_eq!(read(&event("a")).unwrap().len(), 1);
        let clicks = read(&json!([event("a"), event("b")])).unwrap();
        assert_eq!(clicks[1].event_id, "b");
        assert_eq!(clicks[1].rest["received_at"], NOW);
    }

    #[test]
    fn the_stamp_is_the_servers_and_not_the_clients() {
        let mut forged = event("a");
        forged["received_at"] = json!("1999-01-01T00:00:00Z");
        assert_eq!(read(&forged).unwrap()[0].rest["received_at"], NOW);
    }

    #[test]
    fn one_bad_event_refuses_all_and_is_named() {
        let mut bad = event("b");
        bad["page"] = json!(null);
        let refused = read(&json!([event("a"), bad, event("c"), 7])).unwrap_err();
        assert_eq!(refused.error, "2 of 4 events are invalid; none was accepted");
        let expected = [(1, "page is required"), (3, "an event must be a JSON object")];
        assert_eq!(refused.details, expected.map(|(index, reason)| BadClick { index, reason: reason.into() }));
    }

    #[test]
    fn size_limits() {
        assert!(read(&json!([])).unwrap_err().error.ends_with("holds 0"));
        assert!(read(&vec![event("a"); 500].into()).is_ok());
        assert!(read(&vec![event("a"); 501].into()).unwrap_err().error.ends_with("holds 501"));
        let mut large = event("a");
        large["note"] = json!("x".repeat(EVENT_BYTES_MAX));
        assert!(read(&large).unwrap_err().details[0].reason.contains("at most 1000000 bytes"));
    }

    #[test]
    fn not_json_is_said_with_its_place() {
        let refused = read_clicks(b"{\"event_id\": ", NOW).unwrap_err();
        assert!(refused.error.contains("line 1 column"), "{}", refused.error);
    }
}

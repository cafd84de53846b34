//! Tumbling windows: a function's state is carried from batch to batch of a shard for as long as
//! their records arrived in one window.

use anabranch_protocol::Arn;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::time::iso_seconds;

/// The largest state of a window (1 MB); a larger one ends the window early.
const STATE_BYTES_MAX: usize = 1 << 20;

/// A window that is open, with the state that the function returned last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TumblingWindow {
    /// Its first millisecond, since the Unix epoch.
    start_ms: u64,
    /// The first millisecond that is no longer of it.
    pub(crate) end_ms: u64,
    /// JSON.
    state: Value,
}

/// What an invocation is to a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// One of those with its records.
    Records,
    /// The last one, without records.
    Final,
    /// The last one of a window whose state grew too large.
    TerminatedEarly,
}

impl TumblingWindow {
    /// The window of `seconds` in which a record arrived.
    pub(super) fn of(arrival_ms: u64, seconds: u32) -> Self {
        let length_ms = u64::from(seconds.max(1)) * 1000;
        let start_ms = arrival_ms / length_ms * length_ms;
        Self { start_ms, end_ms: start_ms + length_ms, state: json!({}) }
    }

    /// Whether a record that arrived then belongs to it. What arrived earlier, because the clock was
    /// set back, does too.
    pub(super) fn holds(&self, arrival_ms: u64) -> bool {
        arrival_ms < self.end_ms
    }

    /// The members that its invocations have beside `Records`.
    pub(super) fn members(&self, turn: Turn, shard_id: &str, source_arn: &Arn) -> String {
        let members = json!({
            "window": { "start": iso_seconds(self.start_ms), "end": iso_seconds(self.end_ms) },
            "state": self.state,
            "shardId": shard_id,
            "eventSourceARN": source_arn.to_string(),
            "isFinalInvokeForWindow": turn != Turn::Records,
            "isWindowTerminatedEarly": turn == Turn::TerminatedEarly,
        });
        let object = members.to_string();
        format!(",{}", &object[1..object.len() - 1])
    }

    /// Keeps the state that the function returned.
    ///
    /// # Errors
    /// Why the response can't be used: without a state the invocation counts as failed.
    pub(super) fn take_state(&mut self, payload: &[u8]) -> Result<(), String> {
        let response: Value =
            serde_json::from_slice(payload).map_err(|error| format!("the response is not JSON: {error}"))?;
        let state = match response {
            Value::Object(mut members) => members.remove("state"),
            _ => None,
        };
        self.state = match state {
            Some(Value::Null) => json!({}),
            Some(state) => state,
            None => return Err("the response has no state".into()),
        };
        Ok(())
    }

    /// Whether its state is larger than one may be.
    pub(super) fn is_too_large(&self) -> bool {
        self.state.to_string().len() > STATE_BYTES_MAX
    }

    /// Begins the window anew, with an empty state.
    pub(super) fn forget_state(&mut self) {
        self.state = json!({});
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARN: &str = "arn:aws:kinesis:us-east-1:123456789012:stream/lambda-stream";

    #[test]
    fn members_are_those_of_the_example_in_the_guide() {
        // A record of 07:04:35 in a window of two minutes.
        let mut window = TumblingWindow::of(1_607_497_475_000, 120);
        window.take_state(br#"{"state": {"1": 282, "2": 715}, "batchItemFailures": []}"#).unwrap();
        let members = window.members(Turn::Records, "shardId-000000000006", &ARN.parse().unwrap());
        let event: Value = serde_json::from_str(&format!("{{\"Records\":[]{members}}}")).unwrap();
        assert_eq!(
            event,
            json!({
                "Records": [],
                "window": { "start": "2020-12-09T07:04:00Z", "end": "2020-12-09T07:06:00Z" },
                "state": { "1": 282, "2": 715 },
                "shardId": "shardId-000000000006",
                "eventSourceARN": ARN,
                "isFinalInvokeForWindow": false,
                "isWindowTerminatedEarly": false
            })
        );
    }

    #[test]
    fn a_response_without_a_state_is_none() {
        let mut window = TumblingWindow::of(0, 1);
        for response in ["", "null", "{}", "[]", r#"{"batchItemFailures":[]}"#] {
            window.take_state(response.as_bytes()).unwrap_err();
        }
        window.take_state(br#"{"state": null}"#).unwrap();
        let large = json!({"state": {"text": "x".repeat(STATE_BYTES_MAX)}}).to_string();
        window.take_state(large.as_bytes()).unwrap();
        assert!(window.is_too_large());
        window.forget_state();
        assert!(!window.is_too_large());
    }

    #[test]
    fn windows_are_cut_at_multiples_of_their_length() {
        let window = TumblingWindow::of(61_000, 30);
        assert_eq!((window.start_ms, window.end_ms), (60_000, 90_000));
        assert!(window.holds(89_999) && window.holds(1) && !window.holds(90_000));
    }
}

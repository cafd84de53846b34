//! What this crate says of patterns and events, for comparing it with Event Ruler.
//!
//! Reads one case a line, `{"pattern": text, "events": [text, …]}`, and writes a line for
//! each: `invalid: reason`, or a digit for each event, 1 where the pattern matches.

use anabranch_pattern::{Dialect, Pattern};
use serde_json::Value;
use std::io::{BufRead, Write};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    for line in std::io::stdin().lock().lines() {
        let case: Value = serde_json::from_str(&line?)?;
        let pattern = case["pattern"].as_str().ok_or("a case without a pattern")?;
        match Pattern::compile(pattern, Dialect::EventBridge) {
            Err(error) => writeln!(out, "invalid: {}", error.reason())?,
            Ok(pattern) => {
                for event in case["events"].as_array().ok_or("a case without events")? {
                    let event = event.as_str().ok_or("an event that is no text")?;
                    let matches = pattern.matches_json(event.as_bytes())?;
                    if matches != pattern.matches(&serde_json::from_str(event)?) {
                        return Err(format!("parsed and raw, {event} gets different verdicts").into());
                    }
                    out.write_all(if matches { b"1" } else { b"0" })?;
                }
                writeln!(out)?;
            }
        }
    }
    Ok(out.flush()?)
}

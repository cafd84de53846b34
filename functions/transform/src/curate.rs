//! Curated output: where each click goes and what is added to it.

use crate::raw_object::BadLine;
use crate::user_agent::family;
use bytes::Bytes;
use click::Click;
use jiff::tz::TimeZone;
use serde::Serialize;
use std::collections::{BTreeMap, HashMap};

/// A click as curated: everything it had, and what was derived from it.
#[derive(Serialize)]
struct CuratedClick<'a> {
    #[serde(flatten)]
    click: &'a Click,
    /// The session, under the name the curated set uses for it.
    session: &'a str,
    /// Which click of its session this is within the raw object, from 1.
    session_click: u32,
    /// Who was looking.
    user_agent_family: &'static str,
    /// The page without query, fragment and trailing slash, so that its variants count as one.
    page_path: &'a str,
    /// The object it came from.
    raw_object: &'a str,
}

/// The objects to write for one raw object, by key: `curated/year=…/month=…/day=…/hour=…/NAME.jsonl`,
/// by the hour (UTC) in which the click happened.
///
/// # Errors
/// Only if a click cannot be written as JSON, as every parsed one can.
pub(crate) fn curated_objects(raw_key: &str, clicks: &[Click]) -> Result<BTreeMap<String, Bytes>, serde_json::Error> {
    let name = object_name(raw_key);
    let mut clicks_of_session: HashMap<&str, u32> = HashMap::new();
    let mut objects: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    for click in clicks {
        let session_click = clicks_of_session.entry(&click.session_id).or_default();
        *session_click += 1;
        let row = CuratedClick {
            click,
            session: &click.session_id,
            session_click: *session_click,
            user_agent_family: click.user_agent().map_or("Other", family),
            page_path: page_path(&click.page),
            raw_object: raw_key,
        };
        let partition = click.instant().to_zoned(TimeZone::UTC).strftime("year=%Y/month=%m/day=%d/hour=%H").to_string();
        let lines = objects.entry(format!("curated/{partition}/{name}.jsonl")).or_default();
        serde_json::to_writer(&mut *lines, &row)?;
        lines.push(b'\n');
    }
    Ok(objects.into_iter().map(|(key, lines)| (key, lines.into())).collect())
}

/// The object for lines that are not clicks, if there are any: `errors/RAW KEY.jsonl`.
///
/// # Errors
/// Never in practice: the lines are plain strings.
pub(crate) fn error_object(raw_key: &str, lines: &[BadLine]) -> Result<Option<(String, Bytes)>, serde_json::Error> {
    if lines.is_empty() {
        return Ok(None);
    }
    let mut body = Vec::new();
    for line in lines {
        serde_json::to_writer(&mut body, line)?;
        body.push(b'\n');
    }
    Ok(Some((format!("errors/{raw_key}.jsonl"), body.into())))
}

/// The raw object's own name, with a checksum of its whole key: objects with the same name in
/// two folders must not overwrite each other's output.
fn object_name(raw_key: &str) -> String {
    let name = raw_key.rsplit('/').next().unwrap_or(raw_key);
    let name = name.strip_suffix(".gz").unwrap_or(name);
    format!("{name}-{:08x}", crc32fast::hash(raw_key.as_bytes()))
}

fn page_path(page: &str) -> &str {
    let path = page.split(['?', '#']).next().unwrap_or(page);
    match path.trim_end_matches('/') {
        "" => "/",
        trimmed => trimmed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn click(timestamp: &str, page: &str) -> Click {
        Click::from_value(json!({
            "event_id": "a", "session_id": "s", "timestamp": timestamp, "type": "page_view", "page": page,
            "user_agent": "curl/8.5.0", "colour": "red"
        }))
        .unwrap()
    }

    #[test]
    fn clicks_are_filed_by_the_hour_they_happened_in() {
        let clicks = [
            click("2026-06-15T23:59:59Z", "/a/?q=1"),
            click("2026-06-16T01:30:00+02:00", "/"),
            click("2026-06-16T00:00:00Z", "/b"),
        ];
        let objects = curated_objects("raw/2026/06/16/00/clicks-1.gz", &clicks).unwrap();
        let keys: Vec<&String> = objects.keys().collect();
        assert_eq!(keys.len(), 2);
        assert!(keys[0].starts_with("curated/year=2026/month=06/day=15/hour=23/clicks-1-"), "{keys:?}");
        assert!(keys[1].starts_with("curated/year=2026/month=06/day=16/hour=00/clicks-1-"), "{keys:?}");
        let rows: Vec<Value> = objects[keys[0]]
            .split(|b| *b == b'\n')
            .filter(|l| !l.is_empty())
            .map(|l| serde_json::from_slice(l).unwrap())
            .collect();
        assert_eq!(rows.len(), 2);
        assert_eq!(rows[0]["page"], "/a/?q=1");
        assert_eq!(rows[0]["page_path"], "/a");
        assert_eq!((&rows[0]["user_agent_family"], &rows[0]["colour"]), (&json!("curl"), &json!("red")));
        assert_eq!(
            (&rows[1]["session_click"], &rows[1]["raw_object"]),
            (&json!(2), &json!("raw/2026/06/16/00/clicks-1.gz"))
        );
    }

    #[test]
    fn the_same_object_gives_the_same_keys_and_another_does_not() {
        assert_eq!(object_name("raw/a/x.gz"), object_name("raw/a/x.gz"));
        assert_ne!(object_name("raw/a/x.gz"), object_name("raw/b/x.gz"));
    }

    #[test]
    fn error_lines_keep_the_raw_key() {
        let line = BadLine { line: 3, reason: "not JSON".into(), raw: "GET /".into(), encoding: "utf-8" };
        let (key, body) = error_object("raw/x.gz", &[line]).unwrap().unwrap();
        assert_eq!(key, "errors/raw/x.gz.jsonl");
        let row: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(row, json!({"line": 3, "reason": "not JSON", "raw": "GET /", "encoding": "utf-8"}));
        assert_eq!(error_object("raw/x.gz", &[]).unwrap(), None);
    }
}

//! Events as rules match them and targets get them ("AWS service event metadata").

use anabranch_protocol::{Account, Region};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::json::{compact, is_object, quoted};

/// An event on a bus.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Event {
    /// Its `id`.
    pub(crate) id: String,
    /// All of it, one JSON document.
    pub(crate) document: String,
    /// When the bus got it, in milliseconds since the Unix epoch.
    pub(crate) ingested_ms: u64,
    /// Whether it comes from an archive.
    pub(crate) is_replayed: bool,
}

/// What an event says.
#[derive(Debug, Clone)]
pub(crate) struct Content<'a> {
    pub(crate) detail_type: &'a str,
    pub(crate) source: &'a str,
    pub(crate) account: Account,
    pub(crate) region: &'a Region,
    /// When it happened, in milliseconds since the Unix epoch.
    pub(crate) time_ms: u64,
    pub(crate) resources: &'a [String],
    /// A JSON object.
    pub(crate) detail: &'a str,
}

/// A document that claims to be an event.
#[derive(Deserialize)]
struct Document<'a> {
    id: Option<String>,
    #[serde(rename = "detail-type")]
    detail_type: String,
    source: String,
    account: Option<Account>,
    region: Option<Region>,
    time: Option<String>,
    #[serde(default)]
    resources: Vec<String>,
    #[serde(borrow)]
    detail: &'a RawValue,
    /// Of replayed events.
    #[serde(rename = "replay-name")]
    replay_name: Option<String>,
}

impl Event {
    /// A new event.
    pub(crate) fn new(content: &Content<'_>, ingested_ms: u64) -> Self {
        Self::with_id(Uuid::new_v4().to_string(), content, None, ingested_ms)
    }

    fn with_id(id: String, content: &Content<'_>, replay_name: Option<&str>, ingested_ms: u64) -> Self {
        let resources: Vec<String> = content.resources.iter().map(|resource| quoted(resource)).collect();
        let replayed = replay_name.map(|name| format!(r#","replay-name":{}"#, quoted(name))).unwrap_or_default();
        let document = format!(
            r#"{{"version":"0","id":{},"detail-type":{},"source":{},"account":"{}","time":"{}","region":"{}","resources":[{}],"detail":{}{replayed}}}"#,
            quoted(&id),
            quoted(content.detail_type),
            quoted(content.source),
            content.account,
            to_seconds(content.time_ms),
            content.region,
            resources.join(","),
            compact(content.detail),
        );
        Self { id, document, ingested_ms, is_replayed: replay_name.is_some() }
    }

    /// An event of an archive, for a replay.
    pub(crate) fn replayed(id: String, document: &str, replay_name: &str, ingested_ms: u64) -> Self {
        let members = document.strip_suffix('}').unwrap_or(document);
        let document = format!(r#"{members},"replay-name":{}}}"#, quoted(replay_name));
        Self { id, document, ingested_ms, is_replayed: true }
    }

    /// The event that `document` is, in which `account`, `region`, `id`, `time` and `resources` may be
    /// missing.
    ///
    /// # Errors
    /// What keeps it from being one.
    pub(crate) fn of_document(
        document: &[u8],
        account: Account,
        region: &Region,
        ingested_ms: u64,
    ) -> Result<Self, String> {
        let found: Document<'_> = serde_json::from_slice(document).map_err(|error| error.to_string())?;
        if !is_object(found.detail.get()) {
            return Err("its detail is not an object".into());
        }
        let time = found.time.and_then(|time| time.parse::<Timestamp>().ok());
        let time = time.and_then(|time| u64::try_from(time.as_millisecond()).ok());
        let content = Content {
            detail_type: &found.detail_type,
            source: &found.source,
            account: found.account.unwrap_or(account),
            region: found.region.as_ref().unwrap_or(region),
            time_ms: time.unwrap_or(ingested_ms),
            resources: &found.resources,
            detail: found.detail.get(),
        };
        let id = found.id.unwrap_or_else(|| Uuid::new_v4().to_string());
        Ok(Self::with_id(id, &content, found.replay_name.as_deref(), ingested_ms))
    }
}

/// A moment as events have it: `2026-03-05T08:00:00Z`.
pub(crate) fn to_seconds(ms: u64) -> String {
    let seconds = i64::try_from(ms / 1000).unwrap_or(i64::MAX);
    Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_envelope() {
        let content = Content {
            detail_type: "Order \"x\"",
            source: "shop",
            account: Account::DEFAULT,
            region: &Region::default(),
            time_ms: 1_772_697_600_999,
            resources: &["arn:a".into(), "b".into()],
            detail: "{ \"z\": 1.0,\n \"a\": \"x y\" }",
        };
        let event = Event::new(&content, 7);
        let expected = r#""detail-type":"Order \"x\"","source":"shop","account":"000000000000","time":"2026-03-05T08:00:00Z","region":"us-east-1","resources":["arn:a","b"],"detail":{"z":1.0,"a":"x y"}}"#;
        assert_eq!(event.document, format!(r#"{{"version":"0","id":"{}",{expected}"#, event.id));
        let again = Event::of_document(event.document.as_bytes(), Account::DEFAULT, &Region::default(), 7);
        assert_eq!(again.unwrap(), event);
    }

    #[test]
    fn a_document_is_filled_up() {
        let read = |text: &str| Event::of_document(text.as_bytes(), Account::DEFAULT, &Region::default(), 1_000);
        let event = read(r#"{"source":"aws.s3","detail-type":"Object Created","detail":{"a":1}}"#).unwrap();
        assert!(event.document.contains(r#""time":"1970-01-01T00:00:01Z","region":"us-east-1","resources":[]"#));
        for text in ["", "[]", "{}", r#"{"source":"a","detail-type":"b","detail":[]}"#, r#"{"source":"a","detail":{}}"#]
        {
            assert!(read(text).is_err(), "{text}");
        }
    }
}

//! Input templates: text with placeholders such as `<status>` ("Transforming input").
//!
//! A template is a JSON document, or several JSON strings on lines of their own. Outside of strings a
//! placeholder stands for a value, which is written as JSON. Within a string it stands for text: a
//! string loses its quotes, and so does all that is in an object or a list. A variable whose path
//! leads nowhere leaves nothing.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use crate::json::{quoted, text_of};
use crate::path::JsonPath;

/// What a template's placeholders stand for besides its own variables.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Surroundings<'a> {
    /// The event, a JSON document.
    pub(crate) event: &'a str,
    /// The rule's ARN.
    pub(crate) rule_arn: &'a str,
    /// The rule's name.
    pub(crate) rule_name: &'a str,
    /// When the event came, as `2026-03-05T08:00:00Z`.
    pub(crate) ingestion_time: &'a str,
}

/// A part of a template.
enum Part<'a> {
    Text(&'a str),
    /// A placeholder's name, and whether it stands within a string.
    Placeholder(&'a str, bool),
}

/// The template with all placeholders filled in. `paths` are its variables.
pub(crate) fn fill(template: &str, paths: &BTreeMap<String, String>, surroundings: &Surroundings<'_>) -> String {
    let mut filled = String::with_capacity(template.len());
    for part in parts(template) {
        match part {
            Part::Text(text) => filled.push_str(text),
            Part::Placeholder(name, in_string) => {
                let value = value_of(name, paths, surroundings).unwrap_or_default();
                filled.push_str(&if in_string { as_text(&value) } else { value });
            }
        }
    }
    filled
}

/// Whether a template makes JSON, whatever its variables hold: that is, JSON documents behind one
/// another.
pub(crate) fn is_valid(template: &str) -> bool {
    let mut sample = String::with_capacity(template.len());
    for part in parts(template) {
        match part {
            Part::Text(text) => sample.push_str(text),
            Part::Placeholder(_, true) => {}
            Part::Placeholder(_, false) => sample.push_str("null"),
        }
    }
    let mut documents = serde_json::Deserializer::from_str(&sample).into_iter::<serde::de::IgnoredAny>();
    !sample.trim().is_empty() && documents.all(|document| document.is_ok())
}

/// A placeholder's value as JSON.
fn value_of(name: &str, paths: &BTreeMap<String, String>, surroundings: &Surroundings<'_>) -> Option<String> {
    match name {
        "aws.events.rule-arn" => Some(quoted(surroundings.rule_arn)),
        "aws.events.rule-name" => Some(quoted(surroundings.rule_name)),
        "aws.events.event.ingestion-time" => Some(quoted(surroundings.ingestion_time)),
        "aws.events.event.json" => Some(surroundings.event.to_string()),
        "aws.events.event" => Some(without_detail(surroundings.event)),
        _ => JsonPath::parse(paths.get(name)?)?.find(surroundings.event),
    }
}

/// The event but for its detail.
fn without_detail(event: &str) -> String {
    const MEMBERS: [&str; 8] = ["version", "id", "detail-type", "source", "account", "time", "region", "resources"];
    let member = |name: &str| {
        let value = JsonPath::parse(&format!("$.{name}"))?.find(event)?;
        Some(format!("{}:{value}", quoted(name)))
    };
    let members: Vec<String> = MEMBERS.into_iter().filter_map(member).collect();
    format!("{{{}}}", members.join(","))
}

/// A value as the inside of a string.
fn as_text(value: &str) -> String {
    let is_string = serde_json::from_str::<&RawValue>(value).ok().and_then(text_of).is_some();
    match is_string {
        // The escapes stay: it is a part of a string again.
        true => value[1..value.len() - 1].to_string(),
        false => value.replace(['"', '\\'], ""),
    }
}

/// The parts of a template, and which of its placeholders stand within strings.
fn parts(template: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let (mut in_string, mut escaped) = (false, false);
    let (mut text_from, mut at) = (0, 0);
    while let Some(character) = template[at..].chars().next() {
        if character == '<'
            && let Some(name) = placeholder(&template[at + 1..])
        {
            parts.push(Part::Text(&template[text_from..at]));
            parts.push(Part::Placeholder(name, in_string));
            at += name.len() + 2;
            text_from = at;
            escaped = false;
            continue;
        }
        if character == '"' && !escaped {
            in_string = !in_string;
        }
        escaped = in_string && !escaped && character == '\\';
        at += character.len_utf8();
    }
    parts.push(Part::Text(&template[text_from..]));
    parts
}

/// The name of the placeholder that begins here, behind its `<`.
fn placeholder(text: &str) -> Option<&str> {
    let (name, _) = text.split_once('>')?;
    let fits = |letter: char| letter.is_ascii_alphanumeric() || "_-.".contains(letter);
    Some(name).filter(|name| !name.is_empty() && name.chars().all(fits))
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVENT: &str = r#"{"version":"0","id":"1","detail-type":"Order","source":"shop","account":"000000000000","time":"2026-03-05T08:00:00Z","region":"us-east-1","resources":[],"detail":{"status":"a \"b\"","n":5,"user":{"name":"Ann","tags":["x"]}}}"#;

    fn filled(template: &str) -> String {
        let paths = [("status", "$.detail.status"), ("n", "$.detail.n"), ("user", "$.detail.user"), ("no", "$.no")];
        let paths = paths.into_iter().map(|(name, path)| (name.to_string(), path.to_string())).collect();
        let surroundings = Surroundings {
            event: EVENT,
            rule_arn: "arn:aws:events:us-east-1:000000000000:rule/orders",
            rule_name: "orders",
            ingestion_time: "2026-03-05T08:00:01Z",
        };
        assert!(is_valid(template), "{template}");
        fill(template, &paths, &surroundings)
    }

    #[test]
    fn placeholders_are_values_or_text() {
        for (template, expected) in [
            (r#""<n> is <status>""#, r#""5 is a \"b\"""#),
            (
                r#"{"s": <status>, "n": <n>, "u": <user>}"#,
                r#"{"s": "a \"b\"", "n": 5, "u": {"name":"Ann","tags":["x"]}}"#,
            ),
            (r#"{"s": "<status>", "u": "<user>"}"#, r#"{"s": "a \"b\"", "u": "{name:Ann,tags:[x]}"}"#),
            (r#"{"s": "\"<n>\""}"#, r#"{"s": "\"5\""}"#),
            ("\"<n> one\"\n\"<no>two\"", "\"5 one\"\n\"two\""),
            (r#""<aws.events.rule-name> <aws.events.event.ingestion-time>""#, r#""orders 2026-03-05T08:00:01Z""#),
            (r#"{"r": <aws.events.rule-arn>}"#, r#"{"r": "arn:aws:events:us-east-1:000000000000:rule/orders"}"#),
            (r#"{"a": "1 < 2 > 0"}"#, r#"{"a": "1 < 2 > 0"}"#),
            ("<n>", "5"),
        ] {
            assert_eq!(filled(template), expected, "{template}");
        }
        assert_eq!(filled("<aws.events.event.json>"), EVENT);
        let envelope = filled(r#"{"e": <aws.events.event>}"#);
        assert!(envelope.contains(r#""source":"shop""#) && !envelope.contains("detail\":"), "{envelope}");
    }

    #[test]
    fn templates_are_json() {
        for text in ["", "hello <n>", "{\"a\": <n>", "{<n>}", "\"a", "[1,]"] {
            assert!(!is_valid(text), "{text}");
        }
    }
}

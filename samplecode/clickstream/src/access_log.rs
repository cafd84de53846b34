//! An access log in Apache's combined format as clicks, one per line.
//!
//! `host ident user [time] "request" status bytes "referrer" "user agent"`. A line is read as far as
//! it goes: it must have a host, a time and a request with a target; the rest may be missing or cut
//! off, like the last line of a log that was copied while being written.

use crate::input::Input;
use click::Click;
use jiff::fmt::strtime;
use serde_json::{Map, Value, json};
use uuid::Uuid;

/// The namespace of the ids made from lines (version 5, by line number and content).
const EVENT_IDS: Uuid = Uuid::from_u128(0x6a0c_84d1_52f3_4f3b_9d6e_27c9_11ab_e50f);

/// One line, taken apart; nothing is unescaped.
#[derive(Debug, Clone, PartialEq, Eq)]
struct LogLine<'a> {
    host: &'a str,
    user: &'a str,
    time: &'a str,
    method: &'a str,
    target: &'a str,
    status: Option<u64>,
    bytes: Option<u64>,
    referrer: Option<&'a str>,
    user_agent: Option<&'a str>,
}

/// Reads a whole log. Lines that are not requests become raw lines, unchanged; empty ones are skipped.
pub(crate) fn read(name: &str, content: &[u8]) -> Input {
    let mut input = Input { title: format!("the log {name}"), ..Input::default() };
    for (index, line) in content.split(|&byte| byte == b'\n').enumerate() {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() {
            continue;
        }
        match click(index + 1, line) {
            Some(click) => input.clicks.push(click),
            None => input.raw_lines.push(line.to_vec()),
        }
    }
    input
}

/// The line's click, if it also satisfies the rules of [`Click`].
fn click(number: usize, line: &[u8]) -> Option<Click> {
    let text = std::str::from_utf8(line).ok()?;
    let parsed = parse(text)?;
    let time = strtime::parse("%d/%b/%Y:%H:%M:%S %z", parsed.time).ok()?.to_timestamp().ok()?;
    let mut event = Map::new();
    let id = Uuid::new_v5(&EVENT_IDS, format!("{number}:{text}").as_bytes());
    event.insert("event_id".into(), json!(id.to_string()));
    event.insert("session_id".into(), json!(parsed.host));
    event.insert("timestamp".into(), json!(time.to_string()));
    event.insert("type".into(), json!("request"));
    event.insert("page".into(), json!(parsed.target));
    event.insert("method".into(), json!(parsed.method));
    let known = |text: &&str| !text.is_empty() && *text != "-";
    let optional = [
        ("user_id", Some(parsed.user).filter(known).map(Value::from)),
        ("status", parsed.status.map(Value::from)),
        ("bytes", parsed.bytes.map(Value::from)),
        ("referrer", parsed.referrer.filter(known).map(Value::from)),
        ("user_agent", parsed.user_agent.filter(known).map(Value::from)),
    ];
    event.extend(optional.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
    Click::from_value(Value::Object(event)).ok()
}

fn parse(line: &str) -> Option<LogLine<'_>> {
    let (host, rest) = word(line)?;
    let (_ident, rest) = word(rest)?;
    let (user, rest) = word(rest)?;
    let (time, rest) = rest.trim_start().strip_prefix('[')?.split_once(']')?;
    let (request, rest) = quoted(rest)?;
    let mut words = request.split_ascii_whitespace();
    let (method, target) = (words.next()?, words.next()?);
    let (status, rest) = word(rest).unwrap_or_default();
    let (bytes, rest) = word(rest).unwrap_or_default();
    let (referrer, rest) = quoted(rest).map_or((None, ""), |(text, rest)| (Some(text), rest));
    let user_agent = quoted(rest).map(|(text, _)| text);
    let (status, bytes) = (status.parse().ok(), bytes.parse().ok());
    Some(LogLine { host, user, time, method, target, status, bytes, referrer, user_agent })
}

fn word(text: &str) -> Option<(&str, &str)> {
    let text = text.trim_start();
    let end = text.find(char::is_whitespace).unwrap_or(text.len());
    if end == 0 { None } else { Some(text.split_at(end)) }
}

/// A quoted string and what follows it. A backslash keeps the next character from ending it; an
/// unterminated string runs to the end of the line.
fn quoted(text: &str) -> Option<(&str, &str)> {
    let text = text.trim_start().strip_prefix('"')?;
    let mut escaped = false;
    for (index, byte) in text.bytes().enumerate() {
        match byte {
            b'"' if !escaped => return Some((&text[..index], &text[index + 1..])),
            _ => escaped = byte == b'\\' && !escaped,
        }
    }
    Some((text, ""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    const LINE: &str =
        r#"203.0.113.9 - ada [17/May/2015:10:05:03 +0200] "GET /a?b=c HTTP/1.1" 200 512 "http://x/" "Agent \"Q\" 1.0""#;

    /// What `awk '{print $7}' | sort | uniq -c` counts.
    fn count_as_awk(content: &[u8]) -> BTreeMap<String, u64> {
        let mut pages = BTreeMap::new();
        for line in content.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()) {
            let mut fields = line.split(|byte| matches!(byte, b' ' | b'\t')).filter(|field| !field.is_empty());
            let page = String::from_utf8_lossy(fields.nth(6).unwrap()).into_owned();
            *pages.entry(page).or_default() += 1;
        }
        pages
    }

    fn pages(input: &Input) -> BTreeMap<String, u64> {
        let mut pages = BTreeMap::new();
        for click in &input.clicks {
            *pages.entry(click.page.clone()).or_default() += 1;
        }
        pages
    }

    #[test]
    fn a_line_becomes_a_click() {
        let click = click(1, LINE.as_bytes()).unwrap();
        let value = serde_json::to_value(&click).unwrap();
        let expected = json!({
            "event_id": click.event_id, "session_id": "203.0.113.9", "timestamp": "2015-05-17T08:05:03Z",
            "type": "request", "page": "/a?b=c", "method": "GET", "user_id": "ada", "status": 200, "bytes": 512,
            "referrer": "http://x/", "user_agent": "Agent \\\"Q\\\" 1.0"
        });
        assert_eq!(value, expected);
    }

    #[test]
    fn ids_come_from_place_and_content() {
        let id = |number, line: &str| click(number, line.as_bytes()).unwrap().event_id;
        assert_eq!(id(1, LINE), id(1, LINE));
        assert_ne!(id(1, LINE), id(2, LINE));
        assert_ne!(id(1, LINE), id(1, &LINE.replace("512", "513")));
    }

    #[test]
    fn a_line_cut_off_keeps_its_request() {
        let request_ends = LINE.find("HTTP").unwrap();
        for end in request_ends..LINE.len() {
            let click = click(1, &LINE.as_bytes()[..end]).unwrap();
            assert_eq!(click.page, "/a?b=c", "cut at {end}");
        }
        let cut = r#"192.0.2.1 - - [18/May/2015:00:05:08 +0000] "GET /x HTTP/1.1" 200 - "-" "Mozilla/5.0 (Win"#;
        let click = click(1, cut.as_bytes()).unwrap();
        assert_eq!(click.user_agent(), Some("Mozilla/5.0 (Win"));
        assert_eq!((click.bytes(), click.rest.get("referrer")), (None, None));
    }

    #[test]
    fn what_is_no_request_is_kept_as_it_is() {
        let log = b"junk\n\n192.0.2.1 - - [32/May/2015:00:00:00 +0000] \"GET / HTTP/1.1\" 200 1\n192.0.2.1 - - [18/May/2015:00:05:08 +0000] \"-\" 408 -\r\n\xff\xfe\n";
        let input = read("x", log);
        assert!(input.clicks.is_empty());
        assert_eq!(input.raw_lines.len(), 4);
        assert_eq!((&*input.raw_lines[0], &*input.raw_lines[3]), (&b"junk"[..], &b"\xff\xfe"[..]));
    }

    #[test]
    fn the_sample_log_is_read_whole() {
        let content = include_bytes!("../sample_access.log");
        let input = read("sample", content);
        assert_eq!((input.clicks.len(), input.raw_lines.len()), (500, 0));
        assert_eq!(pages(&input), count_as_awk(content));
    }

    #[test]
    fn a_real_log_is_read_whole() {
        let Some(shared) = std::env::var_os("ANABRANCH_SHARED") else {
            println!("skipped: ANABRANCH_SHARED is not set");
            return;
        };
        let path = std::path::Path::new(&shared).join("data/apache_access.log");
        let Ok(content) = std::fs::read(&path) else {
            println!("skipped: {} is not there", path.display());
            return;
        };
        let input = read("real", &content);
        assert_eq!((input.clicks.len(), input.raw_lines.len()), (10_000, 0));
        assert_eq!(pages(&input), count_as_awk(&content));
    }

    proptest! {
        #[test]
        fn any_line_is_answered(line in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = click(1, &line);
        }

        #[test]
        fn any_text_near_a_line_is_answered(cut in 0usize..120, noise in "[\"\\[\\]\\\\ a-z]{0,20}") {
            let cut = cut.min(LINE.len());
            let _ = click(1, format!("{}{noise}{}", &LINE[..cut], &LINE[cut..]).as_bytes());
        }

        #[test]
        fn what_is_written_is_read(
            host in "[0-9a-f.:]{1,39}", target in "/[!-~&&[^\"\\\\]]{0,80}", status in 100u64..600,
            bytes in proptest::option::of(0u64..1_000_000_000), agent in "[ -~&&[^\"\\\\]]{1,80}"
        ) {
            let sent = bytes.map_or("-".to_owned(), |bytes| bytes.to_string());
            let line = format!("{host} - - [01/Jan/2026:00:00:00 +0000] \"GET {target} HTTP/1.1\" {status} {sent} \"-\" \"{agent}\"");
            let parsed = parse(&line).unwrap();
            prop_assert_eq!((parsed.host, parsed.target, parsed.status), (&*host, &*target, Some(status)));
            prop_assert_eq!((parsed.bytes, parsed.user_agent), (bytes, Some(&*agent)));
        }
    }
}

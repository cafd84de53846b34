//! Filter patterns ("Filter pattern syntax for metric filters, subscription filters, filter log
//! events, and Live Tail"): terms, selectors of JSON, and columns of space-delimited lines.
//!
//! | pattern | matches |
//! | --- | --- |
//! | nothing, or `" "` | every event |
//! | `ERROR "not found" -debug` | lines with all terms and without the excluded ones |
//! | `?ERROR ?WARN` | lines with any of the terms; beside others, such terms count for nothing |
//! | `%[45]\d\d%` | lines in which the regular expression is found |
//! | `{ $.status >= 500 && $.path = "/api*" }` | JSON objects of which that holds |
//! | `[ip, user, ..., status = 5*, bytes]` | lines of such columns |
//!
//! A pattern is read once and matched without allocating, but for the JSON of an event. Regular
//! expressions are matched in linear time, whatever they are.

mod columns;
mod compare;
mod conditions;
mod cursor;
mod invalid;
mod json;
mod selector;
mod terms;

use std::collections::BTreeMap;

use columns::Columns;
use cursor::Cursor;
pub(crate) use invalid::InvalidPattern;
use json::JsonPattern;
use terms::Terms;

/// A pattern, read.
#[derive(Debug, Clone)]
pub(crate) struct FilterPattern(Kind);

#[derive(Debug, Clone)]
enum Kind {
    Terms(Terms),
    Json(JsonPattern),
    Columns(Columns),
}

impl FilterPattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// When the text is none.
    pub(crate) fn parse(text: &str) -> Result<Self, InvalidPattern> {
        let trimmed = text.trim();
        let mut cursor = Cursor::new(trimmed);
        let kind = match trimmed.chars().next() {
            Some('{') => Kind::Json(JsonPattern::parse(&mut cursor)?),
            Some('[') => Kind::Columns(Columns::parse(&mut cursor)?),
            _ => return Ok(Self(Kind::Terms(Terms::parse(trimmed)?))),
        };
        cursor.end()?;
        Ok(Self(kind))
    }

    /// Whether an event's message matches.
    pub(crate) fn matches(&self, message: &str) -> bool {
        match &self.0 {
            Kind::Terms(terms) => terms.matches(message),
            Kind::Json(json) => json.matches(message),
            Kind::Columns(columns) => columns.matches(message),
        }
    }

    /// What TestMetricFilter tells of a message that matches: values by the names that the pattern
    /// has for them.
    pub(crate) fn extract(&self, message: &str) -> BTreeMap<String, String> {
        match &self.0 {
            Kind::Terms(_) => BTreeMap::new(),
            Kind::Json(json) => json.extract(message),
            Kind::Columns(columns) => columns.extract(message),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn matches(pattern: &str, message: &str) -> bool {
        FilterPattern::parse(pattern).unwrap_or_else(|error| panic!("{pattern}: {error}")).matches(message)
    }

    #[test]
    fn terms_as_the_guide_has_them() {
        for (pattern, message, expected) in [
            ("", "anything", true),
            ("\" \"", "any thing", true),
            ("ERROR", "[ERROR 400] BAD REQUEST", true),
            ("ERROR", "[error 400]", false),
            ("ERROR ARGUMENTS", "[ERROR 419] MISSING ARGUMENTS", true),
            ("ERROR ARGUMENTS", "[ERROR 420] INVALID", false),
            ("?ERROR ?ARGUMENTS", "[ERROR 420] INVALID", true),
            ("?ERROR ?ARGUMENTS", "nothing", false),
            ("INFO ?ERROR", "[INFO]", true),
            ("INFO ?ERROR", "[ERROR]", false),
            ("ERROR -ARGUMENTS", "[ERROR 420] INVALID", true),
            ("ERROR -ARGUMENTS", "[ERROR 419] MISSING ARGUMENTS", false),
            ("\"INTERNAL SERVER ERROR\"", "[ERROR 500] INTERNAL SERVER ERROR", true),
            ("\"INTERNAL SERVER ERROR\"", "[ERROR 500] SERVER INTERNAL ERROR", false),
            ("-\"a b\"", "a b", false),
            ("\"a \\\" b\"", "a \" b", true),
            ("%AUTHORIZED%", "[ERROR 401] UNAUTHORIZED REQUEST", true),
            ("%[45][0-9]{2}$%", "status 503", true),
            ("%^503%", "status 503", false),
            ("ERROR %4\\d\\d%", "ERROR 404", true),
        ] {
            assert_eq!(matches(pattern, message), expected, "{pattern} on {message}");
        }
    }

    #[test]
    fn json_as_the_guide_has_it() {
        let event = r#"{"eventType":"UpdateTrail","sourceIPAddress":"111.111.111.111","arrayKey":["value","another"],
            "objectList":[{"name":"a","id":1},{"name":"b","id":2}],"SomeObject":null,"ThisFlag":true,"bandwidth":5e9,
            "user":{"id":1,"email":"John.Doe@example.com"},"a.b":{"c":7},"text":"42"}"#;
        for (pattern, expected) in [
            (r#"{ $.eventType = "UpdateTrail" }"#, true),
            (r#"{ $.eventType = UpdateTrail }"#, true),
            (r#"{ $.eventType != "UpdateTrail" }"#, false),
            (r#"{ $.eventType = "Update*" }"#, true),
            (r#"{ $.sourceIPAddress != 123.123.* }"#, true),
            (r#"{ $.sourceIPAddress = 111.111.* }"#, true),
            (r#"{ $.arrayKey[0] = "value" }"#, true),
            (r#"{ $.arrayKey[1] = "value" }"#, false),
            (r#"{ $.objectList[1].id = 2 }"#, true),
            (r#"{ $.SomeObject IS NULL }"#, true),
            (r#"{ $.ThisFlag IS TRUE }"#, true),
            (r#"{ $.ThisFlag is false }"#, false),
            (r#"{ $.Other NOT EXISTS }"#, true),
            (r#"{ $.ThisFlag NOT EXISTS }"#, false),
            (r#"{ $.bandwidth > 75 }"#, true),
            (r#"{ $.bandwidth = 5000000000 }"#, true),
            (r#"{ $.bandwidth >= 5.0E9 && $.user.id < 2 }"#, true),
            (r#"{ ($.user.id = 1) && ($.user.email = "John.Doe@example.com") }"#, true),
            (r#"{ ($.user.id = 2 && $.nothing = 1) || $.ThisFlag IS TRUE }"#, true),
            (r#"{ $.user.id = 1 || $.a = 1 && $.b = 1 }"#, true),
            (r#"{ $.['a.b'].c = 7 }"#, true),
            (r#"{ $['a.b']['c'] = 7 }"#, true),
            (r#"{ $.eventType = %^Upd.*l$% }"#, true),
            (r#"{ $.eventType = %^upd% }"#, false),
            (r#"{ $.missing != "x" }"#, false),
            (r#"{ $.text = 42 }"#, true),
        ] {
            assert_eq!(matches(pattern, event), expected, "{pattern}");
        }
        assert!(!matches("{ $.a = 1 }", "not json"));
    }

    #[test]
    fn columns_as_the_guide_has_them() {
        let line = r#"127.0.0.1 Prod frank [10/Oct/2000:13:25:15 -0700] "GET /index.html HTTP/1.0" 404 1534"#;
        for (pattern, expected) in [
            ("[ip, server, username, timestamp, request, status_code, bytes]", true),
            ("[ip, server, username, timestamp, request, status_code]", false),
            ("[ip, server, username, timestamp, request, status_code = 4*, bytes > 1000]", true),
            ("[ip, server, username, timestamp, request = *html*, status_code = 4*, bytes]", true),
            ("[ip, server, username, timestamp, request, status_code = 404 || status_code = 500, bytes]", true),
            ("[..., status_code = 4*, bytes]", true),
            ("[..., status_code = 5*, bytes]", false),
            ("[ip, ..., bytes < 1000]", false),
            ("[ip = %^127\\.%, ...]", true),
            ("[ip, server = \"Prod\" && server != \"Test\", ...]", true),
            ("[, , username = frank, ...]", true),
        ] {
            assert_eq!(matches(pattern, line), expected, "{pattern}");
        }
        let pattern = FilterPattern::parse("[ip, ..., request, status, bytes > 1]").unwrap();
        let found = pattern.extract(line);
        assert_eq!(found["$request"], "GET /index.html HTTP/1.0");
        assert_eq!((found["$ip"].as_str(), found["$bytes"].as_str()), ("127.0.0.1", "1534"));
    }

    #[test]
    fn values_are_selected() {
        let pattern = FilterPattern::parse("{ $.latency > 1 }").unwrap();
        let event = r#"{"latency": 12.5, "at": {"host": "a"}}"#;
        assert_eq!(pattern.extract(event), BTreeMap::from([("$.latency".to_string(), "12.5".to_string())]));
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        for pattern in [
            "{",
            "{ }",
            "{ $.a }",
            "{ $.a = }",
            "{ $.a = 1",
            "{ a = 1 }",
            "[a, b",
            "[a = ]",
            "\"open",
            "%open",
            "%(%",
            "{ $.a[x] = 1 }",
            "{ $.a = 1 } x",
            "-",
            "%a(b)%",
        ] {
            assert!(FilterPattern::parse(pattern).is_err(), "{pattern}");
        }
        let deep = format!("{{ {}$.a = 1{} }}", "(".repeat(10_000), ")".repeat(10_000));
        assert!(FilterPattern::parse(&deep).is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "[\\PC]{0,40}", message in "[\\PC]{0,40}") {
            if let Ok(pattern) = FilterPattern::parse(&text) {
                pattern.matches(&message);
                pattern.extract(&message);
            }
        }

        #[test]
        fn pieces_of_patterns_are_read_or_refused(pieces in proptest::collection::vec(
            prop_oneof![
                Just("{"), Just("}"), Just("["), Just("]"), Just("$."), Just("a"), Just("="), Just("!="), Just(">="),
                Just("&&"), Just("||"), Just("("), Just(")"), Just("\""), Just("%"), Just("*"), Just("..."), Just(","),
                Just("1e3"), Just(" IS NULL "), Just(" NOT EXISTS "), Just(" "), Just("?"), Just("-"),
            ], 0..16), message in "[a-c0-9 \\[\\]\"{}:,]{0,24}")
        {
            if let Ok(pattern) = FilterPattern::parse(&pieces.concat()) {
                pattern.matches(&message);
            }
        }

        #[test]
        fn a_quoted_text_matches_what_holds_it(before in "\\PC{0,8}", text in "[a-z\"\\\\ ]{1,12}", after in "\\PC{0,8}") {
            let quoted = format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
            let message = format!("{before}{text}{after}");
            prop_assert!(matches(&quoted, &message));
            let json = serde_json::json!({ "key": text }).to_string();
            let selector = format!("{{ $.key = {quoted} }}");
            prop_assert!(matches(&selector, &json));
        }

        #[test]
        fn numbers_compare_as_numbers(left in -1e6..1e6_f64, right in -1e6..1e6_f64) {
            let event = serde_json::json!({ "a": left }).to_string();
            for (operator, expected) in
                [("<", left < right), ("<=", left <= right), (">", left > right), (">=", left >= right)]
            {
                let pattern = format!("{{ $.a {operator} {right} }}");
                prop_assert_eq!(matches(&pattern, &event), expected);
            }
        }
    }
}

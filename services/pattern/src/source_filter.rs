//! The filters of an event source mapping: patterns on a record's metadata and body.

use serde_json::Value;

use crate::compile::{self, Rule};
use crate::dialect::Dialect;
use crate::error::PatternError;
use crate::matcher::Scalar;
use crate::program::{NodeId, Program, ROOT};
use crate::walk::Walk;

/// What the bodies of a source may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Body {
    /// JSON, as with Kinesis and DynamoDB: a pattern that takes the body for a string is not valid.
    Json,
    /// JSON or text, as with SQS and Kafka.
    JsonOrText,
}

/// Filters of which a record has to match one.
///
/// A record whose body is no JSON matches no filter that looks into the body; one whose body
/// is JSON matches none that takes the body for a string ("Control which events Lambda sends
/// to your function").
#[derive(Debug, Clone)]
pub struct SourceFilter {
    program: Program,
    body: Body,
    body_node: Option<NodeId>,
    uses: Vec<Use>,
}

/// What a filter looks at.
#[derive(Debug, Clone, Copy, Default)]
struct Use {
    metadata: bool,
    /// The body as a string.
    text: bool,
    /// What is in the body.
    json: bool,
}

impl SourceFilter {
    /// Compiles `patterns`. They see the body under the name `body_name`.
    pub fn compile<'a>(
        patterns: impl IntoIterator<Item = &'a str>,
        body_name: &str,
        body: Body,
    ) -> Result<Self, PatternError> {
        let compile = |text| compile::compile(text, Dialect::LambdaFilter);
        let rules = patterns.into_iter().map(compile).collect::<Result<Vec<Rule>, _>>()?;
        let uses: Vec<Use> = rules.iter().map(|rule| use_of(rule, body_name)).collect();
        if body == Body::Json && uses.iter().any(|uses| uses.text) {
            let reason = format!("The filter pattern for {body_name} must be in a valid JSON format");
            return Err(PatternError::new(&[body_name], reason));
        }
        let program = Program::new(&rules);
        let body_node = program.child(ROOT, body_name);
        Ok(Self { program, body, body_node, uses })
    }

    /// Whether a record matches one of the filters. `metadata` is an object with the record's
    /// other fields; it is made only if some filter looks at it.
    pub fn matches(&self, body: &[u8], metadata: impl FnOnce() -> Value) -> bool {
        let mut walk = Walk::new(&self.program);
        let mut is_json = false;
        if let Some(node) = self.body_node {
            let may_be_json = self.body == Body::Json || matches!(body.trim_ascii_start().first(), Some(b'{' | b'['));
            is_json = may_be_json && walk.value_json(node, body).is_ok();
            if !is_json {
                // It may hold what was read before the fault.
                walk = Walk::new(&self.program);
                if let Ok(text) = std::str::from_utf8(body) {
                    walk.scalar(node, Scalar::String(text));
                }
            }
        }
        if self.uses.iter().any(|uses| uses.metadata) && walk.value(ROOT, &metadata()).is_err() {
            return false;
        }
        let fits = |uses: &Use| (is_json || !uses.json) && !(is_json && uses.text);
        self.uses.iter().enumerate().any(|(rule, uses)| fits(uses) && walk.matches(rule))
    }
}

fn use_of(rule: &Rule, body_name: &str) -> Use {
    let mut uses = Use::default();
    for path in rule.iter().flat_map(|conjunction| conjunction.keys()) {
        match path.strip_prefix(body_name) {
            Some("") => uses.text = true,
            Some(rest) if rest.starts_with('.') => uses.json = true,
            _ => uses.metadata = true,
        }
    }
    uses
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn matches(pattern: &str, source: Body, body: &str) -> bool {
        let filter = SourceFilter::compile([pattern], "body", source).unwrap();
        filter.matches(body.as_bytes(), || json!({"messageId": "1"}))
    }

    /// "Properly filtering Amazon SQS messages" in Lambda's guide: incoming format and pattern format.
    #[test]
    fn formats_of_bodies_and_patterns() {
        let (text, json, neither) = (r#"{"body": ["go"]}"#, r#"{"body": {"a": [1]}}"#, r#"{"messageId": ["1"]}"#);
        for (pattern, body, expected) in [
            (text, "go", true),
            (text, "stop", false),
            (json, "go", false),
            (neither, "go", true),
            (text, r#"{"a": 1}"#, false),
            (json, r#"{"a": 1}"#, true),
            (neither, r#"{"a": 1}"#, true),
            (json, r#"{"a": 1"#, false),
            (r#"{"body": {"b": [{"exists": false}]}}"#, "go", false),
            (r#"{"body": {"b": [{"exists": false}]}}"#, r#"{"a": 1}"#, true),
            (r#"{"body": [{"prefix": "{\"a"}]}"#, r#"{"a": 1"#, true),
        ] {
            assert_eq!(matches(pattern, Body::JsonOrText, body), expected, "{pattern} on {body}");
        }
    }

    #[test]
    fn json_sources_know_no_text() {
        assert!(!matches(r#"{"body": {"b": [{"exists": false}]}}"#, Body::Json, r#"{"a": 1} x"#));
        assert!(matches(r#"{"body": {"b": [{"exists": false}]}}"#, Body::Json, r#"{"a": 1}"#));
        let error = SourceFilter::compile([r#"{"data": ["x"]}"#], "data", Body::Json).unwrap_err();
        assert_eq!(
            (error.path(), error.reason()),
            ("data", "The filter pattern for data must be in a valid JSON format")
        );
    }

    #[test]
    fn one_filter_is_enough() {
        let filters = [r#"{"body": {"a": [1]}}"#, r#"{"body": {"a": [2]}, "messageId": ["1"]}"#];
        let filter = SourceFilter::compile(filters, "body", Body::JsonOrText).unwrap();
        let verdict =
            |a: u32, id: &str| filter.matches(format!(r#"{{"a": {a}}}"#).as_bytes(), || json!({"messageId": id}));
        assert_eq!([verdict(1, "2"), verdict(2, "1"), verdict(2, "2"), verdict(3, "1")], [true, true, false, false]);
    }
}

//! JSON paths as targets have them: `$.detail.items[0].name`, `$.detail.items[*].name` ("Transforming
//! input", "available JSON paths").

use std::borrow::Cow;
use std::collections::HashMap;

use serde_json::value::RawValue;

/// A path into an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct JsonPath(Vec<Step>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    /// A member.
    Name(String),
    /// A member of a list, from 0.
    At(usize),
    /// All members.
    All,
}

impl JsonPath {
    /// Reads a path. Nothing if it is none.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut rest = text.strip_prefix('$')?;
        let mut steps = Vec::new();
        while !rest.is_empty() {
            if let Some(inner) = rest.strip_prefix('[') {
                let (step, after) = bracketed(inner)?;
                steps.push(step);
                rest = after;
            } else {
                let inner = rest.strip_prefix('.')?;
                let end = inner.find(['.', '[']).unwrap_or(inner.len());
                let (name, after) = inner.split_at(end);
                steps.push(match name {
                    "" => return None,
                    "*" => Step::All,
                    name => Step::Name(name.into()),
                });
                rest = after;
            }
        }
        Some(Self(steps))
    }

    /// What it leads to in `document`, as JSON. With a `*` in the path that is a list.
    pub(crate) fn find(&self, document: &str) -> Option<String> {
        let root = serde_json::from_str::<&RawValue>(document).ok()?;
        let mut found = vec![root];
        for step in &self.0 {
            found = found.into_iter().flat_map(|value| step.members(value)).collect();
        }
        if self.0.contains(&Step::All) {
            let members: Vec<&str> = found.into_iter().map(RawValue::get).collect();
            return Some(format!("[{}]", members.join(",")));
        }
        found.first().map(|value| value.get().to_string())
    }
}

/// What is in brackets, and what comes behind them.
fn bracketed(inner: &str) -> Option<(Step, &str)> {
    for quote in ['\'', '"'] {
        if let Some(name) = inner.strip_prefix(quote) {
            let (name, after) = name.split_once(quote)?;
            return Some((Step::Name(name.into()), after.strip_prefix(']')?));
        }
    }
    let (index, after) = inner.split_once(']')?;
    let step = match index {
        "*" => Step::All,
        _ => Step::At(index.parse().ok()?),
    };
    Some((step, after))
}

impl Step {
    fn members<'a>(&self, value: &'a RawValue) -> Vec<&'a RawValue> {
        match self {
            Self::Name(name) => {
                members(value).and_then(|mut members| members.remove(name.as_str())).into_iter().collect()
            }
            Self::At(index) => list(value).and_then(|list| list.get(*index).copied()).into_iter().collect(),
            Self::All => match list(value) {
                Some(list) => list,
                None => members(value).map(|members| members.into_values().collect()).unwrap_or_default(),
            },
        }
    }
}

/// The members of an object; of a name that is given twice the last.
fn members(value: &RawValue) -> Option<HashMap<Cow<'_, str>, &RawValue>> {
    serde_json::from_str(value.get()).ok()
}

fn list(value: &RawValue) -> Option<Vec<&RawValue>> {
    serde_json::from_str(value.get()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVENT: &str = r#"{"detail-type":"Order","detail":{"n":1.50,"big":12345678901234567890123,"z":{"b":1,"a":2},
        "items":[{"id":"a"},{"id":"b"}],"a b":"c","two":1,"two":2}}"#;

    #[test]
    fn paths_lead_to_values_as_they_were() {
        for (path, expected) in [
            ("$.detail-type", Some(r#""Order""#)),
            ("$.detail.n", Some("1.50")),
            ("$.detail.big", Some("12345678901234567890123")),
            ("$.detail.z", Some(r#"{"b":1,"a":2}"#)),
            ("$.detail.items[1].id", Some(r#""b""#)),
            ("$.detail.items[*].id", Some(r#"["a","b"]"#)),
            ("$['detail']['a b']", Some(r#""c""#)),
            ("$.detail.two", Some("2")),
            ("$.detail.items[2]", None),
            ("$.detail.n.x", None),
            ("$.nothing", None),
            ("$.nothing[*]", Some("[]")),
        ] {
            assert_eq!(JsonPath::parse(path).unwrap().find(EVENT).as_deref(), expected, "{path}");
        }
        assert_eq!(JsonPath::parse("$").unwrap().find(EVENT).as_deref(), Some(EVENT));
        for text in ["", "detail", "$detail", "$.", "$..a", "$.a[", "$.a[x]", "$['a", "$.a]b[0"] {
            assert!(JsonPath::parse(text).is_none_or(|path| path.find(EVENT).is_none()), "{text}");
        }
    }
}

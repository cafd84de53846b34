//! Patterns of JSON events: conditions between braces.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::Value;

use super::compare::Comparison;
use super::conditions::Conditions;
use super::cursor::Cursor;
use super::invalid::InvalidPattern;
use super::selector::{Selector, as_text};

#[derive(Debug, Clone)]
pub(super) struct JsonPattern(Conditions<Condition>);

#[derive(Debug, Clone)]
struct Condition {
    selector: Selector,
    test: Test,
}

#[derive(Debug, Clone)]
enum Test {
    Compare(Comparison),
    IsNull,
    Is(bool),
    NotExists,
}

impl JsonPattern {
    pub(super) fn parse(cursor: &mut Cursor<'_>) -> Result<Self, InvalidPattern> {
        cursor.expect("{")?;
        let conditions = Conditions::parse(cursor, &Condition::parse)?;
        cursor.expect("}")?;
        Ok(Self(conditions))
    }

    pub(super) fn matches(&self, message: &str) -> bool {
        parsed(message).is_some_and(|event| self.0.hold(&|condition| condition.holds(&event)))
    }

    pub(super) fn extract(&self, message: &str) -> BTreeMap<String, String> {
        let Some(event) = parsed(message) else { return BTreeMap::new() };
        let mut found = BTreeMap::new();
        self.0.each(&mut |condition| {
            if let Some(value) = condition.selector.of(&event) {
                found.insert(condition.selector.text.clone(), as_text(value));
            }
        });
        found
    }
}

/// Only objects and lists have anything to select.
fn parsed(message: &str) -> Option<Value> {
    let begins = message.trim_start().starts_with(['{', '[']);
    begins.then(|| serde_json::from_str(message).ok()).flatten()
}

impl Condition {
    fn parse(cursor: &mut Cursor<'_>) -> Result<Self, InvalidPattern> {
        let selector = Selector::parse(cursor)?;
        let test = match Comparison::parse(cursor)? {
            Some(comparison) => Test::Compare(comparison),
            None if cursor.take_word("NOT") => {
                if !cursor.take_word("EXISTS") {
                    return Err(cursor.unexpected("EXISTS"));
                }
                Test::NotExists
            }
            None if cursor.take_word("IS") => match () {
                () if cursor.take_word("NULL") => Test::IsNull,
                () if cursor.take_word("TRUE") => Test::Is(true),
                () if cursor.take_word("FALSE") => Test::Is(false),
                () => return Err(cursor.unexpected("NULL, TRUE or FALSE")),
            },
            None => return Err(cursor.unexpected("a comparison")),
        };
        Ok(Self { selector, test })
    }

    fn holds(&self, event: &Value) -> bool {
        let value = self.selector.of(event);
        match (&self.test, value) {
            (Test::NotExists, value) => value.is_none(),
            (Test::IsNull, Some(value)) => value.is_null(),
            (Test::Is(expected), Some(value)) => value.as_bool() == Some(*expected),
            (Test::Compare(comparison), Some(value)) => {
                let text: Cow<'_, str> = match value {
                    Value::String(text) => text.into(),
                    // A property that is no text or number matches no value.
                    Value::Null | Value::Array(_) | Value::Object(_) => return false,
                    other => other.to_string().into(),
                };
                comparison.holds(&text, value.as_f64())
            }
            (_, None) => false,
        }
    }
}

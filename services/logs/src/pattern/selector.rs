//! Selectors of a value in JSON: `$.user.id`, `$.list[0].name`, `$.['a.b']`.

use serde_json::Value;

use super::cursor::Cursor;
use super::invalid::InvalidPattern;

/// A path to a value.
#[derive(Debug, Clone)]
pub(super) struct Selector {
    steps: Vec<Step>,
    /// As it is written.
    pub(super) text: String,
}

#[derive(Debug, Clone)]
enum Step {
    Member(String),
    Element(usize),
}

impl Selector {
    pub(super) fn parse(cursor: &mut Cursor<'_>) -> Result<Self, InvalidPattern> {
        cursor.expect("$")?;
        let (mut steps, mut text) = (Vec::new(), "$".to_string());
        loop {
            match cursor.peek() {
                Some('.') => {
                    cursor.expect(".")?;
                    text.push('.');
                    if cursor.peek() == Some('[') {
                        continue;
                    }
                    let name = cursor.take_while(|letter| letter.is_alphanumeric() || "_-@:$/".contains(letter));
                    if name.is_empty() {
                        return Err(cursor.unexpected("a name"));
                    }
                    text.push_str(name);
                    steps.push(Step::Member(name.into()));
                }
                Some('[') => {
                    cursor.expect("[")?;
                    match cursor.peek() {
                        Some(quote @ ('\'' | '"')) => {
                            let name = cursor.quoted(quote)?;
                            text.push_str(&format!("['{name}']"));
                            steps.push(Step::Member(name));
                        }
                        _ => {
                            let digits = cursor.take_while(|letter| letter.is_ascii_digit());
                            let index = digits.parse().map_err(|_| cursor.unexpected("an index"))?;
                            text.push_str(&format!("[{index}]"));
                            steps.push(Step::Element(index));
                        }
                    }
                    cursor.expect("]")?;
                }
                _ if steps.is_empty() => return Err(cursor.unexpected("a selector such as $.name")),
                _ => return Ok(Self { steps, text }),
            }
        }
    }

    /// The value in `root`, if there is one.
    pub(super) fn of<'a>(&self, root: &'a Value) -> Option<&'a Value> {
        self.steps.iter().try_fold(root, |value, step| match step {
            Step::Member(name) => value.get(name),
            Step::Element(index) => value.get(index),
        })
    }
}

/// A value as text: texts as they are, all else as JSON.
pub(super) fn as_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

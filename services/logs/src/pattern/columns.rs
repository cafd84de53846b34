//! Patterns of space-delimited events: columns between brackets.

use std::collections::BTreeMap;

use super::compare::Comparison;
use super::conditions::Conditions;
use super::cursor::Cursor;
use super::invalid::InvalidPattern;

#[derive(Debug, Clone)]
pub(super) struct Columns {
    before: Vec<Column>,
    /// The columns behind an ellipsis, if there is one.
    after: Option<Vec<Column>>,
}

#[derive(Debug, Clone)]
struct Column {
    name: String,
    conditions: Option<Conditions<Comparison>>,
}

impl Columns {
    pub(super) fn parse(cursor: &mut Cursor<'_>) -> Result<Self, InvalidPattern> {
        cursor.expect("[")?;
        let (mut before, mut after) = (Vec::new(), None::<Vec<Column>>);
        loop {
            if cursor.take("...") {
                if after.replace(Vec::new()).is_some() {
                    return Err(InvalidPattern("there may be one ellipsis".into()));
                }
            } else {
                let column = Column::parse(cursor)?;
                after.as_mut().unwrap_or(&mut before).push(column);
            }
            if cursor.take("]") {
                return Ok(Self { before, after });
            }
            cursor.expect(",")?;
        }
    }

    pub(super) fn matches(&self, message: &str) -> bool {
        let fields = fields(message);
        self.zipped(&fields).is_some_and(|mut pairs| pairs.all(|(column, field)| column.holds(field)))
    }

    pub(super) fn extract(&self, message: &str) -> BTreeMap<String, String> {
        let fields = fields(message);
        let pairs = self.zipped(&fields).into_iter().flatten();
        let named = pairs.filter(|(column, _)| !column.name.is_empty());
        named.map(|(column, field)| (format!("${}", column.name), field.to_string())).collect()
    }

    /// Each column with its field, if there are as many fields as columns.
    fn zipped<'a>(&'a self, fields: &'a [&'a str]) -> Option<impl Iterator<Item = (&'a Column, &'a str)>> {
        let after = self.after.as_deref().unwrap_or_default();
        let named = self.before.len() + after.len();
        let fits = if self.after.is_some() { fields.len() >= named } else { fields.len() == named };
        let skipped = fields.len().checked_sub(after.len()).filter(|_| fits)?;
        let front = self.before.iter().zip(fields.iter().copied());
        Some(front.chain(after.iter().zip(fields[skipped..].iter().copied())))
    }
}

impl Column {
    fn parse(cursor: &mut Cursor<'_>) -> Result<Self, InvalidPattern> {
        let name = Self::name(cursor);
        let conditions = match Comparison::parse(&mut cursor.clone())? {
            None => None,
            Some(_) => {
                let column = name.clone();
                Some(Conditions::parse(cursor, &move |cursor| {
                    // From the second condition on, the name comes again.
                    let again = Self::name(cursor);
                    if !again.is_empty() && again != column {
                        return Err(InvalidPattern(format!("{again} is not the column {column}")));
                    }
                    Comparison::parse(cursor)?.ok_or_else(|| cursor.unexpected("a comparison"))
                })?)
            }
        };
        Ok(Self { name, conditions })
    }

    fn name(cursor: &mut Cursor<'_>) -> String {
        cursor.skip_spaces();
        cursor.take_while(|letter| letter.is_alphanumeric() || "_-$@".contains(letter)).to_string()
    }

    fn holds(&self, field: &str) -> bool {
        self.conditions.as_ref().is_none_or(|conditions| conditions.hold(&|comparison| comparison.holds(field, None)))
    }
}

/// The fields of a line: between spaces, or between brackets or quotes, which are left out.
fn fields(message: &str) -> Vec<&str> {
    let mut fields = Vec::new();
    let mut rest = message.trim_start();
    while let Some(first) = rest.chars().next() {
        let close = match first {
            '[' => Some(']'),
            '"' => Some('"'),
            _ => None,
        };
        let enclosed = close.and_then(|close| rest[1..].split_once(close));
        let (field, behind) = match enclosed {
            Some((field, behind)) => (field, behind),
            None => rest.split_once(char::is_whitespace).unwrap_or((rest, "")),
        };
        fields.push(field);
        rest = behind.trim_start();
    }
    fields
}

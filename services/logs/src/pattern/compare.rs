//! Comparisons of a value with what a pattern says.

use regex_lite::Regex;

use super::cursor::Cursor;
use super::invalid::InvalidPattern;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// Longer ones first, so that `>=` is not read as `>`.
const OPERATORS: [(&str, Operator); 6] = [
    ("!=", Operator::NotEqual),
    ("<=", Operator::LessOrEqual),
    (">=", Operator::GreaterOrEqual),
    ("=", Operator::Equal),
    ("<", Operator::Less),
    (">", Operator::Greater),
];

/// An operator and what stands to the right of it.
#[derive(Debug, Clone)]
pub(super) struct Comparison {
    operator: Operator,
    operand: Operand,
}

#[derive(Debug, Clone)]
enum Operand {
    Number(f64, String),
    /// A text, split at its asterisks, which stand for anything.
    Text(Vec<String>),
    Regex(Regex),
}

impl Comparison {
    /// Reads an operator and its operand, where an operator comes next.
    pub(super) fn parse(cursor: &mut Cursor<'_>) -> Result<Option<Self>, InvalidPattern> {
        let Some((_, operator)) = OPERATORS.into_iter().find(|(text, _)| cursor.take(text)) else { return Ok(None) };
        cursor.skip_spaces();
        let operand = match cursor.peek() {
            Some('"') => Operand::Text(cursor.quoted('"')?.split('*').map(Into::into).collect()),
            Some('%') => Operand::Regex(cursor.regex()?),
            _ => {
                let word = cursor.take_while(|letter| !letter.is_whitespace() && !"&|(){}[],=<>!\"%".contains(letter));
                match word.parse::<f64>() {
                    _ if word.is_empty() => return Err(cursor.unexpected("a value")),
                    Ok(number) if number.is_finite() => Operand::Number(number, word.into()),
                    _ => Operand::Text(word.split('*').map(Into::into).collect()),
                }
            }
        };
        let is_ordering = !matches!(operator, Operator::Equal | Operator::NotEqual);
        if is_ordering && !matches!(operand, Operand::Number(..)) {
            return Err(InvalidPattern("only numbers are compared by order".into()));
        }
        Ok(Some(Self { operator, operand }))
    }

    /// Whether it holds of a text, or of the number that it says.
    pub(super) fn holds(&self, text: &str, number: Option<f64>) -> bool {
        let number = || number.or_else(|| text.parse().ok());
        match (&self.operand, self.operator) {
            (Operand::Number(right, word), Operator::Equal) => number().map_or(text == word, |left| left == *right),
            (Operand::Number(right, word), Operator::NotEqual) => number().map_or(text != word, |left| left != *right),
            (Operand::Number(right, _), operator) => number().is_some_and(|left| match operator {
                Operator::Less => left < *right,
                Operator::LessOrEqual => left <= *right,
                Operator::Greater => left > *right,
                _ => left >= *right,
            }),
            (Operand::Text(pieces), operator) => is_like(text, pieces) == (operator == Operator::Equal),
            (Operand::Regex(regex), operator) => regex.is_match(text) == (operator == Operator::Equal),
        }
    }
}

/// Whether `text` is `pieces` with anything between them.
fn is_like(text: &str, pieces: &[String]) -> bool {
    let (Some((first, rest)), Some(last)) = (pieces.split_first(), pieces.last()) else { return text.is_empty() };
    if rest.is_empty() {
        return text == first;
    }
    let Some(mut left) = text.strip_prefix(first.as_str()).and_then(|left| left.strip_suffix(last.as_str())) else {
        return false;
    };
    rest[..rest.len() - 1].iter().all(|piece| match left.find(piece.as_str()) {
        Some(at) => {
            left = &left[at + piece.len()..];
            true
        }
        None => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn asterisks_stand_for_anything() {
        let like = |text: &str, pattern: &str| is_like(text, &pattern.split('*').map(Into::into).collect::<Vec<_>>());
        for (text, pattern) in [
            ("abc", "abc"),
            ("abc", "a*"),
            ("abc", "*c"),
            ("abc", "a*c"),
            ("abc", "*b*"),
            ("", "*"),
            ("aXbXc", "a*b*c"),
        ] {
            assert!(like(text, pattern), "{text} {pattern}");
        }
        for (text, pattern) in [("abc", "ab"), ("abc", "b*"), ("a", "a*a"), ("abc", "*d*"), ("ab", "a*b*b")] {
            assert!(!like(text, pattern), "{text} {pattern}");
        }
    }
}

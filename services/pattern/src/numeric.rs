//! `numeric`: comparisons with one number or two.

use crate::source::Source;

/// Bounds of `numeric` lie between −5.0e9 and this ("Numeric matching" in EventBridge's
/// guide). Numbers are compared as doubles, which hold the 15 digits that it promises.
const NUMERIC_BOUND_MAX: f64 = 5.0e9;

/// The numbers between two bounds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Range {
    low: f64,
    low_included: bool,
    high: f64,
    high_included: bool,
}

impl Range {
    /// The error is Event Ruler's message.
    pub(crate) fn parse(terms: &[Source]) -> Result<Self, String> {
        let mut terms = terms.iter();
        let operator = match terms.next() {
            Some(Source::String(operator)) => operator.as_str(),
            Some(other) => return Err(format!("Invalid member in numeric match: {other}")),
            None => return Err("Invalid member in numeric match: ]".into()),
        };
        let all = Self { low: f64::NEG_INFINITY, low_included: false, high: f64::INFINITY, high_included: false };
        let range = match operator {
            "=" => {
                let bound = bound("equals", terms.next())?;
                Self { low: bound, low_included: true, high: bound, high_included: true }
            }
            "<" | "<=" => Self { high: bound(operator, terms.next())?, high_included: operator == "<=", ..all },
            ">" | ">=" => {
                let low = Self { low: bound(operator, terms.next())?, low_included: operator == ">=", ..all };
                return low.complete(terms.as_slice());
            }
            _ => return Err(format!("Unrecognized numeric range operator: {operator}")),
        };
        match terms.next() {
            None => Ok(range),
            Some(_) => Err("Too many elements in numeric expression".into()),
        }
    }

    /// Adds the upper bound, if one is given.
    fn complete(self, terms: &[Source]) -> Result<Self, String> {
        let (operator, high, rest) = match terms {
            [] => return Ok(self),
            [Source::String(operator), rest @ ..] if operator == "<" || operator == "<=" => {
                (operator, bound(operator, rest.first())?, rest)
            }
            [Source::String(operator), ..] => return Err(format!("Bad numeric range operator: {operator}")),
            [other, ..] => return Err(format!("Bad value in numeric range: {other}")),
        };
        if rest.len() > 1 {
            return Err("Too many terms in numeric range expression".into());
        }
        if self.low >= high {
            return Err("Bottom must be less than top".into());
        }
        Ok(Self { high, high_included: operator == "<=", ..self })
    }

    pub(crate) fn contains(&self, number: f64) -> bool {
        let above = if self.low_included { number >= self.low } else { number > self.low };
        let below = if self.high_included { number <= self.high } else { number < self.high };
        above && below
    }
}

fn bound(operator: &str, term: Option<&Source>) -> Result<f64, String> {
    match term {
        Some(Source::Number(bound)) if bound.abs() <= NUMERIC_BOUND_MAX => Ok(*bound),
        Some(Source::Number(_)) => Err("Value must be between -5.0E9 and 5.0E9, inclusive".into()),
        _ => Err(format!("Value of {operator} must be numeric")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Range, String> {
        match serde_json::from_str(text).unwrap() {
            Source::Array(terms) => Range::parse(&terms),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn bounds_are_in_or_out() {
        for (terms, inside, outside) in [
            (r#"["=", 3.018e2]"#, 301.8, 301.800_001),
            (r#"["<", 10]"#, 9.999_999, 10.0),
            (r#"["<=", 10]"#, 10.0, 10.000_001),
            (r#"[">", -1]"#, -0.999_999, -1.0),
            (r#"[">=", -1]"#, -1.0, -1.000_001),
            (r#"[">", 0, "<=", 5]"#, 5.0, 0.0),
            (r#"[">=", 0, "<", 5]"#, 0.0, 5.0),
            (r#"["=", 5e9]"#, 5e9, 5_000_000_000.000_001),
            (r#"[">", 4999999999.999998]"#, 4_999_999_999.999_999, 4_999_999_999.999_998),
        ] {
            let range = parse(terms).unwrap();
            assert!(range.contains(inside) && !range.contains(outside), "{terms}");
        }
    }

    #[test]
    fn what_event_ruler_refuses() {
        for (terms, reason) in [
            ("[]", "Invalid member in numeric match: ]"),
            ("[5]", "Invalid member in numeric match: 5"),
            (r#"["!=", 4]"#, "Unrecognized numeric range operator: !="),
            (r#"["<"]"#, "Value of < must be numeric"),
            (r#"["=", "x"]"#, "Value of equals must be numeric"),
            (r#"["=", 4, "<", 5]"#, "Too many elements in numeric expression"),
            (r#"["<", 5, ">", 3]"#, "Too many elements in numeric expression"),
            (r#"[">", 4, 5, 5]"#, "Bad value in numeric range: 5"),
            (r#"[">", 4, "=", 5]"#, "Bad numeric range operator: ="),
            (r#"[">", 4, "<"]"#, "Value of < must be numeric"),
            (r#"[">", 4, "<", 6, "<", 7]"#, "Too many terms in numeric range expression"),
            (r#"[">=", 5, "<=", 5]"#, "Bottom must be less than top"),
            (r#"["=", 5000000001]"#, "Value must be between -5.0E9 and 5.0E9, inclusive"),
        ] {
            assert_eq!(parse(terms), Err(reason.into()), "{terms}");
        }
    }
}

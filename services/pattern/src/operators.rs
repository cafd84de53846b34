//! Reads the values of a pattern's list: literals, and objects with one operator.

use crate::address::{self, Network};
use crate::dialect::Dialect;
use crate::ignore_case::IgnoreCase;
use crate::matcher::Matcher;
use crate::numeric::Range;
use crate::source::Source;
use crate::wildcard::Wildcard;

const ONE_KEY: &str = "Only one key allowed in match expression";

/// A value of a list.
pub(crate) enum Value {
    /// The field is not there.
    Absent,
    Matches(Matcher),
}

/// The error is Event Ruler's message.
pub(crate) fn parse(source: &Source, dialect: Dialect) -> Result<Value, String> {
    Ok(Value::Matches(match source {
        Source::Null => Matcher::Null,
        Source::Bool(value) => Matcher::Bool(*value),
        Source::Number(value) => Matcher::Number(*value),
        Source::String(text) => match address::parse(text) {
            Some(address) => Matcher::Address(address),
            None => Matcher::String(text.as_str().into()),
        },
        Source::Object(members) => return expression(members, dialect),
        Source::Array(_) => return Err("Match value must be String, number, true, false, or null".into()),
    }))
}

fn expression(members: &[(String, Source)], dialect: Dialect) -> Result<Value, String> {
    let Some((operator, operand)) = members.first() else { return Err("Match expression name not found".into()) };
    let operator = operator.as_str();
    let unrecognized = || format!("Unrecognized match type {operator}");
    if !dialect.allows(operator, false) {
        return Err(unrecognized());
    }
    let value = match (operator, operand) {
        ("exists", Source::Bool(true)) => Value::Matches(Matcher::Exists),
        ("exists", Source::Bool(false)) => Value::Absent,
        ("exists", _) => return Err("exists match pattern must be either true or false.".into()),
        _ => Value::Matches(match operator {
            "exactly" => Matcher::String(string(operand, "exact")?.into()),
            "prefix" => match operand {
                Source::Object(inner) => Matcher::PrefixIgnoreCase(inner_ignore_case("Prefix", inner)?),
                _ => Matcher::Prefix(string(operand, "prefix")?.into()),
            },
            "suffix" => match operand {
                Source::Object(inner) => Matcher::SuffixIgnoreCase(inner_ignore_case("Suffix", inner)?),
                _ => Matcher::Suffix(string(operand, "suffix")?.into()),
            },
            "equals-ignore-case" => Matcher::EqualsIgnoreCase(IgnoreCase::new(string(operand, operator)?)),
            "wildcard" => Matcher::Wildcard(Wildcard::parse(string(operand, operator)?)?),
            // So says Event Ruler, though it is about another operator.
            "cidr" => Matcher::Cidr(Network::parse(string(operand, "prefix")?)?),
            "numeric" => match operand {
                Source::Array(terms) => Matcher::Numeric(Range::parse(terms)?),
                _ => return Err("Value of numeric must be an array.".into()),
            },
            "anything-but" => anything_but(operand, dialect)?,
            _ => return Err(unrecognized()),
        }),
    };
    match (members.len(), operator) {
        (1, _) => Ok(value),
        (_, "numeric" | "anything-but") => Err("Too many elements in numeric expression".into()),
        _ => Err(ONE_KEY.into()),
    }
}

fn string<'a>(operand: &'a Source, operator: &str) -> Result<&'a str, String> {
    match operand {
        Source::String(text) => Ok(text),
        _ => Err(format!("{operator} match pattern must be a string")),
    }
}

/// The object of `{"prefix": {"equals-ignore-case": …}}`.
fn inner_ignore_case(outer: &str, members: &[(String, Source)]) -> Result<IgnoreCase, String> {
    match members {
        [] => Err(format!("{outer} expression name not found")),
        [(operator, operand), rest @ ..] if operator == "equals-ignore-case" => {
            let text = string(operand, operator)?;
            if rest.is_empty() { Ok(IgnoreCase::new(text)) } else { Err(ONE_KEY.into()) }
        }
        [(operator, _), ..] => Err(format!("Unsupported {} pattern: {operator}", outer.to_lowercase())),
    }
}

fn anything_but(operand: &Source, dialect: Dialect) -> Result<Matcher, String> {
    match operand {
        Source::String(_) | Source::Number(_) => anything_but_values(std::slice::from_ref(operand)),
        Source::Array(values) => anything_but_values(values),
        Source::Object(members) => match members.as_slice() {
            [] => Err("Anything-But expression name not found".into()),
            [(operator, operand), rest @ ..] => {
                let operators = ["prefix", "suffix", "equals-ignore-case", "wildcard"];
                if !operators.contains(&operator.as_str()) || !dialect.allows(operator, true) {
                    return Err(format!("Unsupported anything-but pattern: {operator}"));
                }
                let values = match operand {
                    Source::Array(values) => values.as_slice(),
                    single => std::slice::from_ref(single),
                };
                let matchers = values.iter().map(|value| not(operator, value)).collect::<Result<Vec<_>, _>>()?;
                match (matchers.is_empty(), rest.is_empty()) {
                    (true, _) => Err("Empty arrays are not allowed".into()),
                    (_, false) => Err(ONE_KEY.into()),
                    _ => Ok(Matcher::NotAny(matchers)),
                }
            }
        },
        Source::Null | Source::Bool(_) => {
            Err("Value of anything-but must be an array or single string/number value.".into())
        }
    }
}

fn anything_but_values(values: &[Source]) -> Result<Matcher, String> {
    let (mut strings, mut numbers) = (Vec::new(), Vec::new());
    for value in values {
        match value {
            Source::String(text) => strings.push(text.as_str().into()),
            Source::Number(number) => numbers.push(*number),
            _ => return Err("Inside anything but list, start|null|boolean is not supported.".into()),
        }
    }
    match (strings.is_empty(), numbers.is_empty()) {
        (false, true) => Ok(Matcher::NotStrings(strings.into_iter().collect())),
        (true, false) => Ok(Matcher::NotNumbers(numbers)),
        _ => {
            Err("Inside anything but list, either all values are number or string, mixed type is not supported".into())
        }
    }
}

/// What `anything-but` excludes with `operator`.
fn not(operator: &str, value: &Source) -> Result<Matcher, String> {
    let Source::String(text) = value else {
        return Err(match operator {
            "equals-ignore-case" => {
                "Inside anything-but/equals-ignore-case list, number|start|null|boolean is not supported."
            }
            "wildcard" => "wildcard match pattern must be a string",
            _ => "prefix/suffix match pattern must be a string",
        }
        .into());
    };
    match operator {
        "equals-ignore-case" => Ok(Matcher::EqualsIgnoreCase(IgnoreCase::new(text))),
        "wildcard" => Ok(Matcher::Wildcard(Wildcard::parse(text)?)),
        _ if text.is_empty() => Err("Null prefix/suffix not allowed".into()),
        "prefix" => Ok(Matcher::Prefix(text.as_str().into())),
        _ => Ok(Matcher::Suffix(text.as_str().into())),
    }
}

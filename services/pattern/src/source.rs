//! The text of a pattern, parsed: in order, and with every name, even one given twice.

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use std::fmt;

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Source {
    Null,
    Bool(bool),
    Number(f64),
    String(String),
    Array(Vec<Source>),
    Object(Vec<(String, Source)>),
}

impl fmt::Display for Source {
    /// As Event Ruler puts a value into its messages: for lists and objects only the bracket.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Bool(value) => value.fmt(f),
            Self::Number(value) => value.fmt(f),
            Self::String(value) => value.fmt(f),
            Self::Array(_) => f.write_str("["),
            Self::Object(_) => f.write_str("{"),
        }
    }
}

impl<'de> Deserialize<'de> for Source {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SourceVisitor)
    }
}

struct SourceVisitor;

impl<'de> Visitor<'de> for SourceVisitor {
    type Value = Source;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Source, E> {
        Ok(Source::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Source, E> {
        Ok(Source::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Source, E> {
        Ok(Source::Number(value as f64))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Source, E> {
        Ok(Source::Number(value as f64))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Source, E> {
        Ok(Source::Number(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Source, E> {
        Ok(Source::String(value.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Source, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = elements.next_element()? {
            values.push(value);
        }
        Ok(Source::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Source, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = entries.next_entry()? {
            members.push(member);
        }
        Ok(Source::Object(members))
    }
}

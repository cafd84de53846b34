//! One value of a pattern's list: what it says of a value in an event.

use rustc_hash::FxHashSet;
use std::net::IpAddr;

use crate::address::{self, Network};
use crate::ignore_case::IgnoreCase;
use crate::numeric::Range;
use crate::wildcard::Wildcard;

/// A value in an event that is neither list nor object.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Scalar<'a> {
    Null,
    Bool(bool),
    /// Numbers are equal whatever their spelling: 300, 300.0 and 3.0e2.
    Number(f64),
    String(&'a str),
}

/// What a value may be. `exists: false` is not among them, since it is about no value.
#[derive(Debug, Clone)]
pub(crate) enum Matcher {
    Null,
    Bool(bool),
    Number(f64),
    String(Box<str>),
    /// A string that is an address, in any spelling.
    Address(IpAddr),
    Exists,
    Prefix(Box<str>),
    Suffix(Box<str>),
    EqualsIgnoreCase(IgnoreCase),
    PrefixIgnoreCase(IgnoreCase),
    SuffixIgnoreCase(IgnoreCase),
    Wildcard(Wildcard),
    Numeric(Range),
    Cidr(Network),
    /// Any value, even of another type, but these strings.
    NotStrings(FxHashSet<Box<str>>),
    /// Any value but these numbers.
    NotNumbers(Vec<f64>),
    /// Any value but those that match one of these.
    NotAny(Vec<Matcher>),
}

impl Matcher {
    pub(crate) fn matches(&self, scalar: Scalar<'_>) -> bool {
        match (self, scalar) {
            (Self::Exists, _) | (Self::Null, Scalar::Null) => true,
            (Self::Bool(expected), Scalar::Bool(given)) => *expected == given,
            (Self::Number(expected), Scalar::Number(given)) => *expected == given,
            (Self::Numeric(range), Scalar::Number(given)) => range.contains(given),
            (Self::NotNumbers(numbers), Scalar::Number(given)) => !numbers.contains(&given),
            (Self::NotStrings(strings), Scalar::String(given)) => !strings.contains(given),
            (Self::NotAny(matchers), given) => !matchers.iter().any(|matcher| matcher.matches(given)),
            (Self::NotNumbers(_) | Self::NotStrings(_), _) => true,
            (_, Scalar::String(given)) => self.matches_string(given),
            _ => false,
        }
    }

    fn matches_string(&self, given: &str) -> bool {
        match self {
            Self::String(expected) => **expected == *given,
            Self::Address(expected) => address::parse(given) == Some(*expected),
            Self::Prefix(prefix) => given.starts_with(&**prefix),
            Self::Suffix(suffix) => given.ends_with(&**suffix),
            Self::EqualsIgnoreCase(text) => text.equals(given),
            Self::PrefixIgnoreCase(text) => text.begins(given),
            Self::SuffixIgnoreCase(text) => text.ends(given),
            Self::Wildcard(wildcard) => wildcard.matches(given),
            Self::Cidr(network) => address::parse(given).is_some_and(|address| network.contains(address)),
            _ => false,
        }
    }
}

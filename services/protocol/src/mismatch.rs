//! What is said of a body that is not of its operation's shape: AWS's words where recordings of it
//! have them (kinesalite's tests hold those of Kinesis), plain ones elsewhere.

use std::cell::RefCell;
use std::fmt::{self, Display, Write};

use serde::de::{self, Expected, Unexpected};

use crate::clipped::Clipped;

/// What base64 text is expected as; see [`crate::Blob`].
pub(crate) const BLOB: &str = "a blob";
/// What a moment is expected as; see [`crate::Timestamp`].
pub(crate) const TIMESTAMP: &str = "milliseconds since epoch";

/// An error of decoding in the words that the client gets. It holds no more of the body than
/// [`Clipped`] lets through.
#[derive(Debug)]
pub(crate) struct Mismatch(Box<str>);

impl Mismatch {
    pub(crate) fn new(words: impl Display) -> Self {
        Self(Clipped(words).to_string().into())
    }

    /// Stands for an error of a layer below, and is not kept.
    pub(crate) fn told() -> Self {
        Self(Box::default())
    }

    pub(crate) fn into_words(self) -> String {
        self.0.into()
    }
}

impl Display for Mismatch {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for Mismatch {}

impl de::Error for Mismatch {
    fn custom<T: Display>(words: T) -> Self {
        Self::new(words)
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let expected = expected.to_string();
        let wanted = Wanted::of(&expected);
        match (found, wanted) {
            (Unexpected::Seq, _) => Self::new("Start of list found where not expected"),
            (Unexpected::Map, _) => Self::new("Start of structure or map found where not expected."),
            (_, Wanted::List) => Self::new("Expected list or null"),
            (_, Wanted::Map) => Self::new("Expected map or null"),
            (_, Wanted::Structure) => Self::new("Expected null"),
            (Unexpected::Str(text), Wanted::Value("an Boolean")) => {
                Self::new(format_args!("'{}' can not be converted to an Boolean", Clipped(Upper(text))))
            }
            (found, Wanted::Value(wanted)) => {
                Self::new(format_args!("{} can not be converted to {wanted}", java_class(&found)))
            }
        }
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        match found {
            Unexpected::Signed(_) | Unexpected::Unsigned(_) | Unexpected::Float(_) | Unexpected::Other(_) => {
                Self::new("A number is out of the range of its type")
            }
            found => Self::invalid_type(found, expected),
        }
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        Self::new(format_args!("'{}' is none of [{}]", Clipped(variant), expected.join(", ")))
    }

    fn missing_field(field: &'static str) -> Self {
        Self::new(format_args!("The member {field} is missing"))
    }

    fn duplicate_field(field: &'static str) -> Self {
        Self::new(format_args!("The member {field} is given more than once"))
    }
}

/// What a member may be.
enum Wanted<'a> {
    List,
    Map,
    Structure,
    /// A scalar, with the article that AWS gives it.
    Value(&'a str),
}

impl<'a> Wanted<'a> {
    /// From what a visitor says it expects.
    fn of(expected: &'a str) -> Self {
        match expected {
            "a string" | "a borrowed string" | "a character" => Self::Value("an String"),
            "a boolean" => Self::Value("an Boolean"),
            "i8" | "i16" | "i32" | "i64" | "u8" | "u16" | "u32" | "u64" | "usize" | "isize" => {
                Self::Value("an Integer")
            }
            "f32" | "f64" => Self::Value("an Double"),
            BLOB => Self::Value("a Blob"),
            "a sequence" => Self::List,
            "a map" => Self::Map,
            _ if expected.starts_with("struct ") => Self::Structure,
            other => Self::Value(other),
        }
    }
}

/// What AWS calls a scalar that it can't convert.
fn java_class(found: &Unexpected<'_>) -> &'static str {
    match found {
        Unexpected::Bool(_) => "class java.lang.Boolean",
        Unexpected::Signed(_) | Unexpected::Unsigned(_) | Unexpected::Float(_) => {
            "class com.amazon.coral.value.json.numbers.TruncatingBigNumber"
        }
        Unexpected::Str(_) | Unexpected::Char(_) => "class java.lang.String",
        Unexpected::Bytes(_) => "class java.nio.HeapByteBuffer",
        Unexpected::Unit | Unexpected::Option => "null",
        _ => "A value",
    }
}

/// A text in capitals, none of it in memory at once.
struct Upper<'a>(&'a str);

impl Display for Upper<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().flat_map(char::to_uppercase).try_for_each(|letter| formatter.write_char(letter))
    }
}

/// Keeps the first mismatch while it passes up through a decoder that has errors of its own.
#[derive(Debug, Default)]
pub(crate) struct FirstMismatch(RefCell<Option<Mismatch>>);

impl FirstMismatch {
    /// A mismatch as the decoder's error, whose own text nobody reads.
    pub(crate) fn keep<E: de::Error>(&self, mismatch: Mismatch) -> E {
        if !mismatch.0.is_empty() {
            self.0.borrow_mut().get_or_insert(mismatch);
        }
        E::custom("")
    }

    pub(crate) fn take(&self) -> Option<Mismatch> {
        self.0.borrow_mut().take()
    }
}

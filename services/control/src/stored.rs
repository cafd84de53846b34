//! Stored values and the versions of their form.

use std::marker::PhantomData;

use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

/// A value that is kept in the store, in a form that has a version.
///
/// It is a struct of its own: not one of the wire, which AWS changes, nor one that the program
/// computes with, which we change.
pub trait Stored: Serialize + DeserializeOwned {
    /// The kind's name, which its fixtures have: `tests/stored/<kind>.v<version>.json`.
    const KIND: &'static str;

    /// The version that is written. The first is 1.
    const VERSION: u32;

    /// Makes a value of a row that has an older version.
    ///
    /// Without a definition of its own, the row is read as it is, which suits versions that only
    /// added fields with a default.
    ///
    /// # Errors
    /// When the row does not have the form of its version.
    fn migrate(from: u32, row: Value) -> serde_json::Result<Self> {
        let _ = from;
        serde_json::from_value(row)
    }
}

/// What a reader takes of a row: all of it, or a struct of some of its fields, the others costing
/// no memory.
pub trait View: DeserializeOwned {
    /// What the row holds.
    type Row: Stored;

    /// What this view shows of `row`, which had an older version.
    ///
    /// # Errors
    /// When it is not a view of it.
    fn of(row: Self::Row) -> serde_json::Result<Self> {
        serde_json::from_value(serde_json::to_value(row)?)
    }
}

impl<V: Stored> View for V {
    type Row = V;

    fn of(row: V) -> serde_json::Result<V> {
        Ok(row)
    }
}

/// A view of a row of which only the key counts.
#[derive(Debug)]
pub struct KeyOf<R>(PhantomData<R>);

impl<'de, R> Deserialize<'de> for KeyOf<R> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        IgnoredAny::deserialize(deserializer).map(|_| Self(PhantomData))
    }
}

impl<R: Stored> View for KeyOf<R> {
    type Row = R;
}

/// A row whose key says all; its value is `null`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Marker;

impl Serialize for Marker {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_unit()
    }
}

impl<'de> Deserialize<'de> for Marker {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        IgnoredAny::deserialize(deserializer).map(|_| Self)
    }
}

impl Stored for Marker {
    const KIND: &'static str = "marker";
    const VERSION: u32 = 1;
}

/// Why a row can't be read.
#[derive(Debug)]
pub(crate) enum RowError {
    /// It has a later version than the program knows.
    Newer { version: u32, known: u32 },
    /// It does not have the form of its version.
    Form(serde_json::Error),
}

/// The row of `value`: `v<version> <JSON>`.
pub(crate) fn encode<V: Stored>(value: &V) -> serde_json::Result<Vec<u8>> {
    let mut row = format!("v{} ", V::VERSION).into_bytes();
    serde_json::to_writer(&mut row, value)?;
    Ok(row)
}

/// What `V` shows of a row.
pub(crate) fn decode<V: View>(row: &[u8]) -> Result<V, RowError> {
    let (version, json) = version_of(row);
    let known = <V::Row as Stored>::VERSION;
    if version > known {
        return Err(RowError::Newer { version, known });
    }
    let value = match version == known {
        true => serde_json::from_slice(json),
        false => serde_json::from_slice(json).and_then(|row| V::Row::migrate(version, row)).and_then(V::of),
    };
    value.map_err(RowError::Form)
}

/// The version of a row, and its JSON. No JSON begins with a `v`, so what does not begin with a
/// version was written before rows had one, and has version 1.
fn version_of(row: &[u8]) -> (u32, &[u8]) {
    let split = || {
        let rest = row.strip_prefix(b"v")?;
        let end = rest.iter().position(|byte| *byte == b' ')?;
        let version = std::str::from_utf8(&rest[..end]).ok()?.parse().ok()?;
        Some((version, &rest[end + 1..]))
    };
    split().unwrap_or((1, row))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Version 1 had seconds, and no name; version 2 has milliseconds.
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Pause {
        milliseconds: u64,
        #[serde(default)]
        name: String,
    }

    impl Stored for Pause {
        const KIND: &'static str = "pause";
        const VERSION: u32 = 2;

        fn migrate(_: u32, row: Value) -> serde_json::Result<Self> {
            #[derive(Deserialize)]
            struct Version1 {
                seconds: u64,
            }
            let row: Version1 = serde_json::from_value(row)?;
            Ok(Self { milliseconds: row.seconds * 1_000, name: String::new() })
        }
    }

    #[derive(Debug, PartialEq, Deserialize)]
    struct Length {
        milliseconds: u64,
    }

    impl View for Length {
        type Row = Pause;
    }

    fn pause(milliseconds: u64) -> Pause {
        Pause { milliseconds, name: String::new() }
    }

    #[test]
    fn rows_say_their_version() {
        assert_eq!(encode(&pause(5)).unwrap(), br#"v2 {"milliseconds":5,"name":""}"#);
        assert_eq!(decode::<Pause>(&encode(&pause(5)).unwrap()).unwrap(), pause(5));
    }

    #[test]
    fn an_older_row_migrates_with_or_without_its_version() {
        for row in [r#"v1 {"seconds":3}"#, r#"{"seconds":3}"#] {
            assert_eq!(decode::<Pause>(row.as_bytes()).unwrap(), pause(3_000));
            assert_eq!(decode::<Length>(row.as_bytes()).unwrap(), Length { milliseconds: 3_000 });
        }
    }

    #[test]
    fn a_newer_row_is_refused_whole_or_in_part() {
        let row = br#"v3 {"milliseconds":5}"#;
        let is_newer = |error| matches!(error, RowError::Newer { version: 3, known: 2 });
        assert!(is_newer(decode::<Pause>(row).unwrap_err()));
        assert!(is_newer(decode::<Length>(row).unwrap_err()));
    }

    #[test]
    fn what_has_neither_version_nor_json_is_refused() {
        for row in ["", "v", "v2", "v2 ", "vx {}", "v-1 {}", "v99999999999 {}"] {
            assert!(matches!(decode::<Pause>(row.as_bytes()), Err(RowError::Form(_))), "{row:?}");
        }
    }

    #[test]
    fn markers_are_null() {
        assert_eq!(encode(&Marker).unwrap(), b"v1 null");
        assert_eq!(decode::<Marker>(b"null").unwrap(), Marker);
        assert_eq!(serde_json::to_value(Marker).unwrap(), json!(null));
    }
}

//! For the tests of crates that store values: rows of every version that was ever written.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::Stored;
use crate::stored::decode;

/// Holds `V` against its fixtures in `directory` (a crate's `tests/stored`): a file
/// `<kind>.v<version>.json` for each version from 1 to [`Stored::VERSION`], an array of rows.
///
/// Every row of every version must be readable. Those of the newest must be `samples` as they are
/// written today, so a change of what is stored that leaves the version as it was fails the test:
/// raise the version, say in [`Stored::migrate`] what becomes of the old rows, and add the file
/// that the failure shows. Fixtures of versions that were written are never changed.
///
/// # Panics
/// When any of that does not hold; this is for tests.
#[expect(clippy::panic, reason = "it is for tests")]
pub fn check_fixtures<V: Stored>(directory: impl AsRef<Path>, samples: &[V]) {
    let file = |version: u32| directory.as_ref().join(format!("{}.v{version}.json", V::KIND));
    let written = serde_json::to_value(samples).unwrap_or_else(|error| panic!("{}: {error}", V::KIND));
    for version in 1..=V::VERSION {
        let path = file(version);
        let rows = fs::read_to_string(&path).ok().and_then(|text| serde_json::from_str::<Vec<Value>>(&text).ok());
        let Some(rows) = rows else {
            panic!("{} is missing or not an array; the rows of today are:\n{written:#}", path.display());
        };
        for row in &rows {
            let read = decode::<V>(format!("v{version} {row}").as_bytes());
            let read = read.unwrap_or_else(|error| panic!("{}: {row} can't be read: {error:?}", path.display()));
            if version == V::VERSION {
                let kept = serde_json::to_value(&read).ok();
                assert_eq!(kept.as_ref(), Some(row), "{}: a row changes by being read and written", path.display());
            }
        }
        if version == V::VERSION {
            assert_eq!(Value::Array(rows), written, "{}: other rows are written today", path.display());
        }
    }
    let beyond = file(V::VERSION + 1);
    assert!(!beyond.exists(), "{} is of a version that the program does not know", beyond.display());
}

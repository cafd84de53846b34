//! The constraints of the service model, reported together as AWS does.

use anabranch_protocol::ApiError;

/// What a request violates so far.
#[derive(Default)]
pub(crate) struct Violations(Vec<String>);

impl Violations {
    /// Adds a violation of the member at `path` unless `holds`.
    pub(crate) fn require(&mut self, holds: bool, value: impl std::fmt::Display, path: &str, constraint: &str) {
        if !holds {
            self.0.push(format!("Value '{value}' at '{path}' failed to satisfy constraint: {constraint}"));
        }
    }

    /// The value at `path`, or a violation and the default.
    pub(crate) fn present<T: Default>(&mut self, value: Option<T>, path: &str) -> T {
        value.unwrap_or_else(|| {
            self.0.push(format!("Value null at '{path}' failed to satisfy constraint: Member must not be null"));
            T::default()
        })
    }

    /// Requires a text of `min` to `max` characters.
    pub(crate) fn length(&mut self, value: &str, path: &str, min: usize, max: usize) {
        let length = value.chars().count();
        let least = format!("Member must have length greater than or equal to {min}");
        self.require(length >= min, value, path, &least);
        let most = format!("Member must have length less than or equal to {max}");
        self.require(length <= max, value, path, &most);
    }

    /// Requires a number from `min` to `max`.
    pub(crate) fn range(&mut self, value: i64, path: &str, min: i64, max: i64) {
        let least = format!("Member must have value greater than or equal to {min}");
        self.require(value >= min, value, path, &least);
        let most = format!("Member must have value less than or equal to {max}");
        self.require(value <= max, value, path, &most);
    }

    /// Requires a text that `matches`, which is what `pattern` says.
    pub(crate) fn pattern(&mut self, value: &str, path: &str, pattern: &str, matches: bool) {
        let constraint = format!("Member must satisfy regular expression pattern: {pattern}");
        self.require(matches, value, path, &constraint);
    }

    /// Requires the name of a delivery stream.
    pub(crate) fn delivery_stream_name(&mut self, value: &str, path: &str) {
        self.length(value, path, 1, 64);
        let matches = value.chars().all(|letter| letter.is_ascii_alphanumeric() || "_.-".contains(letter));
        self.pattern(value, path, "[a-zA-Z0-9_.-]+", matches);
    }

    /// Ends the check.
    ///
    /// # Errors
    /// `ValidationException` with all violations.
    pub(crate) fn finish(self) -> Result<(), ApiError> {
        let count = self.0.len();
        match count {
            0 => Ok(()),
            _ => Err(ApiError::validation(format!(
                "{count} validation error{} detected: {}",
                if count == 1 { "" } else { "s" },
                self.0.join("; ")
            ))),
        }
    }
}

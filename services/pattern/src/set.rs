//! Several patterns, matched together.

use serde_json::Value;

use crate::error::EventError;
use crate::pattern::Pattern;
use crate::program::Program;
use crate::walk::Walk;

/// Patterns that are matched in one pass over an event.
#[derive(Debug, Clone)]
pub struct PatternSet {
    program: Program,
}

impl PatternSet {
    /// A set of `patterns`, which may be of different dialects.
    pub fn new<'p>(patterns: impl IntoIterator<Item = &'p Pattern>) -> Self {
        Self { program: Program::new(patterns.into_iter().map(Pattern::rule)) }
    }

    /// Which patterns `event` matches, by their places in the order in which they were given.
    pub fn matches(&self, event: &Value) -> Vec<usize> {
        self.matching(Walk::over(&self.program, event).ok().flatten())
    }

    /// As [`matches`](Self::matches), of a JSON document.
    pub fn matches_json(&self, event: &[u8]) -> Result<Vec<usize>, EventError> {
        Ok(self.matching(Walk::over_json(&self.program, event)?))
    }

    fn matching(&self, walk: Option<Walk<'_>>) -> Vec<usize> {
        let Some(walk) = walk else { return Vec::new() };
        (0..self.program.rules()).filter(|&rule| walk.matches(rule)).collect()
    }
}

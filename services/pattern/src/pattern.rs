//! One compiled pattern.

use serde_json::Value;

use crate::compile::{self, Rule};
use crate::dialect::Dialect;
use crate::error::{EventError, PatternError};
use crate::program::Program;
use crate::walk::Walk;

/// A compiled pattern. Cheap to match with, and shared between threads as it is.
#[derive(Debug, Clone)]
pub struct Pattern {
    rule: Rule,
    program: Program,
}

impl Pattern {
    /// Compiles `text`, as far as `dialect` allows it.
    pub fn compile(text: &str, dialect: Dialect) -> Result<Self, PatternError> {
        let rule = compile::compile(text, dialect)?;
        let program = Program::new([&rule]);
        Ok(Self { rule, program })
    }

    /// Whether `event` matches. What is no object, or nested deeper than
    /// [`EVENT_DEPTH_MAX`](crate::EVENT_DEPTH_MAX), does not.
    pub fn matches(&self, event: &Value) -> bool {
        Walk::over(&self.program, event).ok().flatten().is_some_and(|walk| walk.matches(0))
    }

    /// Whether the JSON document `event` matches, without building a value of it. Of a name
    /// that is given twice both values count, as they do in Event Ruler.
    pub fn matches_json(&self, event: &[u8]) -> Result<bool, EventError> {
        let walk = Walk::over_json(&self.program, event)?;
        Ok(walk.is_some_and(|walk| walk.matches(0)))
    }

    pub(crate) fn rule(&self) -> &Rule {
        &self.rule
    }
}

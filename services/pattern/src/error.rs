//! What can be wrong with a pattern or an event.

/// Why a text is not a valid pattern.
///
/// Displayed as EventBridge words it; [`reason`](Self::reason) alone is what other services
/// put behind a beginning of their own. The reasons are Event Ruler's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("Event pattern is not valid. Reason: {reason}")]
pub struct PatternError {
    reason: String,
    path: String,
}

impl PatternError {
    pub(crate) fn new(path: &[&str], reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), path: path.join(".") }
    }

    /// What is wrong.
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// The names that lead to the fault, joined with dots; empty for the pattern itself.
    pub fn path(&self) -> &str {
        &self.path
    }
}

/// Why bytes are no event: they are not one JSON document, or it is nested too deep.
#[derive(Debug, thiserror::Error)]
#[error("the event is not valid JSON: {0}")]
pub struct EventError(#[source] pub(crate) Box<dyn std::error::Error + Send + Sync>);

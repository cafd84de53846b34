//! What can be wrong with an expression.

/// Why a text is not a schedule expression.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotASchedule(pub(crate) String);

impl NotASchedule {
    pub(crate) fn new(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }
}

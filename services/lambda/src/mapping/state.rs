//! The states of a mapping.

use serde::{Serialize, Serializer};
use std::fmt;

/// Whether a mapping polls, or what it passes into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum MappingState {
    /// It is being made.
    Creating,
    /// It was enabled, and begins to poll.
    Enabling,
    /// It polls.
    Enabled,
    /// It was disabled, and ends the invocations that it is in.
    Disabling,
    /// It does not poll.
    Disabled,
    /// Its settings were changed, and begin to apply.
    Updating,
    /// It ends the invocations that it is in, and goes.
    Deleting,
}

impl MappingState {
    /// Its name in answers.
    pub fn name(self) -> &'static str {
        match self {
            Self::Creating => "Creating",
            Self::Enabling => "Enabling",
            Self::Enabled => "Enabled",
            Self::Disabling => "Disabling",
            Self::Disabled => "Disabled",
            Self::Updating => "Updating",
            Self::Deleting => "Deleting",
        }
    }
}

impl fmt::Display for MappingState {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// How the last batch of a mapping went.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum ProcessingResult {
    /// There was none since the server started.
    #[default]
    NoRecords,
    /// The function succeeded.
    Ok,
    /// The function failed or could not be invoked, or the source can't be read.
    Problem(String),
}

impl ProcessingResult {
    /// Whether something went wrong.
    pub fn is_problem(&self) -> bool {
        matches!(self, Self::Problem(_))
    }
}

impl fmt::Display for ProcessingResult {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoRecords => formatter.write_str("No records processed"),
            Self::Ok => formatter.write_str("OK"),
            Self::Problem(why) => write!(formatter, "PROBLEM: {why}"),
        }
    }
}

impl Serialize for ProcessingResult {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

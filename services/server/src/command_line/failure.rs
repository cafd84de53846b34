//! How a command fails.

use std::fmt::Display;

use crate::StartError;
use crate::up::UpError;

/// Why a command failed, and with which exit code.
pub(super) struct Failure {
    pub(super) message: String,
    pub(super) exit_code: u8,
}

impl Failure {
    pub(super) fn new(message: impl Display) -> Self {
        Self { message: message.to_string(), exit_code: 1 }
    }
}

impl From<StartError> for Failure {
    fn from(error: StartError) -> Self {
        Self { message: error.to_string(), exit_code: error.exit_code() }
    }
}

impl From<UpError> for Failure {
    fn from(error: UpError) -> Self {
        Self::new(error)
    }
}

//! Failures of ours: of the log and of control state. What clients are told names no path of this
//! machine; the server's log has the rest.

use anabranch_control::ControlError;
use anabranch_storage::{Failure, FailureKind, Position};

/// Control state can't be read or written.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub(crate) struct ControlFailure(ControlError);

impl From<ControlError> for ControlFailure {
    /// Leaves a trace in the server's log, whatever becomes of the failure.
    fn from(error: ControlError) -> Self {
        tracing::error!(%error, "control state of a stream");
        Self(error)
    }
}

/// Why a stream's log did not do what it was to do, as clients are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum LogFailure {
    #[error("The disk has no space left for {bytes} bytes; nothing was stored. Try again once there is room.")]
    NoSpace { bytes: u64 },
    #[error("The server has no file descriptor left for the log of the stream; nothing was stored. Try again.")]
    NoDescriptor,
    /// Open logs are limited, and all of them are in use.
    #[error("Too many streams are in use at the same time for the files that may be open")]
    NoPlace,
    #[error("The stream takes no records since a write to its log failed.")]
    Poisoned,
    #[error("The log of the stream is being closed. Try again.")]
    Closed,
    #[error("The log of the stream is gone: no log is here. Put it back, or delete the stream.")]
    Missing,
    #[error("What is to be read next is damaged on the disk; the server's health says where.")]
    Damaged,
    /// The record was written by another version of the program.
    #[error("the record at {0} is of an unknown version")]
    UnknownRecord(Position),
    #[error("The log of the stream failed; the server's log says why.")]
    Other,
}

impl From<&Failure> for LogFailure {
    fn from(failure: &Failure) -> Self {
        match failure.kind {
            FailureKind::NoSpace { bytes } => Self::NoSpace { bytes },
            FailureKind::Exhausted => Self::NoDescriptor,
            FailureKind::Poisoned => Self::Poisoned,
            FailureKind::Closed => Self::Closed,
            FailureKind::Missing => Self::Missing,
            FailureKind::Lost { .. } => Self::Damaged,
            _ => Self::Other,
        }
    }
}

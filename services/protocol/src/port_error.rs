//! An operation's error as another service of the program gets it.

use anabranch_ports::{PortError, PortErrorKind};

use crate::{ApiError, ErrorKind};

/// One meaning for all services, whichever implements the port: callers decide by the kind whether
/// to try again, and must not be told differently of the same thing.
impl From<ApiError> for PortError {
    fn from(error: ApiError) -> Self {
        let kind = match error.kind {
            ErrorKind::NotFound => PortErrorKind::NotFound,
            ErrorKind::Throttled => PortErrorKind::Throttled,
            ErrorKind::Unavailable => PortErrorKind::Unavailable,
            ErrorKind::Internal => PortErrorKind::Failed,
            ErrorKind::Invalid
            | ErrorKind::Serialization
            | ErrorKind::Conflict
            | ErrorKind::AccessDenied
            | ErrorKind::LimitExceeded
            | ErrorKind::TooLarge
            | ErrorKind::Unsupported => PortErrorKind::Refused,
        };
        Self::new(kind, error.code, error.message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_succeed_later_is_transient_and_nothing_else() {
        let is_transient = |kind| PortError::from(ApiError::new(kind, "SomeException", "it did not")).is_transient();
        for kind in [ErrorKind::Throttled, ErrorKind::Unavailable, ErrorKind::Internal] {
            assert!(is_transient(kind), "{kind:?}");
        }
        for kind in [ErrorKind::NotFound, ErrorKind::Invalid, ErrorKind::LimitExceeded, ErrorKind::Conflict] {
            assert!(!is_transient(kind), "{kind:?}");
        }
        let error = PortError::from(ApiError::not_found("NoSuchBucket", "there is none"));
        assert_eq!((error.kind, error.to_string().as_str()), (PortErrorKind::NotFound, "NoSuchBucket: there is none"));
    }
}

//! What is wrong with a stream's log, as far as we have seen: shown by health, metrics and console.

use anabranch_protocol::{Problem, ProblemKind};
use anabranch_storage::{Damage, Error as LogError, Failure, FailureKind, Health, Recovery};
use parking_lot::Mutex;

use crate::error::LogFailure;

/// What has been seen, each until it is over.
#[derive(Debug, Default)]
pub(crate) struct Faults(Mutex<Met>);

#[derive(Debug, Default)]
struct Met {
    /// From the latest attempt to open it.
    opening: Option<(ProblemKind, String)>,
    /// Of the latest append.
    appending: Option<(ProblemKind, String)>,
    /// Seen while it was opened or read; forgotten once it opens without.
    damage: Option<String>,
}

impl Faults {
    /// The log can't be opened.
    pub(crate) fn opening(&self, error: &LogError) {
        let (kind, way_out) = match error {
            LogError::TooManyOpenFiles { .. } => (ProblemKind::Descriptors, "raise the limit (ulimit -n)"),
            LogError::NoLog { .. } => (ProblemKind::Missing, "put it back, or delete the stream"),
            LogError::NoSpace { .. } => (ProblemKind::FullDisk, "make room"),
            _ => (ProblemKind::Failing, "its log can't be opened"),
        };
        self.0.lock().opening = Some((kind, format!("{error}; {way_out}")));
    }

    /// The log was opened.
    pub(crate) fn opened(&self, recovery: &Recovery) {
        let mut met = self.0.lock();
        (met.opening, met.appending) = (None, None);
        met.damage = recovery.damage.first().map(|damage| in_places(damage, recovery.damage.len()));
    }

    /// What an open log says of itself.
    pub(crate) fn seen(&self, health: &Health) {
        if let Some(damage) = &health.first_damage {
            self.0.lock().damage = Some(in_places(damage, health.damaged));
        }
    }

    /// What became of an append.
    pub(crate) fn appending(&self, failure: Option<&Failure>) {
        let met = match failure.map(|failure| &failure.kind) {
            None => None,
            Some(FailureKind::NoSpace { .. }) => Some(ProblemKind::FullDisk),
            Some(FailureKind::Poisoned) => Some(ProblemKind::Poisoned),
            Some(FailureKind::Exhausted) => Some(ProblemKind::Descriptors),
            // Refusals are the caller's business.
            Some(_) => return,
        };
        let mut faults = self.0.lock();
        if met.is_some() || faults.appending.is_some() {
            faults.appending = met.zip(failure).map(|(kind, failure)| (kind, failure.to_string()));
        }
    }

    /// Reading failed.
    pub(crate) fn reading(&self, failure: &Failure) {
        if let FailureKind::Lost { .. } = failure.kind {
            self.0.lock().damage.get_or_insert_with(|| failure.to_string());
        }
    }

    pub(crate) fn problems(&self, stream: &str) -> Vec<Problem> {
        let met = self.0.lock();
        let damage = met.damage.clone().map(|message| (ProblemKind::Damaged, message));
        let all = [met.opening.clone(), met.appending.clone(), damage];
        all.into_iter().flatten().map(|(kind, message)| Problem::new(kind, stream, message)).collect()
    }
}

/// A failure of the log as clients are told of it; the server's log has the rest.
pub(crate) fn log_failure(failure: &Failure) -> LogFailure {
    tracing::error!(error = %failure, "the log of a stream failed");
    failure.into()
}

fn in_places(first: &Damage, count: usize) -> String {
    match count {
        0 | 1 => first.to_string(),
        count => format!("{first}; and {} more places", count - 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_is_told_no_path() {
        let path = || std::path::PathBuf::from("/srv/data/streams/1");
        let source = || std::io::Error::from_raw_os_error(5);
        for error in [
            LogError::NoSpace { path: path(), bytes: 7 },
            LogError::TooManyOpenFiles { path: path(), source: source() },
            LogError::Io { path: path(), source: source() },
            LogError::Poisoned { reason: "/srv/data: input/output error".into() },
            LogError::NoLog { path: path() },
        ] {
            let told = log_failure(&error.into()).to_string();
            assert!(!told.contains("/srv"), "{told}");
        }
    }

    #[test]
    fn what_is_over_is_not_told() {
        let faults = Faults::default();
        let full = LogError::NoSpace { path: "log".into(), bytes: 7 }.into();
        faults.appending(Some(&full));
        let source = std::io::Error::from_raw_os_error(24);
        faults.opening(&LogError::TooManyOpenFiles { path: "log".into(), source });
        let kinds = || faults.problems("clicks").iter().map(|problem| problem.kind).collect::<Vec<_>>();
        assert_eq!(kinds(), [ProblemKind::Descriptors, ProblemKind::FullDisk]);
        faults.appending(None);
        assert_eq!(kinds(), [ProblemKind::Descriptors]);
        faults.opened(&Recovery::default());
        assert_eq!(kinds(), []);
    }
}

//! What fails again and again, for those who watch over the service.

use anabranch_protocol::{Problem, ProblemKind};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::time::iso_ms;

/// What fails at present, by name; forgotten once it succeeds.
#[derive(Debug, Default)]
pub(crate) struct OngoingFailures {
    any: AtomicBool,
    by_name: Mutex<BTreeMap<String, OngoingFailure>>,
}

#[derive(Debug)]
struct OngoingFailure {
    since_ms: u64,
    attempts: u64,
    error: String,
    kind: ProblemKind,
}

impl OngoingFailures {
    /// Notes a failure.
    pub(crate) fn failed(&self, name: &str, now_ms: u64, kind: ProblemKind, error: impl Into<String>) {
        let error = error.into();
        let mut by_name = self.by_name.lock();
        match by_name.get_mut(name) {
            Some(failure) => {
                failure.attempts += 1;
                (failure.kind, failure.error) = (kind, error);
            }
            None => {
                by_name.insert(name.to_string(), OngoingFailure { since_ms: now_ms, attempts: 1, error, kind });
            }
        }
        self.any.store(true, Ordering::Release);
    }

    /// Notes a success. Costs nothing while all is well.
    pub(crate) fn succeeded(&self, name: &str) {
        if self.any.load(Ordering::Acquire) {
            let mut by_name = self.by_name.lock();
            by_name.remove(name);
            self.any.store(!by_name.is_empty(), Ordering::Release);
        }
    }

    /// What fails, each as a problem of what `resource` makes of its name.
    pub(crate) fn problems(&self, resource: impl Fn(&str) -> String) -> Vec<Problem> {
        let problem = |(name, failure): (&String, &OngoingFailure)| {
            let (since, attempts, error) = (iso_ms(failure.since_ms), failure.attempts, &failure.error);
            Problem::new(failure.kind, resource(name), format!("failing since {since}, {attempts} times: {error}"))
        };
        self.by_name.lock().iter().map(problem).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_lasts_from_the_first_failure_to_the_next_success() {
        let failing = OngoingFailures::default();
        failing.succeeded("a");
        failing.failed("a", 0, ProblemKind::Failing, "no");
        failing.failed("b", 1_000, ProblemKind::Failing, "no");
        failing.failed("a", 2_000, ProblemKind::Descriptors, "not yet");
        failing.succeeded("b");
        let problems = failing.problems(|name| format!("shard {name}"));
        let message = "failing since 1970-01-01T00:00:00.000Z, 2 times: not yet";
        assert_eq!(problems, [Problem::new(ProblemKind::Descriptors, "shard a", message)]);
        failing.succeeded("a");
        assert_eq!(failing.problems(str::to_string), []);
    }
}

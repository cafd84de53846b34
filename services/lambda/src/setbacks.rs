//! What fails again and again, for those who watch over the service.

use anabranch_protocol::{Problem, ProblemKind};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::time::iso_ms;

/// What fails at present, by name; forgotten once it succeeds.
#[derive(Debug, Default)]
pub(crate) struct Setbacks {
    any: AtomicBool,
    by_name: Mutex<BTreeMap<String, Setback>>,
}

#[derive(Debug)]
struct Setback {
    since_ms: u64,
    attempts: u64,
    error: String,
    kind: ProblemKind,
}

impl Setbacks {
    /// Notes a failure.
    pub(crate) fn failed(&self, name: &str, now_ms: u64, kind: ProblemKind, error: impl Into<String>) {
        let error = error.into();
        let mut by_name = self.by_name.lock();
        match by_name.get_mut(name) {
            Some(setback) => {
                setback.attempts += 1;
                (setback.kind, setback.error) = (kind, error);
            }
            None => {
                by_name.insert(name.to_string(), Setback { since_ms: now_ms, attempts: 1, error, kind });
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
        let problem = |(name, setback): (&String, &Setback)| {
            let (since, attempts, error) = (iso_ms(setback.since_ms), setback.attempts, &setback.error);
            Problem::new(setback.kind, resource(name), format!("failing since {since}, {attempts} times: {error}"))
        };
        self.by_name.lock().iter().map(problem).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setback_lasts_from_the_first_failure_to_the_next_success() {
        let setbacks = Setbacks::default();
        setbacks.succeeded("a");
        setbacks.failed("a", 0, ProblemKind::Failing, "no");
        setbacks.failed("b", 1_000, ProblemKind::Failing, "no");
        setbacks.failed("a", 2_000, ProblemKind::Descriptors, "not yet");
        setbacks.succeeded("b");
        let problems = setbacks.problems(|name| format!("shard {name}"));
        let message = "failing since 1970-01-01T00:00:00.000Z, 2 times: not yet";
        assert_eq!(problems, [Problem::new(ProblemKind::Descriptors, "shard a", message)]);
        setbacks.succeeded("a");
        assert_eq!(setbacks.problems(str::to_string), []);
    }
}

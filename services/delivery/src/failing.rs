//! Targets that fail at present, for those who watch over the service.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use anabranch_protocol::{Problem, ProblemKind};
use parking_lot::Mutex;

use crate::limits::FAILING_NAMES_MAX;

/// What fails at present, by target; forgotten once it succeeds.
#[derive(Debug, Default)]
pub(crate) struct Failing {
    any: AtomicBool,
    errors: Mutex<BTreeMap<String, String>>,
}

impl Failing {
    pub(crate) fn failed(&self, target: &str, error: &str) {
        let mut errors = self.errors.lock();
        if errors.len() < FAILING_NAMES_MAX || errors.contains_key(target) {
            errors.insert(target.to_string(), error.to_string());
        }
        self.any.store(true, Ordering::Release);
    }

    /// Costs nothing while all is well.
    pub(crate) fn succeeded(&self, target: &str) {
        if self.any.load(Ordering::Acquire) {
            let mut errors = self.errors.lock();
            errors.remove(target);
            self.any.store(!errors.is_empty(), Ordering::Release);
        }
    }

    pub(crate) fn problems(&self) -> Vec<Problem> {
        let problem = |(target, error): (&String, &String)| {
            let message = format!("deliveries wait; the last attempt: {error}");
            Problem::new(ProblemKind::StuckDelivery, format!("deliveries to {target}"), message)
        };
        self.errors.lock().iter().map(problem).collect()
    }
}

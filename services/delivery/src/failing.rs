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
    /// Since when, in ms since the Unix epoch, and the last error.
    errors: Mutex<BTreeMap<String, (u64, String)>>,
}

impl Failing {
    pub(crate) fn failed(&self, target: &str, now_ms: u64, error: &str) {
        let mut errors = self.errors.lock();
        if let Some((_, last)) = errors.get_mut(target) {
            *last = error.to_string();
        } else if errors.len() < FAILING_NAMES_MAX {
            errors.insert(target.to_string(), (now_ms, error.to_string()));
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
        let problem = |(target, (since_ms, error)): (&String, &(u64, String))| {
            let since = jiff::Timestamp::from_millisecond(*since_ms as i64).unwrap_or_default();
            let message = format!("some wait since {since:.0}; the last attempt: {error}");
            Problem::new(ProblemKind::StuckDelivery, format!("deliveries to {target}"), message)
        };
        self.errors.lock().iter().map(problem).collect()
    }
}

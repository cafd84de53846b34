//! What is wrong with each service, as health, metrics and console show it.

use std::path::Path;

use anabranch_protocol::{Problem, ProblemKind};

use crate::Services;
use crate::console::format::bytes;

/// Fewest bytes that must be free on the disk of the data directory; below, it counts as full
/// before the first write fails.
const FREE_BYTES_MIN: u64 = 256 << 20;
/// Most problems of a service that are listed one by one.
const PROBLEMS_TOLD_MAX: usize = 100;

/// A service and what is wrong with it, if anything.
pub(crate) struct ServiceProblems {
    /// Such as `kinesis`; `server` for what concerns all.
    pub(crate) service: &'static str,
    /// The first of them.
    pub(crate) problems: Vec<Problem>,
    /// How many more there are.
    pub(crate) more: usize,
}

impl ServiceProblems {
    fn new(service: &'static str, mut problems: Vec<Problem>) -> Self {
        let more = problems.len().saturating_sub(PROBLEMS_TOLD_MAX);
        problems.sort_by_key(|problem| problem.kind);
        problems.truncate(PROBLEMS_TOLD_MAX);
        Self { service, problems, more }
    }

    /// Whether the service is failing at anything.
    pub(crate) fn is_failing(&self) -> bool {
        self.problems.iter().any(|problem| problem.kind.is_failure())
    }
}

/// Asks every service, and checks the disk that holds `data`.
pub(crate) fn problems(services: &Services, data: &Path) -> Vec<ServiceProblems> {
    let mut all: Vec<ServiceProblems> =
        services.problems().into_iter().map(|(service, found)| ServiceProblems::new(service, found)).collect();
    let shared = services.shared_problems().into_iter().chain(disk(data));
    all.push(ServiceProblems::new("server", shared.collect()));
    all
}

fn disk(data: &Path) -> Option<Problem> {
    let resource = data.display().to_string();
    match rustix::fs::statvfs(data) {
        Err(error) => Some(Problem::new(
            ProblemKind::Failing,
            resource,
            format!("the data directory can't be looked at: {error}"),
        )),
        Ok(disk) => full(resource, disk.f_bavail.saturating_mul(disk.f_frsize)),
    }
}

fn full(resource: String, free: u64) -> Option<Problem> {
    (free < FREE_BYTES_MIN).then(|| {
        let message =
            format!("the disk has {} left, less than {}; make room on it", bytes(free), bytes(FREE_BYTES_MIN));
        Problem::new(ProblemKind::FullDisk, resource, message)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_counts_as_full_before_it_is() {
        assert!(disk(&std::env::temp_dir()).is_none_or(|problem| problem.kind == ProblemKind::FullDisk));
        assert_eq!(disk(Path::new("/nonexistent")).unwrap().kind, ProblemKind::Failing);
        assert_eq!(full("data".into(), FREE_BYTES_MIN), None);
        assert_eq!(full("data".into(), FREE_BYTES_MIN - 1).unwrap().kind, ProblemKind::FullDisk);
    }

    #[test]
    fn strays_are_told_and_are_no_failure() {
        let problem = |kind| Problem::new(kind, "clicks", "something");
        assert!(!ServiceProblems::new("kinesis", vec![problem(ProblemKind::Strays)]).is_failing());
        let mut many = vec![problem(ProblemKind::Strays); PROBLEMS_TOLD_MAX + 1];
        many.push(problem(ProblemKind::Poisoned));
        let told = ServiceProblems::new("kinesis", many);
        assert!(told.is_failing(), "the worst is told first");
        assert_eq!((told.problems.len(), told.more), (PROBLEMS_TOLD_MAX, 2));
    }
}

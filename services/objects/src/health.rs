//! What keeps the service from doing its work, as health, metrics and console tell it.

use std::collections::BTreeMap;
use std::io::ErrorKind;

use anabranch_protocol::{Problem, ProblemKind};
use parking_lot::Mutex;

use crate::blob::Inventory;

/// Most objects with missing or damaged files that are reported by name; the rest are only logged.
const DAMAGED_NAMES_MAX: usize = 16;

/// What went wrong, until it goes right again.
#[derive(Debug, Default)]
pub(crate) struct Health {
    /// The last write of a file or the index, if it failed.
    failed_write: Mutex<Option<(ProblemKind, String)>>,
    /// What went wrong when objects were read, by bucket and key.
    damaged: Mutex<BTreeMap<String, String>>,
    pub(crate) inventory: Inventory,
}

impl Health {
    pub(crate) fn found(inventory: Inventory) -> Self {
        Self { inventory, ..Self::default() }
    }

    /// A write succeeded.
    pub(crate) fn wrote(&self) {
        *self.failed_write.lock() = None;
    }

    /// A write failed.
    pub(crate) fn failed(&self, kind: Option<ErrorKind>, message: &str) {
        *self.failed_write.lock() = Some((kind_of(kind), message.to_string()));
    }

    /// Reading an object failed because of its files.
    pub(crate) fn damaged(&self, bucket: &str, key: &str, message: &str) {
        tracing::error!(bucket, key, message, "an object can't be read");
        let mut damaged = self.damaged.lock();
        let name = format!("{bucket}/{key}");
        if damaged.len() < DAMAGED_NAMES_MAX || damaged.contains_key(&name) {
            damaged.insert(name, message.to_string());
        }
    }

    /// The object was replaced or removed.
    pub(crate) fn replaced(&self, bucket: &str, key: &str) {
        let mut damaged = self.damaged.lock();
        if !damaged.is_empty() {
            damaged.remove(&format!("{bucket}/{key}"));
        }
    }

    pub(crate) fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        if let Some((kind, error)) = &*self.failed_write.lock() {
            problems.push(Problem::new(*kind, "objects", format!("the last write failed: {error}")));
        }
        for (name, message) in &*self.damaged.lock() {
            problems.push(Problem::new(ProblemKind::Missing, name, message));
        }
        if self.inventory.missing > 0 {
            let message = format!("{} files that the index names are not there", self.inventory.missing);
            problems.push(Problem::new(ProblemKind::Missing, "objects", message));
        }
        if self.inventory.strays > 0 {
            let message = format!("{} files that the index does not name were moved to strays", self.inventory.strays);
            problems.push(Problem::new(ProblemKind::Strays, "objects", message));
        }
        problems
    }
}

fn kind_of(kind: Option<ErrorKind>) -> ProblemKind {
    match kind {
        Some(ErrorKind::StorageFull | ErrorKind::QuotaExceeded) => ProblemKind::FullDisk,
        _ => ProblemKind::Failing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(health: &Health) -> Vec<ProblemKind> {
        health.problems().into_iter().map(|problem| problem.kind).collect()
    }

    #[test]
    fn a_failed_write_is_told_until_one_succeeds() {
        let health = Health::default();
        health.failed(Some(ErrorKind::StorageFull), "no space");
        assert_eq!(kinds(&health), [ProblemKind::FullDisk]);
        health.wrote();
        assert!(kinds(&health).is_empty());
    }
}

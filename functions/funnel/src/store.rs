//! The narrow view of the table that the batch needs.

use click::Step;
use std::collections::BTreeSet;
use std::future::Future;

/// The table could not be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct StoreError(pub String);

/// The steps each session has reached.
pub trait FunnelStore {
    /// Adds steps to sessions, which keep those they already have: to all of them or, on an error, to none.
    ///
    /// # Errors
    /// [`StoreError`] when the table does not answer or refuses the write.
    fn add_steps(&self, sessions: &[(String, BTreeSet<Step>)]) -> impl Future<Output = Result<(), StoreError>> + Send;
}

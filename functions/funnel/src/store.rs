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
    /// Adds steps to a session, which keeps those it already has.
    ///
    /// # Errors
    /// [`StoreError`] when the table does not answer or refuses the write.
    fn add_steps(
        &self,
        session_id: &str,
        steps: &BTreeSet<Step>,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;
}

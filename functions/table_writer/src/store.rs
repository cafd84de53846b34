//! The narrow view of the table that the batch needs.

use crate::session::{Fold, Session};
use click::SequenceNumber;
use std::collections::HashMap;
use std::future::Future;

/// Whether a conditional write took place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Saved {
    /// Written.
    Yes,
    /// Somebody else has written the session since it was read: read it again.
    ChangedMeanwhile,
}

/// The table could not be read or written, or holds something unreadable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct StoreError(pub String);

/// Those of the sessions asked for that exist, by id, or why an item is no session.
pub type Stored = HashMap<String, Result<Session, StoreError>>;

/// Sessions by id, with compare-and-set on the last sequence number.
pub trait SessionStore {
    /// The sessions as last written (consistent reads).
    ///
    /// # Errors
    /// [`StoreError`] when the table does not answer.
    fn read(&self, session_ids: &[&str]) -> impl Future<Output = Result<Stored, StoreError>> + Send;

    /// Writes the session if its stored sequence number is still `seen`.
    ///
    /// # Errors
    /// [`StoreError`] when the table does not answer or refuses the item.
    fn write(
        &self,
        session_id: &str,
        fold: &Fold,
        seen: Option<&SequenceNumber>,
    ) -> impl Future<Output = Result<Saved, StoreError>> + Send;
}

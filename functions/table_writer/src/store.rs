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

/// A session as it is to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The session's id.
    pub session_id: String,
    /// What is written.
    pub fold: Fold,
    /// The sequence number that must still be stored; none if there must be no such session.
    pub seen: Option<SequenceNumber>,
}

/// Sessions by id, with compare-and-set on the last sequence number.
pub trait SessionStore {
    /// The sessions as last written (consistent reads).
    ///
    /// # Errors
    /// [`StoreError`] when the table does not answer.
    fn read(&self, session_ids: &[&str]) -> impl Future<Output = Result<Stored, StoreError>> + Send;

    /// Writes the session if its stored sequence number is still the one seen.
    ///
    /// # Errors
    /// [`StoreError`] when the table does not answer or refuses the item.
    fn write(&self, change: &Change) -> impl Future<Output = Result<Saved, StoreError>> + Send;

    /// Writes up to 100 sessions if the stored sequence numbers are still those seen: all of them, or none.
    ///
    /// # Errors
    /// [`StoreError`] when the table does not answer or refuses one of the items.
    fn write_all(&self, changes: &[Change]) -> impl Future<Output = Result<Saved, StoreError>> + Send;
}

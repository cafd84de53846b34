//! The narrow views of objects and tables that the handler needs.

use bytes::Bytes;
use std::collections::{BTreeMap, HashMap};
use std::future::Future;

/// An object or a table could not be read or written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct StoreError(pub String);

/// Objects in buckets.
pub trait ObjectStore {
    /// The object's content, or `None` if it is gone.
    ///
    /// # Errors
    /// [`StoreError`] when the store does not answer.
    fn get(&self, bucket: &str, key: &str) -> impl Future<Output = Result<Option<Bytes>, StoreError>> + Send;

    /// Writes an object of JSON Lines.
    ///
    /// # Errors
    /// [`StoreError`] when the object is not stored.
    fn put(&self, bucket: &str, key: &str, body: Bytes) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// What a chunk of events adds to the pages it touches.
pub type PageViews = BTreeMap<String, PageTotals>;

/// One page's figures.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PageTotals {
    /// Views.
    pub views: u64,
    /// Bytes sent in response, where known.
    pub bytes: u64,
}

/// The outcome of claiming events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// All are claimed, and their pages counted.
    Done,
    /// At least one already has an owner; nothing was claimed or counted.
    Taken,
    /// Another transaction was in the way; nothing was claimed or counted.
    Busy,
}

/// Which object owns which event, and how often each page was seen.
pub trait Ledger {
    /// Claims all events for `object` and counts `pages`, in one transaction.
    ///
    /// # Errors
    /// [`StoreError`] when the tables do not answer.
    fn claim(
        &self,
        object: &str,
        event_ids: &[&str],
        pages: &PageViews,
    ) -> impl Future<Output = Result<Claim, StoreError>> + Send;

    /// The owners of those events that have one (a consistent read).
    ///
    /// # Errors
    /// [`StoreError`] when the table does not answer.
    fn owners(&self, event_ids: &[&str]) -> impl Future<Output = Result<HashMap<String, String>, StoreError>> + Send;
}

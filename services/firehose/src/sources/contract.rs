//! What a source does, and what it is given for it.

use std::io;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use anabranch_protocol::{ApiError, Problem};
use anabranch_storage::Failure;
use async_trait::async_trait;
use bytes::Bytes;

use crate::error::{FirehoseError, PutError};

/// What a kind of source is called, and how CreateDeliveryStream configures it.
pub(crate) trait SourceKind: Sized {
    /// Its `DeliveryStreamType`.
    const TYPE: &'static str;

    /// Its settings, from what CreateDeliveryStream says.
    ///
    /// # Errors
    /// When that is not possible.
    fn configured() -> Result<Self, ApiError>;
}

/// Where a delivery stream's source may keep its files, and how.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    /// The delivery stream's name, for messages.
    pub(crate) name: String,
    /// The directory of its own.
    pub(crate) directory: PathBuf,
    /// How a log is kept.
    pub(crate) log: anabranch_storage::Config,
}

/// The settings of a source.
pub(crate) trait SourceSettings {
    /// Opens the source, making what it needs if absent. Waits for the disk.
    fn open(&self, place: &Place) -> Result<Arc<dyn RecordSource>, FirehoseError>;

    /// Whether files that the source had are gone, and with them records that were not delivered.
    fn is_lost(&self, place: &Place) -> bool;
}

/// The open source of one delivery stream: records at positions that only grow. What is not
/// delivered stays with it, so that it can be read again after a crash.
#[async_trait]
pub(crate) trait RecordSource: Send + Sync + 'static {
    /// Where durable records end.
    fn end(&self) -> u64;

    /// Waits until records beyond `position` are durable. Returns at once if the source has failed
    /// and will not grow.
    async fn grown_past(&self, position: u64);

    /// Adds to `pending` what follows it, until it holds `bytes_max` or all there is. The record
    /// that reaches `bytes_max` is the last one added. Waits for the disk.
    fn collect(&self, pending: &mut Pending, bytes_max: u64) -> Result<(), SourceError>;

    /// Shows `look` the records of `range` in order, the same every time. Waits for the disk.
    fn read(&self, range: Range<u64>, look: &mut dyn FnMut(&[u8]) -> io::Result<()>) -> Result<(), SourceError>;

    /// What lies before `position` is delivered and not needed any more. Waits for the disk.
    fn release(&self, position: u64) -> Result<(), SourceError>;

    /// What is wrong with the source of the delivery stream `name`.
    fn problems(&self, name: &str) -> Vec<Problem>;

    /// Closes it. Waits for the disk.
    fn close(&self) -> Result<(), SourceError>;

    /// Stores `records` in order, and returns the position of the first once they are durable.
    ///
    /// # Errors
    /// [`PutError::NotPermitted`] unless it is a source for puts.
    async fn put(self: Arc<Self>, now_ms: u64, records: Vec<Bytes>) -> Result<u64, PutError>;
}

/// Why a source could not be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SourceError {
    #[error(transparent)]
    Log(#[from] Failure),
    #[error("taking a record: {0}")]
    Take(#[from] io::Error),
}

/// Records that wait to be delivered, as far as they were looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pending {
    /// Position of the first.
    pub(crate) first: u64,
    /// Position after the last.
    pub(crate) end: u64,
    pub(crate) records: u64,
    pub(crate) bytes: u64,
    /// When the first arrived.
    pub(crate) oldest_ms: Option<u64>,
}

impl Pending {
    /// Nothing yet, from `position` on.
    pub(crate) fn starting(position: u64) -> Self {
        Self { first: position, end: position, records: 0, bytes: 0, oldest_ms: None }
    }

    /// Adds the record at `position`.
    pub(crate) fn add(&mut self, position: u64, arrived_ms: u64, bytes: usize) {
        self.oldest_ms.get_or_insert(arrived_ms);
        self.records += 1;
        self.bytes += bytes as u64;
        self.end = position + 1;
    }
}

//! What a destination does, and what it is given for it.

use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use anabranch_ports::{ObjectWriter, PortError};
use anabranch_protocol::{ApiError, Violations};
use async_trait::async_trait;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::progress::DeliveryPlan;
use crate::sources::{Pending, RecordSource, SourceError};

/// How a kind of destination is configured.
pub(crate) trait DestinationKind: Sized {
    /// The members of CreateDeliveryStream that configure it.
    const MEMBERS: &'static [&'static str];

    /// What they hold.
    type Configuration: DeserializeOwned;

    /// Its settings. Checks the model's constraints into `violations`; `path` is where they point.
    ///
    /// # Errors
    /// What is not offered, or makes no sense.
    fn configured(
        configuration: Self::Configuration,
        path: &str,
        now_ms: u64,
        violations: &mut Violations,
    ) -> Result<Self, ApiError>;
}

/// The settings of a destination, and what it does by them.
#[async_trait]
pub(crate) trait DestinationSettings: Send + Sync {
    /// When a batch is cut.
    fn buffering(&self) -> Buffering;

    /// Decides where a batch goes. The decision is stored before [`DestinationSettings::deliver`]
    /// gets it, so that a retry after a crash writes the same under the same name.
    ///
    /// # Errors
    /// What is wrong with the settings, in words.
    fn plan(&self, stream: StreamName<'_>, batch: &Pending) -> Result<Value, String>;

    /// Delivers the batch of a plan; it is durable there before this returns. On failure it is
    /// tried again.
    async fn deliver(&self, plan: &DeliveryPlan, batch: Batch, to: &Outlets) -> Result<(), DestinationError>;

    /// The members of `DestinationDescription`, without the id.
    fn describe(&self) -> Map<String, Value>;
}

/// When a batch is cut: at whichever comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Buffering {
    /// Bytes of records before compression.
    pub(crate) size_bytes: u64,
    /// Age of the oldest record.
    pub(crate) interval: Duration,
}

/// What names of objects are made from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StreamName<'a> {
    pub(crate) name: &'a str,
    /// `VersionId`.
    pub(crate) version: u64,
}

/// What destinations write through. `services/server` supplies it.
pub(crate) struct Outlets {
    pub(crate) objects: Arc<dyn ObjectWriter>,
}

/// The records of one plan.
pub(crate) struct Batch {
    pub(crate) source: Arc<dyn RecordSource>,
    pub(crate) range: Range<u64>,
    /// How many records the plan counted.
    pub(crate) records: u64,
}

impl Batch {
    /// Shows `look` every record in order, the same every time. Waits for the disk.
    ///
    /// # Errors
    /// When they are not all there any more, can't be read, or `look` fails.
    pub(crate) fn read(&self, mut look: impl FnMut(&[u8]) -> io::Result<()>) -> Result<(), DestinationError> {
        let mut found = 0;
        self.source.read(self.range.clone(), &mut |record| {
            found += 1;
            look(record)
        })?;
        if found != self.records {
            return Err(DestinationError::Incomplete { found, planned: self.records });
        }
        Ok(())
    }
}

/// Why a batch could not be delivered. It is tried again; nothing is dropped.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DestinationError {
    #[error("reading the buffer: {0}")]
    Source(#[from] SourceError),
    #[error("reading the buffer: compressing the object: {0}")]
    Compress(#[from] io::Error),
    /// The records that a plan covers are not all there any more.
    #[error(
        "reading the buffer: the log holds {found} of the {planned} records of the object that was being delivered"
    )]
    Incomplete { found: u64, planned: u64 },
    #[error("writing {target}: {source}")]
    Write { target: String, source: PortError },
    #[error("a stored plan is not one of this destination: {0}")]
    Plan(#[from] serde_json::Error),
    #[error("a step of delivery did not end: {0}")]
    Task(#[from] tokio::task::JoinError),
}

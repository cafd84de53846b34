//! Appending: reserve, copy, and a ticket that completes once a flush covers the records.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use crate::core::Core;
use crate::error::{Error, Result};
use crate::frame::Drafts;
use crate::position::{LaneId, Position};
use crate::waiters::WaiterKey;

/// Records of one lane that are appended together.
#[derive(Debug, Clone, Copy)]
pub struct LaneBatch<'a> {
    /// The lane; it comes into being with its first record.
    pub lane: LaneId,
    /// The records, in order. A record may be empty.
    pub records: &'a [&'a [u8]],
}

/// Encodes `batches` outside any lock, then reserves positions and copies under one.
pub(crate) fn append(core: &Arc<Core>, timestamp_ms: u64, batches: &[LaneBatch<'_>]) -> Result<Appended> {
    let limit = core.config.record_bytes_max;
    let mut drafts = Drafts::default();
    let mut first_positions = Vec::with_capacity(batches.len());
    for batch in batches {
        if let Some(record) = batch.records.iter().find(|record| record.len() as u64 > limit) {
            return Err(Error::RecordTooLarge { bytes: record.len() as u64, limit });
        }
        first_positions.push(Position(drafts.records));
        drafts.push(batch.lane, batch.records, core.config.compression);
    }
    core.check_poison()?;
    let mut writer = core.wait_for_room(core.writer.lock())?;
    if core.is_closed() {
        return Err(Error::Closed);
    }
    if drafts.records == 0 {
        let timestamp_ms = writer.last_timestamp_ms().max(timestamp_ms);
        return Ok(Appended { core: core.clone(), first_positions, timestamp_ms, end: Position(0), key: None });
    }
    writer.make_room(core, &drafts)?;
    let first_position = writer.place(core, &drafts, timestamp_ms);
    for position in &mut first_positions {
        position.0 += first_position;
    }
    Ok(Appended {
        core: core.clone(),
        first_positions,
        timestamp_ms: writer.last_timestamp_ms(),
        end: Position(first_position + drafts.records),
        key: None,
    })
}

/// An append on its way to the disk. As a future, or by [`Appended::wait`], it completes once all
/// its records are durable (as the flush policy means it) and visible to readers.
///
/// Dropping it takes nothing back: the records are appended, only nobody is told when.
#[derive(Debug)]
#[must_use = "records are acknowledged only once this completes"]
pub struct Appended {
    core: Arc<Core>,
    first_positions: Vec<Position>,
    timestamp_ms: u64,
    end: Position,
    key: Option<WaiterKey>,
}

impl Appended {
    /// First position of each batch, in the order given; a batch's records follow it densely.
    pub fn first_positions(&self) -> &[Position] {
        &self.first_positions
    }

    /// The time that the records carry: the one given, or that of the append before if it is later.
    pub fn timestamp_ms(&self) -> u64 {
        self.timestamp_ms
    }

    /// Blocks until the records are durable.
    ///
    /// # Errors
    /// [`Error::Poisoned`] when a write or flush failed; the records may or may not survive.
    pub fn wait(self) -> Result<()> {
        self.core.wait_durable(self.end)
    }

    fn outcome(&self) -> Option<Result<()>> {
        if self.core.visible() >= self.end {
            return Some(Ok(()));
        }
        self.core.check_poison().err().map(Err)
    }
}

impl Future for Appended {
    type Output = Result<()>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        if let Some(outcome) = this.outcome() {
            return Poll::Ready(outcome);
        }
        this.core.waiters.register(this.end.0, &mut this.key, context.waker());
        this.core.flush_in_background();
        // The flush may have completed between the first look and the registration.
        match this.outcome() {
            Some(outcome) => Poll::Ready(outcome),
            None => Poll::Pending,
        }
    }
}

impl Drop for Appended {
    fn drop(&mut self) {
        if let Some(key) = self.key.take() {
            self.core.waiters.remove(key);
        }
    }
}

/// Completes once the log's visible watermark is past a position, or the log is closed.
#[derive(Debug)]
#[must_use = "it waits only when awaited"]
pub struct VisiblePast {
    core: Arc<Core>,
    position: Position,
    key: Option<WaiterKey>,
}

impl VisiblePast {
    pub(crate) fn new(core: Arc<Core>, position: Position) -> Self {
        Self { core, position, key: None }
    }

    fn is_over(&self) -> bool {
        self.core.visible() > self.position || self.core.poison.get().is_some() || self.core.is_closed()
    }

    /// Blocks until it completes.
    pub fn wait(self) {
        let mut writer = self.core.writer.lock();
        while !self.is_over() {
            self.core.flushed.wait(&mut writer);
        }
    }
}

impl Future for VisiblePast {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        if this.is_over() {
            return Poll::Ready(());
        }
        this.core.waiters.register(this.position.0 + 1, &mut this.key, context.waker());
        if this.is_over() { Poll::Ready(()) } else { Poll::Pending }
    }
}

impl Drop for VisiblePast {
    fn drop(&mut self) {
        if let Some(key) = self.key.take() {
            self.core.waiters.remove(key);
        }
    }
}

//! Appending: reserve, copy, and a ticket that completes once a flush covers the records.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use crate::core::Core;
use crate::error::{Error, Result};
use crate::frame::{
    Draft, Drafts, HEADER_BYTES, Kind, Storing, encode_in_place, padded, payload_bytes, split_into_frames,
};
use crate::group::Ticket;
use crate::position::{LaneId, Position};
use crate::sync::atomic::Ordering;
use crate::waiters::WaiterKey;
use crate::writer::Writer;

/// Records of one lane that are appended together.
#[derive(Debug, Clone, Copy)]
pub struct LaneBatch<'a> {
    /// The lane; it comes into being with its first record.
    pub lane: LaneId,
    /// The records, in order. A record may be empty.
    pub records: &'a [&'a [u8]],
}

/// Appends `batches`, by way of a group that is flushed or, where no flush is waited for, by
/// storing them at once.
pub(crate) fn append(core: &Arc<Core>, timestamp_ms: u64, batches: &[LaneBatch<'_>]) -> Result<Appended> {
    let limit = core.config.record_bytes_max;
    let mut records = batches.iter().flat_map(|batch| batch.records);
    if let Some(record) = records.find(|record| record.len() as u64 > limit) {
        return Err(Error::RecordTooLarge { bytes: record.len() as u64, limit });
    }
    if batches.iter().all(|batch| batch.records.is_empty()) {
        return append_nothing(core, timestamp_ms, batches);
    }
    if core.config.stores() { store(core, timestamp_ms, batches) } else { gather(core, timestamp_ms, batches) }
}

fn append_nothing(core: &Arc<Core>, timestamp_ms: u64, batches: &[LaneBatch<'_>]) -> Result<Appended> {
    let writer = core.writer.lock();
    core.check_open()?;
    let first_positions = vec![Position(writer.next_position()); batches.len()];
    let timestamp_ms = writer.last_timestamp_ms().max(timestamp_ms);
    Ok(Appended::done(core, first_positions, timestamp_ms, Position(0)))
}

/// Encodes outside any lock, then reserves positions and copies under one.
fn gather(core: &Arc<Core>, timestamp_ms: u64, batches: &[LaneBatch<'_>]) -> Result<Appended> {
    let mut drafts = Drafts::in_kept_buffer();
    let mut first_positions = Vec::with_capacity(batches.len());
    let storing = Storing::new(&core.config);
    for batch in batches {
        first_positions.push(Position(drafts.records));
        drafts.push(batch.lane, batch.records, storing);
    }
    let room = |writer: &Writer| writer.pending_bytes() <= core.config.pending_bytes_max;
    let mut writer = core.flush_until(core.writer.lock(), room)?;
    core.check_open()?;
    core.make_room(&mut writer, drafts.bytes.len() as u64, drafts.frames.iter().map(|frame| frame.lane))?;
    let first_position = writer.place(&mut drafts, timestamp_ms);
    core.appends.fetch_add(1, Ordering::Relaxed);
    core.prepare_ahead(&writer);
    for position in &mut first_positions {
        position.0 += first_position;
    }
    let appended = Appended {
        core: core.clone(),
        first_positions,
        timestamp_ms: writer.last_timestamp_ms(),
        end: Position(first_position + drafts.records),
        ticket: Some(writer.ticket()),
        led: writer.flushing || writer.thread_leads,
        key: None,
    };
    drop(writer);
    drafts.keep_buffer();
    Ok(appended)
}

/// Encodes right into the segment's map: there is no flush to wait for, so no group to gather.
fn store(core: &Arc<Core>, timestamp_ms: u64, batches: &[LaneBatch<'_>]) -> Result<Appended> {
    let mut frames = Vec::with_capacity(batches.len());
    for batch in batches {
        let frame = |records| (batch.lane, records, padded(HEADER_BYTES + payload_bytes(records)) as u64);
        frames.extend(split_into_frames(batch.records).map(frame));
    }
    let bytes = frames.iter().map(|(.., bytes)| bytes).sum();
    let mut writer = core.writer.lock();
    core.check_open()?;
    core.make_room(&mut writer, bytes, frames.iter().map(|(lane, ..)| *lane))?;
    let mut next = writer.next_position();
    core.ensure(core.visible() == Position(next), "visible = appended").inspect_err(|error| core.poison(error))?;
    let first_positions = batches.iter().map(|batch| {
        let first = Position(next);
        next += batch.records.len() as u64;
        first
    });
    let first_positions = first_positions.collect();
    let segment = writer.segment().clone();
    let durable_offset = segment.durable_offset() as u32;
    for (lane, records, bytes) in frames {
        let positions = records.len() as u64;
        let draft = Draft { at: 0, frame_bytes: bytes as u32, lane, positions, kind: Kind::Data };
        let mut place = writer.next_place(&draft, timestamp_ms);
        place.durable_offset = durable_offset;
        let encode = |frame: &mut [u8]| encode_in_place(frame, records, &place, &segment.identity);
        if !segment.store(place.offset, bytes, encode) {
            let reason = format!("{}: can't be stored to", segment.path.display());
            let error = Error::Poisoned { reason };
            core.poison(&error);
            return Err(error);
        }
        segment.publish(std::iter::once(place));
    }
    core.prepare_ahead(&writer);
    core.visible.store(next, Ordering::Release);
    core.waiters.wake(next);
    let timestamp_ms = writer.last_timestamp_ms();
    core.stored(writer);
    Ok(Appended::done(core, first_positions, timestamp_ms, Position(next)))
}

/// An append on its way to the disk. As a future, or by [`Appended::wait`], it completes once all
/// its records are durable (as the flush policy means it) and visible to readers.
///
/// Dropping it takes nothing back: the records are appended, but nobody learns when.
#[derive(Debug)]
#[must_use = "records are acknowledged only once this completes"]
pub struct Appended {
    core: Arc<Core>,
    first_positions: Vec<Position>,
    timestamp_ms: u64,
    end: Position,
    /// Of the group it is in, unless it was done at once.
    ticket: Option<Arc<Ticket>>,
    /// Whether there was a leader when it was appended, who flushes it or asks for another to do so.
    led: bool,
    key: Option<WaiterKey>,
}

impl Appended {
    fn done(core: &Arc<Core>, first_positions: Vec<Position>, timestamp_ms: u64, end: Position) -> Self {
        Self { core: core.clone(), first_positions, timestamp_ms, end, ticket: None, led: false, key: None }
    }

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
        if let Some(ticket) = self.ticket.as_ref().filter(|_| self.led) {
            ticket.wait();
        }
        while self.core.visible() < self.end {
            let mut writer = self.core.writer.lock();
            if self.core.visible() >= self.end {
                break;
            }
            self.core.check_poison()?;
            match &self.ticket {
                Some(ticket) if writer.flushing || writer.thread_leads => {
                    ticket.has_leader();
                    drop(writer);
                    ticket.wait();
                }
                _ => writer = self.core.lead(writer),
            }
        }
        Ok(())
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

/// Completes once the log's visible watermark is past a position, or the log is closed or poisoned:
/// [`crate::Log::is_closed`] tells whoever waited to open it again.
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
        self.core.blocked.fetch_add(1, Ordering::Relaxed);
        while !self.is_over() {
            self.core.flushed.wait(&mut writer);
        }
        self.core.blocked.fetch_sub(1, Ordering::Relaxed);
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

//! The appender's side: positions and offsets are reserved here, in order, and frames gather
//! in a group until a flush takes them.

use std::collections::VecDeque;
use std::sync::Arc;

use rustc_hash::FxHashSet;

use crate::faults::{Fault, committed};
use crate::frame::{Draft, Drafts, HEADER_BYTES, Kind, Place, finish_frame};
use crate::group::{Gathering, Ticket};
use crate::index::footer_bytes;
use crate::position::{LaneId, Position};
use crate::segment::Segment;
use crate::segment_header::FIRST_FRAME;

/// Writes end where a page does: of a page that is written whole, the kernel needs nothing from the
/// disk, whereas it reads one of which only a part is written, unless the page cache has it.
const PAGE_BYTES: u64 = 4096;

/// State of the appender, behind one lock that is held only to reserve and copy.
#[derive(Debug)]
pub(crate) struct Writer {
    segment: Arc<Segment>,
    /// Where the next frame goes.
    tail: u64,
    frames: u64,
    lanes: FxHashSet<LaneId>,
    next_position: u64,
    last_timestamp_ms: u64,
    /// Counts the openings of the log.
    generation: u32,
    group: Group,
    pub(crate) gathering: Gathering,
    /// Work for the flusher that comes before `group`.
    queue: VecDeque<Step>,
    pending_bytes: u64,
    /// A thread is writing what it took from here.
    pub(crate) flushing: bool,
    /// Frames were written since the last mark.
    unmarked: bool,
    pub(crate) thread_running: bool,
    /// The log's thread flushes, or is about to look whether there is something to flush.
    pub(crate) thread_leads: bool,
    /// Something was written that no flush was asked for since the flusher looked.
    pub(crate) unsynced: bool,
    /// Emptied buffer of an earlier group.
    spare: Vec<u8>,
}

/// Frames of one segment that are written and flushed together.
#[derive(Debug, Default)]
pub(crate) struct Group {
    pub(crate) bytes: Vec<u8>,
    pub(crate) frames: Vec<(usize, Place)>,
    pub(crate) end_position: u64,
    pub(crate) ticket: Arc<Ticket>,
}

/// One piece of a flusher's work.
#[derive(Debug)]
pub(crate) enum Step {
    /// Write the group at this offset of the segment and flush.
    Write(Arc<Segment>, u64, Group),
    /// All its frames are written: add the footer.
    Seal(Arc<Segment>),
}

impl Writer {
    pub(crate) fn new(segment: Arc<Segment>, next_position: Position, last_timestamp_ms: u64, generation: u32) -> Self {
        let summary = segment.summary();
        Self {
            tail: summary.frames_end,
            frames: summary.frames,
            lanes: segment.live_lanes().into_iter().collect(),
            segment,
            next_position: next_position.0,
            last_timestamp_ms,
            generation,
            group: Group { end_position: next_position.0, ..Group::default() },
            gathering: Gathering::default(),
            queue: VecDeque::new(),
            pending_bytes: 0,
            flushing: false,
            unmarked: false,
            thread_running: false,
            thread_leads: false,
            unsynced: false,
            spare: Vec::new(),
        }
    }

    /// Bytes that wait for a flush to take them.
    pub(crate) fn pending_bytes(&self) -> u64 {
        self.pending_bytes
    }

    pub(crate) fn has_work(&self) -> bool {
        !self.queue.is_empty() || !self.group.frames.is_empty()
    }

    /// The first position not reserved yet.
    pub(crate) fn next_position(&self) -> u64 {
        self.next_position
    }

    /// Size of a segment, at least, that has room for frames of `bytes` in all, of these lanes, and the
    /// footer; `None` if this one has.
    pub(crate) fn wants_segment(&self, bytes: u64, lanes: impl Iterator<Item = LaneId>) -> Option<u64> {
        let (mut frames, mut new_lanes) = (0, 0);
        for lane in lanes {
            frames += 1;
            new_lanes += u64::from(!self.lanes.contains(&lane));
        }
        let needed = FIRST_FRAME + bytes + HEADER_BYTES as u64 + footer_bytes(frames, frames);
        (!self.fits(bytes, frames, new_lanes)).then_some(needed)
    }

    /// Whether so many frames of `bytes` in all, a zeroed header behind them and the footer have room.
    fn fits(&self, bytes: u64, frames: u64, new_lanes: u64) -> bool {
        let footer = footer_bytes(self.frames + frames, self.lanes.len() as u64 + new_lanes);
        let fits = self.tail + bytes + HEADER_BYTES as u64 + footer <= self.segment.header.capacity;
        // Of a page that could not be read, the map does not show what is written to it later.
        fits && self.segment.map.lost().is_none()
    }

    /// Appends `drafts`, for which there is room, and returns the first position given.
    pub(crate) fn place(&mut self, drafts: &mut Drafts, timestamp_ms: u64) -> u64 {
        let first_position = self.next_position;
        let group_at = self.group.bytes.len();
        self.pending_bytes += drafts.bytes.len() as u64;
        if group_at == 0 {
            // The group's buffer, empty as it is, serves the next append.
            std::mem::swap(&mut self.group.bytes, &mut drafts.bytes);
        } else {
            self.group.bytes.extend_from_slice(&drafts.bytes);
        }
        for draft in &drafts.frames {
            let place = self.next_place(draft, timestamp_ms);
            self.group.frames.push((group_at + draft.at, place));
        }
        self.group.end_position = self.next_position;
        first_position
    }

    /// Reserves the place of one frame.
    pub(crate) fn next_place(&mut self, draft: &Draft, timestamp_ms: u64) -> Place {
        self.last_timestamp_ms = self.last_timestamp_ms.max(timestamp_ms);
        let place = Place {
            offset: self.tail,
            frame_bytes: draft.frame_bytes,
            lane: draft.lane,
            positions: draft.positions,
            kind: draft.kind,
            first_position: Position(self.next_position),
            timestamp_ms: self.last_timestamp_ms,
            generation: self.generation,
            durable_offset: 0,
        };
        self.tail += u64::from(draft.frame_bytes);
        self.next_position += draft.positions;
        self.frames += 1;
        self.unmarked = draft.kind == Kind::Data;
        if self.unmarked {
            self.lanes.insert(draft.lane);
        }
        place
    }

    /// Where the next frame goes.
    pub(crate) fn tail(&self) -> u64 {
        self.tail
    }

    /// The segment that is written to.
    pub(crate) fn segment(&self) -> &Arc<Segment> {
        &self.segment
    }

    /// What the appends wait on that were placed last.
    pub(crate) fn ticket(&self) -> Arc<Ticket> {
        self.group.ticket.clone()
    }

    /// Has those lead who wait for what nobody flushes yet.
    pub(crate) fn ask_for_leader(&self) {
        self.pending_tickets().for_each(|ticket| ticket.ask_for_leader());
    }

    /// Lets all go who wait: what they wait for will never be flushed.
    pub(crate) fn release_all(&self) {
        self.pending_tickets().for_each(|ticket| ticket.done());
    }

    fn pending_tickets(&self) -> impl Iterator<Item = &Ticket> {
        let queued = self.queue.iter().filter_map(|step| match step {
            Step::Write(.., group) => Some(&*group.ticket),
            Step::Seal(_) => None,
        });
        queued.chain((!self.group.frames.is_empty()).then_some(&*self.group.ticket))
    }

    /// Time given to the latest append.
    pub(crate) fn last_timestamp_ms(&self) -> u64 {
        self.last_timestamp_ms
    }

    /// Adds a mark behind the last frame, unless there is one or no room for it.
    pub(crate) fn mark(&mut self) {
        let mut drafts = Drafts::default();
        drafts.push_mark();
        if self.unmarked && self.fits(drafts.bytes.len() as u64, 1, 1) {
            self.place(&mut drafts, self.last_timestamp_ms);
        }
        self.unmarked = false;
    }

    /// Adds a mark of this generation, whatever the last frame is.
    pub(crate) fn mark_anew(&mut self) {
        self.unmarked = self.frames > 0;
        self.mark();
    }

    /// Whether a mark would add something.
    pub(crate) fn is_unmarked(&self) -> bool {
        self.unmarked
    }

    /// Takes all that waits, in the order in which it must reach the disk.
    pub(crate) fn take_work(&mut self) -> VecDeque<Step> {
        self.close_group();
        self.pending_bytes = 0;
        std::mem::take(&mut self.queue)
    }

    /// Gives a written group's buffer back for the next one.
    pub(crate) fn give_back(&mut self, mut bytes: Vec<u8>) {
        if bytes.capacity() > self.spare.capacity() {
            bytes.clear();
            self.spare = bytes;
        }
    }

    fn close_group(&mut self) {
        if self.group.frames.is_empty() {
            return;
        }
        let next =
            Group { bytes: std::mem::take(&mut self.spare), end_position: self.next_position, ..Group::default() };
        let group = std::mem::replace(&mut self.group, next);
        let offset = self.tail - group.bytes.len() as u64;
        self.queue.push_back(Step::Write(self.segment.clone(), offset, group));
    }

    /// Goes on in `segment`; the one before is sealed once its frames are written. Whether the new one
    /// took over the name of the old, which held no record.
    pub(crate) fn go_on_in(&mut self, segment: Arc<Segment>) -> bool {
        self.close_group();
        let replaces = self.segment.base_position().0 == self.next_position;
        if replaces {
            // Nobody waits for its marks.
            self.queue.retain(|step| !matches!(step, Step::Write(of, ..) if Arc::ptr_eq(of, &self.segment)));
        } else {
            self.queue.push_back(Step::Seal(self.segment.clone()));
        }
        self.segment = segment;
        self.tail = FIRST_FRAME;
        self.frames = 0;
        self.lanes.clear();
        replaces
    }
}

impl Group {
    /// Completes the frames now that it is known what is durable, and ends with a zeroed header
    /// so that a later scan sees where the log ends. It will be written at `offset`.
    pub(crate) fn finish(&mut self, segment: &Segment, offset: u64) {
        let durable_offset = segment.durable_offset() as u32;
        for (at, place) in &mut self.frames {
            place.durable_offset = durable_offset;
            let frame = &mut self.bytes[*at..*at + place.frame_bytes as usize];
            finish_frame(frame, place, &segment.identity, segment.cipher.as_ref());
        }
        if !committed(Fault::CutFramesComeBack) {
            let end = (offset + self.bytes.len() as u64 + HEADER_BYTES as u64).next_multiple_of(PAGE_BYTES);
            self.bytes.resize((end.min(segment.header.capacity) - offset) as usize, 0);
        }
    }
}

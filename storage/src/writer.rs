//! The appender's side: positions and offsets are reserved here, in order, and frames gather
//! in a group until a flush takes them.

use std::collections::VecDeque;
use std::sync::Arc;

use rustc_hash::FxHashSet;

use crate::config::Config;
use crate::core::Core;
use crate::directory::{Directory, NotActivated, Prepared};
use crate::encryption::SegmentCipher;
use crate::error::{Error, Result};
use crate::faults::{Fault, committed};
use crate::frame::{Draft, Drafts, HEADER_BYTES, Kind, Place, finish_frame};
use crate::group::{Gathering, Ticket};
use crate::index::footer_bytes;
use crate::position::{LaneId, Position};
use crate::segment::Segment;
use crate::segment_header::{FIRST_FRAME, PLAIN_VERSION, SegmentHeader};
use crate::sync::Builder;
use crate::sync::atomic::Ordering;

/// Each segment is this many times as large as the one before, up to the configured maximum.
const SEGMENT_GROWTH: u64 = 4;
/// Segments are made in multiples of this.
const SEGMENT_ROUNDING: u64 = 64 << 10;
/// Segments from this size on are made ahead of need; smaller ones are quick to make.
const PREPARE_AHEAD_BYTES: u64 = 4 << 20;

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
    pub(crate) fn new(segment: Arc<Segment>, next_position: Position, last_timestamp_ms: u64) -> Self {
        let summary = segment.summary();
        Self {
            tail: summary.frames_end,
            frames: summary.frames,
            lanes: segment.live_lanes().into_iter().collect(),
            segment,
            next_position: next_position.0,
            last_timestamp_ms,
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

    /// Starts a new segment if frames of `bytes` in all, of these lanes, and the footer would not
    /// fit into this one.
    pub(crate) fn make_room(&mut self, core: &Core, bytes: u64, lanes: impl Iterator<Item = LaneId>) -> Result<()> {
        let (mut frames, mut new_lanes) = (0, 0);
        for lane in lanes {
            frames += 1;
            new_lanes += u64::from(!self.lanes.contains(&lane));
        }
        if self.fits(bytes, frames, new_lanes) {
            return Ok(());
        }
        self.roll(core, FIRST_FRAME + bytes + HEADER_BYTES as u64 + footer_bytes(frames, frames))
    }

    /// Whether so many frames of `bytes` in all, a zeroed header behind them and the footer have room.
    fn fits(&self, bytes: u64, frames: u64, new_lanes: u64) -> bool {
        let footer = footer_bytes(self.frames + frames, self.lanes.len() as u64 + new_lanes);
        let fits = self.tail + bytes + HEADER_BYTES as u64 + footer <= self.segment.header.capacity;
        // Of a page that could not be read, the map does not show what is written to it later.
        fits && self.segment.map.lost().is_none()
    }

    /// Appends `drafts`, for which there is room, and returns the first position given.
    pub(crate) fn place(&mut self, core: &Core, drafts: &mut Drafts, timestamp_ms: u64) -> u64 {
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
            let place = self.next_place(core, draft, timestamp_ms);
            self.group.frames.push((group_at + draft.at, place));
        }
        self.group.end_position = self.next_position;
        core.appends.fetch_add(1, Ordering::Relaxed);
        self.prepare_ahead(core);
        first_position
    }

    /// Reserves the place of one frame.
    pub(crate) fn next_place(&mut self, core: &Core, draft: &Draft, timestamp_ms: u64) -> Place {
        self.last_timestamp_ms = self.last_timestamp_ms.max(timestamp_ms);
        let place = Place {
            offset: self.tail,
            frame_bytes: draft.frame_bytes,
            lane: draft.lane,
            positions: draft.positions,
            kind: draft.kind,
            first_position: Position(self.next_position),
            timestamp_ms: self.last_timestamp_ms,
            generation: core.generation,
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

    /// Has the next segment made once this one is half full.
    pub(crate) fn prepare_ahead(&self, core: &Core) {
        let capacity = self.segment.header.capacity;
        if capacity >= PREPARE_AHEAD_BYTES && self.tail > capacity / 2 {
            core.prepare_ahead(self.next_capacity(core));
        }
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
    pub(crate) fn mark(&mut self, core: &Core) {
        let mut drafts = Drafts::default();
        drafts.push_mark();
        if self.unmarked && self.fits(drafts.bytes.len() as u64, 1, 1) {
            self.place(core, &mut drafts, self.last_timestamp_ms);
        }
        self.unmarked = false;
    }

    /// Adds a mark of this generation, whatever the last frame is.
    pub(crate) fn mark_anew(&mut self, core: &Core) {
        self.unmarked = self.frames > 0;
        self.mark(core);
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

    /// Seals the current segment, if it holds records, so that it can be dropped.
    pub(crate) fn roll_for_trim(&mut self, core: &Core) -> Result<()> {
        self.roll(core, core.config.segment_bytes_min)
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

    fn roll(&mut self, core: &Core, bytes_needed: u64) -> Result<()> {
        let made = core.new_segment(Position(self.next_position), self.next_capacity(core), bytes_needed);
        if let Err(NotActivated { error, may_have_its_name: true }) = &made {
            // Appending to the old segment could pass the new one by.
            core.poison(error);
            self.release_all();
        }
        core.note_refusal(made.as_ref().err().map(|not_made| &not_made.error));
        let segment = made?;
        self.close_group();
        let replaces = self.segment.base_position().0 == self.next_position;
        if replaces {
            // It holds no record, and the new file took over its name. Nobody waits for its marks.
            self.queue.retain(|step| !matches!(step, Step::Write(of, ..) if Arc::ptr_eq(of, &self.segment)));
        } else {
            self.queue.push_back(Step::Seal(self.segment.clone()));
        }
        core.add_segment(segment.clone(), replaces);
        self.segment = segment;
        self.tail = FIRST_FRAME;
        self.frames = 0;
        self.lanes.clear();
        Ok(())
    }

    fn next_capacity(&self, core: &Core) -> u64 {
        let config = &core.config;
        (self.segment.header.capacity * SEGMENT_GROWTH).clamp(config.segment_bytes_min, config.segment_bytes_max)
    }
}

/// What a new segment is to be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SegmentPlan {
    pub(crate) log_id: [u8; 16],
    pub(crate) generation: u32,
    pub(crate) base_position: Position,
}

/// Makes a segment of `capacity` bytes.
pub(crate) fn make_segment(
    directory: &Directory,
    config: &Config,
    plan: &SegmentPlan,
    capacity: u64,
) -> std::result::Result<Arc<Segment>, NotActivated> {
    activate(directory, config, plan, Prepared::new(directory, capacity, "next")?)
}

fn activate(
    directory: &Directory,
    config: &Config,
    plan: &SegmentPlan,
    prepared: Prepared,
) -> std::result::Result<Arc<Segment>, NotActivated> {
    let random = directory.platform.random();
    let epoch = random as u64;
    let cipher = config.keys.as_ref().map(|keys| {
        let (id, key) = keys.current();
        SegmentCipher::new(id, &key, &plan.log_id, epoch, (random >> 64) as u64)
    });
    let header = SegmentHeader {
        log_id: plan.log_id,
        epoch,
        base_position: plan.base_position,
        capacity: prepared.capacity,
        created_ms: directory.platform.now_ms(),
        generation: plan.generation,
        version: PLAIN_VERSION,
        key: cipher.as_ref().map(|cipher| cipher.mark),
    };
    let made = prepared.activate(directory, &header, config.stores())?;
    Ok(Arc::new(Segment::created(header, made, cipher)))
}

impl Core {
    /// Makes the segment that starts at `base_position`, of `capacity` bytes or, where the disk
    /// has no room for that, of just what is needed.
    fn new_segment(
        &self,
        base_position: Position,
        capacity: u64,
        bytes_needed: u64,
    ) -> std::result::Result<Arc<Segment>, NotActivated> {
        let plan = SegmentPlan { log_id: self.log_id, generation: self.generation, base_position };
        match self.take_prepared() {
            Some(prepared) if prepared.capacity >= bytes_needed => {
                return activate(&self.directory, &self.config, &plan, prepared);
            }
            Some(too_small) => too_small.keep(&self.directory),
            None => {}
        }
        let least = bytes_needed.max(self.config.segment_bytes_min).next_multiple_of(SEGMENT_ROUNDING);
        match make_segment(&self.directory, &self.config, &plan, capacity.max(least)) {
            Err(NotActivated { error: Error::NoSpace { .. }, .. }) if least < capacity => {
                make_segment(&self.directory, &self.config, &plan, least)
            }
            made => made,
        }
    }

    fn add_segment(&self, segment: Arc<Segment>, replaces: bool) {
        let mut list = self.segments.write();
        let mut segments: Vec<_> = list.iter().cloned().collect();
        if replaces {
            segments.pop();
        }
        segments.push(segment);
        *list = Arc::new(segments);
    }

    fn prepare_ahead(&self, capacity: u64) {
        let mut preparing = self.preparing.lock();
        if preparing.is_some() || !self.directory.platform.has_threads() {
            return;
        }
        let directory = self.directory.clone();
        let made = Builder::new().name("segment".into()).spawn(move || Prepared::new(&directory, capacity, "ahead"));
        // Without a thread the segment is made when it is needed.
        *preparing = made.ok();
    }

    /// The segment file made ahead, if that went well.
    pub(crate) fn take_prepared(&self) -> Option<Prepared> {
        let thread = self.preparing.lock().take()?;
        thread.join().ok()?.ok()
    }
}

impl Group {
    /// Completes the frames now that it is known what is durable, and ends with a zeroed header
    /// so that a later scan sees where the log ends.
    pub(crate) fn finish(&mut self, segment: &Segment) {
        let durable_offset = segment.durable_offset() as u32;
        for (at, place) in &mut self.frames {
            place.durable_offset = durable_offset;
            let frame = &mut self.bytes[*at..*at + place.frame_bytes as usize];
            finish_frame(frame, place, &segment.identity, segment.cipher.as_ref());
        }
        if !committed(Fault::CutFramesComeBack) {
            self.bytes.resize(self.bytes.len() + HEADER_BYTES, 0);
        }
    }
}

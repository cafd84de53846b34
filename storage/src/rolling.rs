//! Making the segment that comes next, ahead of need where it can be, and going over to it.

use std::sync::Arc;

use crate::config::Config;
use crate::core::Core;
use crate::directory::{Directory, NotActivated, Prepared};
use crate::encryption::SegmentCipher;
use crate::error::{Error, Result};
use crate::position::{LaneId, Position};
use crate::segment::Segment;
use crate::segment_header::{PLAIN_VERSION, SegmentHeader};
use crate::sync::Builder;
use crate::writer::Writer;

/// Each segment is this many times as large as the one before, up to the configured maximum.
const SEGMENT_GROWTH: u64 = 4;
/// Segments are made in multiples of this.
const SEGMENT_ROUNDING: u64 = 64 << 10;
/// Segments from this size on are made ahead of need; smaller ones are quick to make.
const PREPARE_AHEAD_BYTES: u64 = 4 << 20;

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
    activate(directory, config, plan, Prepared::new(directory, capacity, "next", config.stores())?)
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
    /// Starts a new segment if frames of `bytes` in all, of these lanes, and the footer would not fit
    /// into the one that `writer` is at.
    pub(crate) fn make_room(&self, writer: &mut Writer, bytes: u64, lanes: impl Iterator<Item = LaneId>) -> Result<()> {
        match writer.wants_segment(bytes, lanes) {
            Some(bytes_needed) => self.roll(writer, bytes_needed),
            None => Ok(()),
        }
    }

    /// Seals the current segment, if it holds records, so that it can be dropped.
    pub(crate) fn roll_for_trim(&self, writer: &mut Writer) -> Result<()> {
        self.roll(writer, self.config.segment_bytes_min)
    }

    fn roll(&self, writer: &mut Writer, bytes_needed: u64) -> Result<()> {
        let made = self.new_segment(Position(writer.next_position()), self.next_capacity(writer), bytes_needed);
        if let Err(NotActivated { error, may_have_its_name: true }) = &made {
            // Appending to the old segment could pass the new one by.
            self.poison(error);
            writer.release_all();
        }
        self.condition.lock().made_segment(made.as_ref().err().map(|not_made| &not_made.error));
        let segment = made?;
        let replaces = writer.go_on_in(segment.clone());
        self.add_segment(segment, replaces);
        Ok(())
    }

    fn next_capacity(&self, writer: &Writer) -> u64 {
        let capacity = writer.segment().header.capacity;
        (capacity * SEGMENT_GROWTH).clamp(self.config.segment_bytes_min, self.config.segment_bytes_max)
    }

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

    /// Has the next segment made once the one that `writer` is at is half full.
    pub(crate) fn prepare_ahead(&self, writer: &Writer) {
        let filled = writer.segment().header.capacity;
        if filled < PREPARE_AHEAD_BYTES || writer.tail() <= filled / 2 {
            return;
        }
        let (capacity, stores) = (self.next_capacity(writer), self.config.stores());
        let mut preparing = self.preparing.lock();
        if preparing.is_some() || !self.directory.platform.has_threads() {
            return;
        }
        let directory = self.directory.clone();
        let made = Builder::new()
            .name("segment".into())
            .spawn(move || Prepared::new(&directory, capacity, "ahead", stores)?.flushed(&directory));
        // Without a thread the segment is made when it is needed.
        *preparing = made.ok();
    }

    /// The segment file made ahead, if that went well.
    pub(crate) fn take_prepared(&self) -> Option<Prepared> {
        let thread = self.preparing.lock().take()?;
        thread.join().ok()?.ok()
    }
}

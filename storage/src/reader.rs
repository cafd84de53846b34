//! Reading a lane: frames are found by the index, verified once, and borrowed from the map
//! where they are not compressed.

use std::sync::Arc;

use crate::core::Core;
use crate::error::{Error, Result};
use crate::frame::{HEADER_BYTES, RECORD_PREFIX_BYTES, records};
use crate::index::{ENTRY_BYTES, Entry};
use crate::map::UNREADABLE;
use crate::maps::checked;
use crate::position::{LaneId, Position};
use crate::segment::Segment;

/// How much one read returns at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadLimit {
    /// Records.
    pub records: usize,
    /// Bytes of records. The first record is returned even if it alone is larger.
    pub bytes: usize,
}

/// One record as it was appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record<'a> {
    /// Its place in the log.
    pub position: Position,
    /// When it was appended, in milliseconds since the Unix epoch.
    pub timestamp_ms: u64,
    /// What the user put.
    pub data: &'a [u8],
}

/// Records that a read found. They stay readable as long as this lives, even if their segment
/// is dropped meanwhile.
#[derive(Debug, Default)]
pub struct Records {
    chunks: Vec<Chunk>,
    len: usize,
    bytes_examined: u64,
    next: Position,
}

/// The records of one frame that were asked for.
#[derive(Debug)]
struct Chunk {
    payload: Payload,
    first_position: Position,
    timestamp_ms: u64,
    skip: usize,
    take: usize,
}

#[derive(Debug)]
enum Payload {
    Mapped(Arc<Segment>, std::ops::Range<u64>),
    /// Decrypted or decompressed.
    Decoded(Vec<u8>),
}

impl Payload {
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Mapped(segment, range) => segment.map.bytes(range.clone()).unwrap_or(&[]),
            Self::Decoded(bytes) => bytes,
        }
    }
}

impl Records {
    /// None yet; for an engine, to be filled by [`Records::push`]. The next read goes on at `next`.
    pub fn starting(next: Position) -> Self {
        Self { next, ..Self::default() }
    }

    /// Adds a record behind the others, behind which the next read goes on.
    pub fn push(&mut self, record: Record<'_>) {
        let Record { position, timestamp_ms, data } = record;
        let mut payload = Vec::with_capacity(RECORD_PREFIX_BYTES + data.len());
        payload.extend_from_slice(&(data.len() as u32).to_le_bytes());
        payload.extend_from_slice(data);
        let payload = Payload::Decoded(payload);
        self.chunks.push(Chunk { payload, first_position: position, timestamp_ms, skip: 0, take: 1 });
        self.len += 1;
        self.next = position.plus(1);
    }

    /// Number of records.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The records, in order of their position.
    pub fn iter(&self) -> impl Iterator<Item = Record<'_>> {
        self.chunks.iter().flat_map(|chunk| {
            let positions = (chunk.first_position.0..).map(Position);
            positions
                .zip(records(chunk.payload.bytes()))
                .skip(chunk.skip)
                .take(chunk.take)
                .map(|(position, data)| Record { position, timestamp_ms: chunk.timestamp_ms, data })
        })
    }

    /// Bytes of frames, as stored, and of index entries that were looked at to find them.
    pub fn bytes_examined(&self) -> u64 {
        self.bytes_examined
    }

    /// Where the next read of this lane goes on: after the last record or, when the lane has
    /// nothing more, at what was [`crate::Log::visible`] when this read began.
    pub fn next(&self) -> Position {
        self.next
    }
}

/// Reads visible records of `lane` at or after `from`.
pub(crate) fn read(core: &Core, lane: LaneId, from: Position, limit: ReadLimit) -> Result<Records> {
    checked(|| read_checked(core, lane, from, limit))
}

fn read_checked(core: &Core, lane: LaneId, from: Position, limit: ReadLimit) -> Result<Records> {
    let visible = core.visible();
    let segments = core.segment_list();
    let first = segments.partition_point(|segment| segment.base_position() <= from).saturating_sub(1);
    if from < segments[first].base_position()
        && let Some(missing) = &*core.missing.lock()
    {
        return Err(core.note(Error::Damaged(missing.clone())));
    }
    let mut found = Records { next: from.max(segments[first].base_position()), ..Records::default() };
    let mut left = limit;
    for segment in segments[first..].iter().take_while(|segment| segment.base_position() < visible) {
        match read_segment(segment, lane, visible, &mut left, &mut found) {
            Ok(true) => {}
            Ok(false) => return Ok(found),
            // What was found before the damage is returned; the next read reports it.
            Err(_) if !found.is_empty() => return Ok(found),
            Err(error) => return Err(core.note(error)),
        }
    }
    found.next = found.next.max(visible);
    Ok(found)
}

/// Adds what `segment` holds of the lane. False once a limit is reached.
fn read_segment(
    segment: &Arc<Segment>,
    lane: LaneId,
    visible: Position,
    left: &mut ReadLimit,
    found: &mut Records,
) -> Result<bool> {
    loop {
        if left.records == 0 {
            return Ok(false);
        }
        let mut entries = segment.entries(lane, found.next, left.records);
        entries.retain(|entry| entry.first_position < visible);
        if entries.is_empty() {
            break;
        }
        for entry in entries {
            damage_before(segment, found.next, entry.first_position)?;
            if left.records == 0 || !read_frame(segment, lane, &entry, left, found)? {
                return Ok(false);
            }
        }
    }
    damage_before(segment, found.next, Position(u64::MAX))?;
    found.next = found.next.max(segment.summary().end_position.min(visible));
    Ok(true)
}

/// Errs when positions between are lost and may have been this lane's.
fn damage_before(segment: &Segment, from: Position, until: Position) -> Result<()> {
    match segment.damage_between(from, until) {
        Some(damage) => Err(Error::Damaged(damage)),
        None => Ok(()),
    }
}

/// Adds the records of one frame, as far as the limits allow; true if that is all of them.
fn read_frame(
    segment: &Arc<Segment>,
    lane: LaneId,
    entry: &Entry,
    left: &mut ReadLimit,
    found: &mut Records,
) -> Result<bool> {
    let (header, stored) = segment.frame(entry, lane)?;
    let payload_at = u64::from(entry.offset) + HEADER_BYTES as u64;
    found.bytes_examined += header.frame_bytes() + ENTRY_BYTES as u64;
    let payload = match segment.decoded(entry, lane, &header, stored)? {
        Some(decoded) => Payload::Decoded(decoded),
        None => Payload::Mapped(segment.clone(), payload_at..payload_at + stored.len() as u64),
    };
    let skip = found.next.0.saturating_sub(header.first_position.0) as usize;
    let wanted = header.records as usize - skip;
    let all_bytes = (header.raw_bytes as usize).saturating_sub(header.records as usize * RECORD_PREFIX_BYTES);
    let mut take = 0;
    if skip == 0 && wanted <= left.records && all_bytes <= left.bytes {
        take = wanted;
        left.records -= wanted;
        left.bytes -= all_bytes;
    } else {
        for record in records(payload.bytes()).skip(skip) {
            let is_first = found.is_empty() && take == 0;
            let over = record.len() > left.bytes;
            if left.records == 0 || (over && !is_first) {
                break;
            }
            take += 1;
            // A first record above the limit stands alone: not even an empty one goes with it.
            left.records = if over { 0 } else { left.records - 1 };
            left.bytes = left.bytes.saturating_sub(record.len());
        }
    }
    // What became unreadable since the checksum was verified reads as zeros.
    if segment.map.has_lost(u64::from(entry.offset)..payload_at + u64::from(header.stored_bytes)) {
        return Err(Error::Damaged(segment.damage_of(entry, lane, UNREADABLE)));
    }
    found.next = header.first_position.plus((skip + take) as u64);
    found.len += take;
    found.chunks.push(Chunk {
        payload,
        first_position: header.first_position,
        timestamp_ms: header.timestamp_ms,
        skip,
        take,
    });
    Ok(take == wanted)
}

/// The first position of `lane` at or after `timestamp_ms`, or `visible` if there is none.
pub(crate) fn seek_time(core: &Core, lane: LaneId, timestamp_ms: u64) -> Position {
    let visible = core.visible();
    let segments = core.segment_list();
    // Times never decrease along the log.
    let first = segments.partition_point(|segment| segment.summary().last_timestamp_ms < timestamp_ms);
    let found = checked(|| segments[first..].iter().find_map(|segment| segment.entry_at_time(lane, timestamp_ms)));
    found.map_or(visible, |entry| entry.first_position.min(visible))
}

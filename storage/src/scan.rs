//! Reading a segment frame by frame, without its footer: recovery, verification, rebuilding
//! an index.

use std::path::Path;

use memchr::memmem::Finder;

use crate::error::Damage;
use crate::frame::{ALIGNMENT, HEADER_BYTES, Header, Identity, Kind, MAGIC, decode_header, payload_crc};
use crate::index::{Index, Summary};
use crate::map::{Map, UNREADABLE};
use crate::position::Position;
use crate::segment_header::{FIRST_FRAME, SegmentHeader};

/// What of a segment is scanned.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SegmentBytes<'a> {
    pub(crate) header: &'a SegmentHeader,
    pub(crate) identity: &'a Identity,
    pub(crate) map: &'a Map,
    pub(crate) path: &'a Path,
}

/// What a scan found.
#[derive(Debug)]
pub(crate) struct Scan {
    /// All frames whose header holds; those with a damaged payload stay in it, so that reading
    /// them says so.
    pub(crate) index: Index,
    /// Places inside what was durable that don't hold, in order.
    pub(crate) holes: Vec<Hole>,
    /// Bytes behind the end that look like frames a crash kept from being flushed.
    pub(crate) torn_bytes: u64,
    /// Highest generation seen anywhere, in torn frames too.
    pub(crate) generation: u32,
    /// Highest offset below which all had been flushed when a frame was written.
    pub(crate) durable_offset: u64,
}

/// A place that was durable and does not hold.
#[derive(Debug)]
pub(crate) struct Hole {
    pub(crate) damage: Damage,
    /// Where the next frame begins.
    pub(crate) end: u64,
    /// Of the frame before.
    pub(crate) timestamp_ms: u64,
    /// Of the frame before.
    pub(crate) generation: u32,
}

impl Scan {
    /// Damage inside what was durable.
    pub(crate) fn damage(&self) -> impl Iterator<Item = Damage> {
        self.holes.iter().map(|hole| hole.damage.clone())
    }
}

/// Reads all frames from the segment's start up to `limit`.
///
/// The end is where no valid frame follows that was flushed. Two facts tell a torn tail from
/// damage: each frame says up to which offset everything had been flushed when it was written
/// (`durable_offset`), so a frame behind a bad place proves that place was durable or not; and
/// generations never decrease, so frames that an earlier recovery cut off don't come back.
pub(crate) fn scan(segment: &SegmentBytes<'_>, limit: u64) -> Scan {
    let mut scan = Scan {
        index: Index::default(),
        holes: Vec::new(),
        torn_bytes: 0,
        generation: segment.header.generation,
        durable_offset: FIRST_FRAME,
    };
    scan.index.summary = Summary::of_empty(segment.header);
    let mut candidates = None;
    let mut offset = FIRST_FRAME;
    loop {
        let expected = scan.index.summary.end_position;
        let least_generation = scan.index.summary.generation;
        let next = header_at(segment, offset, limit)
            .filter(|header| header.first_position == expected && header.generation >= least_generation);
        let payload_holds = next.is_some_and(|header| payload_holds(segment, offset, &header));
        match next {
            Some(header) if payload_holds => {
                scan.index.add(&header.place(offset));
                scan.durable_offset = scan.durable_offset.max(u64::from(header.durable_offset));
                offset += header.frame_bytes();
            }
            damaged => match resume_after(
                candidates.get_or_insert_with(|| headers_from(segment, offset, limit)),
                offset,
                expected,
                least_generation,
                &mut scan.generation,
            ) {
                Resume::At(resume_offset, resume) => {
                    scan.holes.push(Hole {
                        damage: damage(segment, offset, damaged.as_ref(), expected, resume.first_position),
                        end: resume_offset,
                        timestamp_ms: scan.index.summary.last_timestamp_ms,
                        generation: least_generation,
                    });
                    if let Some(header) = damaged
                        && offset + header.frame_bytes() <= resume_offset
                    {
                        scan.index.add(&header.place(offset));
                    }
                    scan.index.summary.end_position = resume.first_position;
                    scan.index.summary.frames_end = resume_offset;
                    offset = resume_offset;
                }
                Resume::Torn(bytes) => {
                    scan.torn_bytes = bytes.max(written_at(segment, offset, limit));
                    break;
                }
            },
        }
    }
    scan.generation = scan.generation.max(scan.index.summary.generation);
    scan
}

fn header_at(segment: &SegmentBytes<'_>, offset: u64, limit: u64) -> Option<Header> {
    let header = decode_header(segment.map.from(offset), offset, segment.identity)?;
    (offset + header.frame_bytes() <= limit).then_some(header)
}

fn payload_holds(segment: &SegmentBytes<'_>, offset: u64, header: &Header) -> bool {
    let start = offset + HEADER_BYTES as u64;
    let payload = segment.map.bytes(start..start + u64::from(header.stored_bytes));
    payload.is_some_and(|payload| payload_crc(payload) == header.payload_crc)
}

fn damage(
    segment: &SegmentBytes<'_>,
    offset: u64,
    header: Option<&Header>,
    first: Position,
    resume: Position,
) -> Damage {
    Damage {
        segment: segment.path.to_path_buf(),
        offset,
        lane: header.filter(|header| header.kind == Kind::Data && header.end_position() == resume).map(|h| h.lane),
        first,
        resume,
        reason: match header {
            _ if segment.map.has_lost(offset..offset + header.map_or(HEADER_BYTES as u64, Header::frame_bytes)) => {
                UNREADABLE
            }
            Some(_) => "the frame's payload does not match its checksum",
            None => "no valid frame header",
        },
    }
}

/// Bytes of a header's length that are not zero at the log's end. Every write ends with a zeroed
/// header, so anything else is a frame that was torn or damaged beyond recognition.
fn written_at(segment: &SegmentBytes<'_>, offset: u64, limit: u64) -> u64 {
    let slot = segment.map.bytes(offset..limit.min(offset + HEADER_BYTES as u64)).unwrap_or(&[]);
    if slot.iter().all(|byte| *byte == 0) { 0 } else { slot.len() as u64 }
}

enum Resume {
    /// A later frame proves that the bad place was durable; reading goes on there.
    At(u64, Header),
    /// Nothing does: the tail ends here, with so many bytes that look written.
    Torn(u64),
}

/// All headers at or behind `offset` that validate by themselves. A payload that contains an embedded
/// frame can't forge one, since its checksum covers its offset.
fn headers_from(segment: &SegmentBytes<'_>, offset: u64, limit: u64) -> Vec<(u64, Header)> {
    let finder = Finder::new(&MAGIC);
    let bytes = segment.map.bytes(offset..limit).unwrap_or(&[]);
    let aligned = finder.find_iter(bytes).filter(|at| at % ALIGNMENT == 0).map(|at| offset + at as u64);
    aligned.filter_map(|at| Some((at, header_at(segment, at, limit)?))).collect()
}

/// Looks behind a bad place at `offset` for frames that continue the log.
fn resume_after(
    candidates: &[(u64, Header)],
    offset: u64,
    expected: Position,
    least_generation: u32,
    highest_generation: &mut u32,
) -> Resume {
    let mut first_behind = None;
    let mut durable = false;
    let mut torn_bytes = 0;
    let behind = candidates.partition_point(|(at, _)| *at < offset);
    for (at, header) in &candidates[behind..] {
        *highest_generation = (*highest_generation).max(header.generation);
        if header.generation < least_generation || header.first_position < expected {
            continue;
        }
        torn_bytes = at + header.frame_bytes() - offset;
        durable |= u64::from(header.durable_offset) > offset;
        if *at >= offset + HEADER_BYTES as u64 && first_behind.is_none() {
            first_behind = Some((*at, *header));
        }
        if let Some((at, header)) = first_behind.filter(|_| durable) {
            return Resume::At(at, header);
        }
    }
    Resume::Torn(torn_bytes)
}

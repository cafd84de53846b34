//! Repairing a damaged log: what is lost is written down as a gap, so that reading goes on by
//! itself, and the damaged segments are kept aside.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::config::Config;
use crate::directory::Directory;
use crate::error::{Damage, Error, IoContext, Result};
use crate::frame::{Drafts, HEADER_BYTES, Kind, Place, decode_header, fill_frame, finish_frame};
use crate::index::{Index, Summary, encode_footer, footer_bytes};
use crate::inspect::{Verification, verify};
use crate::maps::checked;
use crate::platform::LocalPlatform;
use crate::position::{LaneId, Position};
use crate::recovery::{Recovered, open_segment, recover};
use crate::rolling::{SegmentPlan, make_segment};
use crate::scan::Hole;
use crate::segment::Segment;
use crate::segment_header::{FIRST_FRAME, REPAIRED_VERSION, SegmentHeader};
use crate::start::Start;

/// Files grow to multiples of this if a gap needs room.
const ROUNDING: u64 = 64 << 10;

/// What a repair did.
#[derive(Debug, Clone)]
pub struct Repair {
    /// What is lost for good, position by position. Empty if only indexes or header copies were damaged.
    pub lost: Vec<Damage>,
    /// Segments that were rewritten.
    pub rewritten: Vec<PathBuf>,
    /// Where the damaged files are kept; `None` if there were none.
    pub kept_aside: Option<PathBuf>,
    /// The log after the repair. Its `problems` are empty.
    pub verification: Verification,
}

/// Repairs the log in `directory`, which must not be open. A sound log is left as it is.
///
/// Lost positions become gaps: readers pass over them, and they are not given again. Each damaged
/// file is kept, whole, in a directory `damaged-<time>` beside the segments.
///
/// # Errors
/// As [`crate::inspect::verify`]. If it fails half-way, the log is as before or partly repaired;
/// no byte of it is gone.
pub fn repair(directory: &Path) -> Result<Repair> {
    let found = verify(directory)?;
    let nothing_done =
        |verification| Repair { lost: Vec::new(), rewritten: Vec::new(), kept_aside: None, verification };
    if found.problems.is_empty() {
        return Ok(nothing_done(found));
    }
    let place = Directory::new(Arc::new(LocalPlatform), directory, 0);
    let aside = directory.join(format!("damaged-{}", place.platform.now_ms()));
    let mut repairing = Repairing { place, aside, lost: Vec::new(), rewritten: Vec::new() };
    checked(|| repairing.run(&found))?;
    let Repairing { aside, lost, rewritten, .. } = repairing;
    Ok(Repair { lost, rewritten, kept_aside: Some(aside), ..nothing_done(verify(directory)?) })
}

struct Repairing {
    place: Directory,
    aside: PathBuf,
    lost: Vec<Damage>,
    rewritten: Vec<PathBuf>,
}

impl Repairing {
    fn run(&mut self, found: &Verification) -> Result<()> {
        let _lock = self.place.lock()?;
        let platform = self.place.platform.clone();
        platform.create_directory(&self.aside).at(&self.aside)?;
        self.place.sync()?;
        let recovered = recover(&self.place, None)?;
        self.set_lost_segments_aside(&recovered)?;
        let ends: Vec<Option<Position>> = next_starts(&recovered);
        for (segment, next) in recovered.segments.iter().zip(ends) {
            let is_damaged = found.problems.iter().any(|problem| problem.segment == segment.path);
            let end = segment.summary().end_position;
            if is_damaged || next.is_some_and(|next| next > end) {
                self.rewrite(segment, next)?;
            }
        }
        self.lost.extend(recovered.missing.clone().filter(|missing| recovered.report.damage.contains(missing)));
        self.begin_anew(&recovered)
    }

    /// Says where the log begins now. Behind a last segment that is sealed there must be another.
    fn begin_anew(&self, before: &Recovered) -> Result<()> {
        let repaired = recover(&self.place, None)?;
        let (first, last) = (repaired.segments.first(), repaired.segments.last());
        let end = last.map_or(before.next_position, |last| last.summary().end_position);
        let log_id = before.log_id.unwrap_or_else(|| self.place.platform.random().to_le_bytes());
        let mut last_base = last.map_or(end, |last| last.base_position());
        if last.is_none_or(|last| last.is_sealed()) {
            let plan = SegmentPlan { log_id, generation: before.generation.max(1), base_position: end };
            make_segment(&self.place, &Config::default(), &plan, ROUNDING)?;
            last_base = end;
        }
        let start = Start { log_id, start: first.map_or(end, |first| first.base_position()), last: last_base };
        self.place.write_start(&start, &self.place.syncer()?)
    }

    /// Files whose header is gone can't be read: their positions become a gap.
    fn set_lost_segments_aside(&mut self, recovered: &Recovered) -> Result<()> {
        for (base_position, path) in self.place.segments()? {
            if recovered.segments.iter().any(|segment| segment.path == path) {
                continue;
            }
            if open_segment(&self.place, &path, base_position, None)?.is_err() {
                self.keep(&path)?;
                self.place.remove(&path)?;
                self.place.sync()?;
                // Behind another segment, a gap at that one's end says the same.
                let is_first = recovered.segments.first().is_none_or(|first| base_position < first.base_position());
                let of_it = recovered.report.damage.iter().filter(|damage| damage.segment == path);
                self.lost.extend(of_it.filter(|_| is_first).cloned());
            }
        }
        Ok(())
    }

    fn keep(&self, path: &Path) -> Result<()> {
        let name = path.file_name().ok_or(Error::Target { path: path.into(), reason: "has no name" })?;
        let kept = self.aside.join(name);
        self.place.platform.link(path, &kept).at(&kept)?;
        self.place.platform.sync_directory(&self.aside).at(&self.aside)
    }

    /// Rewrites the segment: frames where they were, gaps where some are lost, a new index.
    fn rewrite(&mut self, segment: &Segment, next: Option<Position>) -> Result<()> {
        let sealed = segment.is_sealed() || next.is_some();
        let trailer = segment.is_sealed().then(|| segment.summary());
        let scanned = segment.scan(trailer.map_or(segment.map.len(), |summary| summary.frames_end));
        let found = scanned.index.summary;
        let mut bytes = segment.map.bytes(0..found.frames_end).unwrap_or(&[]).to_vec();
        self.lost.extend(scanned.damage());
        scanned.holes.iter().for_each(|hole| write_gap(segment, &mut bytes, hole));
        // What was lost at the end has nothing behind it that the scan could go on at.
        let end = found.end_position;
        let expected = next.or(trailer.map(|summary| summary.end_position)).unwrap_or(end);
        if expected > end {
            let offset = bytes.len() as u64;
            let hole = Hole {
                damage: Damage {
                    segment: segment.path.clone(),
                    offset,
                    lane: None,
                    first: end,
                    resume: expected,
                    reason: "the frames at the end are missing",
                },
                end: offset + HEADER_BYTES as u64,
                timestamp_ms: found.last_timestamp_ms,
                generation: found.generation,
            };
            bytes.resize(hole.end as usize, 0);
            write_gap(segment, &mut bytes, &hole);
            self.lost.push(hole.damage);
        }
        let index = reindexed(segment, &bytes);
        self.replace(segment, bytes, &index, sealed)
    }

    fn replace(&mut self, segment: &Segment, mut bytes: Vec<u8>, index: &Index, sealed: bool) -> Result<()> {
        let frames_end = bytes.len() as u64;
        let footer = footer_bytes(index.summary.frames, index.lanes.len() as u64);
        let needed = (frames_end + HEADER_BYTES as u64 + footer).next_multiple_of(ROUNDING);
        let capacity = segment.header.capacity.max(needed);
        let header = SegmentHeader { capacity, version: REPAIRED_VERSION, ..segment.header };
        let head = header.encode();
        bytes[..head.len()].copy_from_slice(&head);
        bytes.resize(capacity as usize, 0);
        if sealed {
            let (footer, trailer) = encode_footer(index, capacity, &segment.identity);
            bytes[frames_end as usize..][..footer.len()].copy_from_slice(&footer);
            bytes[capacity as usize - trailer.len()..].copy_from_slice(&trailer);
        }
        let new = segment.path.with_extension("repaired.tmp");
        let file = self.place.platform.create(&new).at(&new)?;
        file.allocate(capacity).at(&new)?;
        file.write_all_at(&bytes, 0).at(&new)?;
        file.sync_all().at(&new)?;
        self.keep(&segment.path)?;
        self.place.platform.rename(&new, &segment.path).at(&new)?;
        self.place.sync()?;
        self.rewritten.push(segment.path.clone());
        Ok(())
    }
}

/// For each segment, where the next one starts; for the last, where appending would go on.
fn next_starts(recovered: &Recovered) -> Vec<Option<Position>> {
    let starts = recovered.segments.iter().skip(1).map(|segment| Some(segment.base_position()));
    let end = recovered.segments.last().map(|last| last.summary().end_position);
    let lost_behind = (end < Some(recovered.next_position)).then_some(recovered.next_position);
    starts.chain([lost_behind]).collect()
}

/// Puts a gap frame into the place of what is damaged.
fn write_gap(segment: &Segment, bytes: &mut [u8], hole: &Hole) {
    let Damage { offset, first, resume, .. } = hole.damage;
    let positions = resume.0 - first.0;
    let mut drafts = Drafts::default();
    drafts.push_gap(positions);
    let frame = &mut bytes[offset as usize..hole.end as usize];
    fill_frame(frame, &drafts.bytes);
    let place = Place {
        offset,
        frame_bytes: frame.len() as u32,
        lane: LaneId(0),
        positions,
        kind: Kind::Gap,
        first_position: first,
        timestamp_ms: hole.timestamp_ms,
        generation: hole.generation,
        durable_offset: offset as u32,
    };
    finish_frame(frame, &place, &segment.identity, None);
}

/// The index of the frames in `bytes`, all of which are whole now.
fn reindexed(segment: &Segment, bytes: &[u8]) -> Index {
    let mut index = Index { summary: Summary::of_empty(&segment.header), ..Index::default() };
    let mut at = FIRST_FRAME;
    while let Some(header) = bytes.get(at as usize..).and_then(|rest| decode_header(rest, at, &segment.identity)) {
        index.add(&header.place(at));
        at += header.frame_bytes();
    }
    index
}

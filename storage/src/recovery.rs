//! Opening a log: reads the trailers of sealed segments, scans the unsealed tail, and says what
//! a crash or damage left.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::directory::Directory;
use crate::encryption::{KeyProvider, SegmentCipher};
use crate::error::{Damage, Error, IoContext, Result};
use crate::frame::HEADER_BYTES;
use crate::index::TRAILER_BYTES;
use crate::map::UNREADABLE;
use crate::position::Position;
use crate::scan::Scan;
use crate::segment::Segment;
use crate::segment_header::{FIRST_FRAME, SegmentHeader, segment_path};
use crate::start::{FoundStart, START_FILE, Start};

/// Positions skipped behind a last segment whose header is lost: more than any segment can hold,
/// so that none is given twice.
const POSITIONS_OF_A_LOST_SEGMENT: u64 = 1 << 40;

/// What opening a log found.
#[derive(Debug, Clone, Default)]
pub struct Recovery {
    /// Segments in use.
    pub segments: usize,
    /// Bytes of the unsealed tail that were read.
    pub scanned_bytes: u64,
    /// What was cut off after the last flush, if anything.
    pub torn: Option<TornTail>,
    /// What was durable and can't be read, or is gone: by position, with the file that it was in.
    pub damage: Vec<Damage>,
    /// Where the log begins: positions below were dropped by retention, and what is missing from here
    /// on is damage.
    pub start: Position,
}

/// Bytes at the log's end that were written, but not known to be flushed, when the log was last
/// in use. They were never acknowledged and are ignored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TornTail {
    /// The segment's file.
    pub segment: PathBuf,
    /// Where the valid log ends.
    pub offset: u64,
    /// How far past it something was written.
    pub bytes: u64,
}

/// A log's segments as found on the disk.
#[derive(Debug)]
pub(crate) struct Recovered {
    pub(crate) log_id: Option<[u8; 16]>,
    /// Whether there was nothing at all.
    pub(crate) is_new: bool,
    /// What the directory says of the log's start.
    pub(crate) start: FoundStart,
    /// What is gone in front of the first segment.
    pub(crate) missing: Option<Damage>,
    pub(crate) segments: Vec<Arc<Segment>>,
    /// Whether the last segment can be appended to.
    pub(crate) tail_is_open: bool,
    /// Whether the tail ends with a mark, which proves that all before it was flushed.
    pub(crate) tail_is_proven: bool,
    pub(crate) next_position: Position,
    pub(crate) last_timestamp_ms: u64,
    /// Highest generation seen.
    pub(crate) generation: u32,
    pub(crate) report: Recovery,
}

/// Reads the log in `directory` without changing it. Without `keys`, segments that are encrypted
/// are read as far as that needs no key.
///
/// # Errors
/// When a file can't be read, is of a newer format, belongs to another log, or is encrypted with a
/// key that `keys` does not know. Damage is not an error here: it is reported, and what is whole
/// stays readable.
pub(crate) fn recover(directory: &Directory, keys: Option<&dyn KeyProvider>) -> Result<Recovered> {
    let files = directory.segments()?;
    let start = directory.read_start()?;
    let mut recovered = Recovered {
        log_id: match start {
            FoundStart::Whole(start) => Some(start.log_id),
            FoundStart::Absent | FoundStart::Damaged => None,
        },
        is_new: files.is_empty() && start == FoundStart::Absent,
        start,
        missing: None,
        segments: Vec::new(),
        tail_is_open: false,
        tail_is_proven: true,
        next_position: Position(0),
        last_timestamp_ms: 0,
        generation: 0,
        report: Recovery::default(),
    };
    for (number, (base_position, path)) in files.iter().enumerate() {
        let next = files.get(number + 1).map(|(next, _)| *next);
        match open_segment(directory, path, *base_position, keys)? {
            Ok(segment) => recovered.add(segment, next.is_none())?,
            Err(reason) => recovered.lose_segment(path, *base_position, next, reason),
        }
    }
    recovered.remove_empty_tails();
    recovered.note_missing(directory, files.first().map(|(base, _)| *base), files.last().map(|(base, _)| *base));
    recovered.report.segments = recovered.segments.len();
    Ok(recovered)
}

/// Opens one file, or says why it is not a usable segment.
pub(crate) fn open_segment(
    directory: &Directory,
    path: &Path,
    base_position: Position,
    keys: Option<&dyn KeyProvider>,
) -> Result<std::result::Result<Segment, &'static str>> {
    let file = directory.platform.open(path, false).at(path)?;
    let length = file.len().at(path)?;
    if length < FIRST_FRAME {
        return Ok(Err("the file is shorter than a segment's header"));
    }
    // Read, not mapped: that costs no memory for segments that nobody reads.
    let (mut page, mut trailer) = ([0; FIRST_FRAME as usize], [0; TRAILER_BYTES]);
    match file.read_exact_at(&mut page, 0) {
        Err(error) if error.raw_os_error() == Some(libc::EIO) => {
            return Ok(Err("the disk can't read the segment's header"));
        }
        outcome => outcome.at(path)?,
    }
    match file.read_exact_at(&mut trailer, length - TRAILER_BYTES as u64) {
        // As if it were damaged: the frames are scanned.
        Err(error) if error.raw_os_error() == Some(libc::EIO) => {}
        outcome => outcome.at(path)?,
    }
    let map = file.map().at(path)?;
    let Some(header) = SegmentHeader::decode(&page, path)? else {
        return Ok(Err("both copies of the segment's header are damaged"));
    };
    if header.base_position != base_position {
        return Ok(Err("the file is named for another position than its header states"));
    }
    let random = directory.platform.random() as u64;
    let cipher = cipher_of(&header, path, keys, random)?;
    Ok(Ok(Segment::opened(header, map, path.to_path_buf(), cipher, &trailer)))
}

/// Whether all of the file is there and, as far as it was read, readable.
fn is_whole(segment: &Segment) -> bool {
    segment.map.len() == segment.header.capacity && segment.map.lost().is_none()
}

fn cipher_of(
    header: &SegmentHeader,
    path: &Path,
    keys: Option<&dyn KeyProvider>,
    random: u64,
) -> Result<Option<SegmentCipher>> {
    let (Some(mark), Some(keys)) = (header.key, keys) else { return Ok(None) };
    let unknown = || Error::UnknownKey { path: path.into(), key: mark.id };
    let key = keys.find(mark.id).ok_or_else(unknown)?;
    let cipher = SegmentCipher::new(mark.id, &key, &header.log_id, header.epoch, random);
    if cipher.mark != mark {
        return Err(Error::WrongKey { path: path.into(), key: mark.id });
    }
    Ok(Some(cipher))
}

impl Recovered {
    fn add(&mut self, segment: Segment, is_last: bool) -> Result<()> {
        if *self.log_id.get_or_insert(segment.header.log_id) != segment.header.log_id {
            return Err(Error::ForeignSegment { path: segment.path });
        }
        self.note_gap(segment.base_position());
        if !segment.is_sealed() {
            self.adopt_unsealed(&segment, is_last);
        }
        let summary = segment.summary();
        self.generation = self.generation.max(summary.generation).max(segment.header.generation);
        self.next_position = self.next_position.max(summary.end_position);
        self.last_timestamp_ms = self.last_timestamp_ms.max(summary.last_timestamp_ms);
        self.tail_is_open = !segment.is_sealed() && is_whole(&segment);
        self.segments.push(Arc::new(segment));
        Ok(())
    }

    fn adopt_unsealed(&mut self, segment: &Segment, is_last: bool) {
        let scanned = segment.scan(segment.map.len());
        let mut damage: Vec<Damage> = scanned.damage().collect();
        let Scan { index, torn_bytes, generation, durable_offset, .. } = scanned;
        self.generation = self.generation.max(generation);
        self.report.scanned_bytes += index.summary.frames_end;
        self.tail_is_proven = torn_bytes == 0 && durable_offset + HEADER_BYTES as u64 >= index.summary.frames_end;
        if torn_bytes > 0 {
            self.report.torn =
                Some(TornTail { segment: segment.path.clone(), offset: index.summary.frames_end, bytes: torn_bytes });
        }
        let is_truncated = segment.map.len() < segment.header.capacity;
        if is_truncated || segment.map.has_lost(index.summary.frames_end..segment.map.len()) {
            let end = index.summary.end_position;
            // How much lay past the cut is not known; if a segment follows, its base says.
            let resume = if is_last { end.plus(POSITIONS_OF_A_LOST_SEGMENT) } else { end };
            self.next_position = resume;
            damage.push(Damage {
                segment: segment.path.clone(),
                offset: if is_truncated { segment.map.len() } else { index.summary.frames_end },
                lane: None,
                first: end,
                resume,
                reason: if is_truncated { "the file was truncated" } else { UNREADABLE },
            });
        }
        self.report.damage.extend(damage.iter().cloned());
        segment.adopt(index, durable_offset);
        segment.add_damage(damage);
    }

    /// Reports positions between the segments read so far and one that starts at `base_position`.
    fn note_gap(&mut self, base_position: Position) {
        let Some(before) = self.segments.last() else { return };
        let end = before.summary().end_position;
        // Behind an unsealed segment a gap is what a crash left; see `remove_empty_tails`.
        if end < base_position {
            let gap = Damage {
                segment: before.path.clone(),
                offset: before.summary().frames_end,
                lane: None,
                first: end,
                resume: base_position,
                reason: "the frames up to the next segment are missing",
            };
            before.add_damage([gap.clone()]);
            self.tell(&gap);
        }
    }

    /// Reports segments that were there once and are not now, in front of the others or behind them.
    fn note_missing(&mut self, directory: &Directory, first_file: Option<Position>, last_file: Option<Position>) {
        let start = match self.start {
            FoundStart::Whole(start) => Some(start),
            FoundStart::Damaged => {
                let at = first_file.unwrap_or_default();
                self.report.damage.push(Damage {
                    segment: directory.path.join(START_FILE),
                    offset: 0,
                    lane: None,
                    first: at,
                    resume: at,
                    reason: "both copies of the log's start are damaged; segments may be missing in front",
                });
                None
            }
            FoundStart::Absent => None,
        };
        if let Some(start) = start {
            self.note_missing_tail(directory, &start, last_file);
        }
        let found = self.segments.first().map(|first| first.base_position());
        let begins = start.map(|start| start.start).into_iter().chain(first_file).min();
        self.report.start = begins.unwrap_or_default();
        let (Some(begins), resume) = (begins, found.unwrap_or(self.next_position)) else { return };
        if begins < resume {
            let missing = Damage {
                segment: segment_path(&directory.path, begins),
                offset: 0,
                lane: None,
                first: begins,
                resume,
                reason: "the log's first segments are missing",
            };
            self.tell(&missing);
            self.missing = Some(missing);
        }
    }

    fn note_missing_tail(&mut self, directory: &Directory, start: &Start, last_file: Option<Position>) {
        // A segment is sealed only once the next one is durable, and all that was durable is there.
        let last_sealed = self.segments.last().filter(|last| last.is_sealed()).map(|last| last.base_position());
        let is_gone = last_file.is_none_or(|last| last < start.last || Some(last) == last_sealed);
        if !is_gone {
            return;
        }
        let end = self.next_position;
        self.next_position = end.max(start.last).max(start.start).plus(POSITIONS_OF_A_LOST_SEGMENT);
        self.tail_is_open = false;
        let Some(last) = self.segments.last() else { return };
        let missing = Damage {
            segment: segment_path(&directory.path, end.max(start.last)),
            offset: 0,
            lane: None,
            first: end,
            resume: self.next_position,
            reason: "the log's last segments are missing",
        };
        last.add_damage([missing.clone()]);
        self.tell(&missing);
    }

    /// Reports damage, unless that was told already.
    fn tell(&mut self, damage: &Damage) {
        let is_told = |told: &Damage| told.first <= damage.first && told.resume >= damage.resume;
        if !self.report.damage.iter().any(is_told) {
            self.report.damage.push(damage.clone());
        }
    }

    fn lose_segment(&mut self, path: &Path, base_position: Position, next: Option<Position>, reason: &'static str) {
        let resume = next.unwrap_or(base_position.plus(POSITIONS_OF_A_LOST_SEGMENT));
        let damage = Damage { segment: path.into(), offset: 0, lane: None, first: base_position, resume, reason };
        // If another segment follows, `note_gap` will hide the lost positions from readers.
        if next.is_none() {
            if let Some(before) = self.segments.last() {
                before.add_damage([damage.clone()]);
            }
            self.next_position = resume;
            self.tail_is_open = false;
        }
        self.report.damage.push(damage);
    }

    /// A segment is made before the one in front of it is sealed. If a crash came between, the
    /// new one is empty and the one in front is the real tail.
    fn remove_empty_tails(&mut self) {
        while let [.., before, last] = self.segments.as_slice()
            && self.tail_is_open
            && !before.is_sealed()
            && is_whole(before)
            && last.summary().frames == 0
        {
            let gap_at = before.summary().frames_end;
            self.report.damage.retain(|damage| damage.segment != before.path || damage.offset != gap_at);
            before.forget_damage_at(gap_at);
            self.next_position = before.summary().end_position;
            self.segments.pop();
        }
    }

    /// Removes the files of empty segments that [`recover`] passed over.
    pub(crate) fn remove_unused_files(&self, directory: &Directory) -> Result<()> {
        let Some(last) = self.segments.last().filter(|_| self.tail_is_open) else { return Ok(()) };
        let mut unused = directory.segments()?;
        unused.retain(|(base_position, _)| *base_position > last.base_position());
        if unused.is_empty() {
            return Ok(());
        }
        let syncer = directory.syncer()?;
        if let FoundStart::Whole(start) = self.start
            && start.last > last.base_position()
        {
            // What is removed on purpose must not be missed.
            directory.write_start(&Start { last: last.base_position(), ..start }, &syncer)?;
        }
        for (_, path) in unused {
            directory.remove(&path)?;
            syncer.sync()?;
        }
        Ok(())
    }
}

//! Looking at a log on disk while nobody has it open: figures, contents, and a check of every
//! byte that has a checksum. Nothing is changed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::directory::Directory;
use crate::encryption::KeyProvider;
use crate::error::{Damage, Error, Result};
use crate::frame::records;
use crate::index::TRAILER_BYTES;
use crate::maps::checked;
use crate::platform::{LocalPlatform, Platform};
use crate::position::{LaneId, Position};
use crate::recovery::{Recovered, Recovery, recover};
use crate::segment::Segment;
use crate::start::FoundStart;

/// What a log on disk consists of.
#[derive(Debug, Clone)]
pub struct LogStat {
    /// The log's id, the same in all its segments.
    pub log_id: Option<[u8; 16]>,
    /// Its segments, in order.
    pub segments: Vec<SegmentStat>,
    /// Its lanes.
    pub lanes: BTreeMap<LaneId, LaneStat>,
    /// What opening it would report.
    pub recovery: Recovery,
}

/// One segment.
#[derive(Debug, Clone)]
pub struct SegmentStat {
    /// Its file.
    pub path: PathBuf,
    /// First position it may hold.
    pub base: Position,
    /// First position after its last record.
    pub end: Position,
    /// Size of the file in bytes.
    pub capacity: u64,
    /// Bytes of it that header and frames take.
    pub used: u64,
    /// Frames, marks included.
    pub frames: u64,
    /// Records.
    pub records: u64,
    /// When it was made, in milliseconds since the Unix epoch.
    pub created_ms: u64,
    /// Time of its latest record.
    pub last_timestamp_ms: u64,
    /// Whether it has a footer.
    pub sealed: bool,
}

/// One lane over all segments.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LaneStat {
    /// Frames.
    pub frames: u64,
    /// Records.
    pub records: u64,
}

/// Result of [`verify`].
#[derive(Debug, Clone)]
pub struct Verification {
    /// What the log consists of.
    pub stat: LogStat,
    /// Frames whose checksums hold.
    pub frames_verified: u64,
    /// Records in them.
    pub records_verified: u64,
    /// Bytes of them, as stored.
    pub bytes_verified: u64,
    /// All that does not hold, in order.
    pub problems: Vec<Damage>,
}

/// One record, for [`dump`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DumpedRecord {
    /// Its lane.
    pub lane: LaneId,
    /// Its position.
    pub position: Position,
    /// Its time in milliseconds since the Unix epoch.
    pub timestamp_ms: u64,
    /// Its bytes.
    pub data: Vec<u8>,
}

/// Reads what the log in `directory` consists of.
///
/// # Errors
/// [`Error::Locked`] when the log is in use, [`Error::NoLog`] when there is none, or what
/// [`crate::Log::open`] errs with.
pub fn stat(directory: &Path) -> Result<LogStat> {
    inspect(Arc::new(LocalPlatform), directory, None, |recovered| Ok(stat_of(recovered)))
}

/// Checks every header, frame and footer of the log in `directory`.
///
/// # Errors
/// As [`stat`]. Damage is not an error but part of the result.
pub fn verify(directory: &Path) -> Result<Verification> {
    verify_on(Arc::new(LocalPlatform), directory, None)
}

/// As [`verify`], on any machine, and with `keys` so that what is encrypted is decrypted too.
///
/// # Errors
/// As [`verify`], and [`Error::UnknownKey`] or [`Error::WrongKey`] where `keys` does not have what
/// it takes.
pub fn verify_on(
    platform: Arc<dyn Platform>,
    directory: &Path,
    keys: Option<&dyn KeyProvider>,
) -> Result<Verification> {
    inspect(platform, directory, keys, |recovered| {
        let mut verification = Verification {
            stat: stat_of(recovered),
            frames_verified: 0,
            records_verified: 0,
            bytes_verified: 0,
            problems: recovered.report.damage.clone(),
        };
        for (number, segment) in recovered.segments.iter().enumerate() {
            verify_segment(segment, &mut verification);
            let followed = recovered.segments.get(number + 1).is_some_and(|next| next.summary().frames > 0);
            if followed && !segment.is_sealed() {
                let offset = segment.map.len().saturating_sub(TRAILER_BYTES as u64);
                verification.problems.push(problem(segment, offset, "the trailer is damaged"));
            }
        }
        Ok(verification)
    })
}

/// Hands each record of the log to `visit`, lane by lane within each segment, in order.
///
/// # Errors
/// As [`stat`], and [`Error::Damaged`] at the first frame that does not hold.
pub fn dump(directory: &Path, lane: Option<LaneId>, mut visit: impl FnMut(DumpedRecord)) -> Result<()> {
    inspect(Arc::new(LocalPlatform), directory, None, |recovered| {
        for segment in &recovered.segments {
            for (found, ..) in segment.lanes().into_iter().filter(|(found, ..)| lane.is_none_or(|lane| lane == *found))
            {
                dump_lane(segment, found, &mut visit)?;
            }
        }
        Ok(())
    })
}

fn inspect<T>(
    platform: Arc<dyn Platform>,
    directory: &Path,
    keys: Option<&dyn KeyProvider>,
    work: impl FnOnce(&Recovered) -> Result<T>,
) -> Result<T> {
    let directory = Directory::new(platform, directory, 0);
    if directory.segments()?.is_empty() && directory.read_start()? == FoundStart::Absent {
        return Err(Error::NoLog { path: directory.path });
    }
    let _lock = directory.lock()?;
    checked(|| work(&recover(&directory, keys)?))
}

fn stat_of(recovered: &Recovered) -> LogStat {
    let mut lanes: BTreeMap<LaneId, LaneStat> = BTreeMap::new();
    for (lane, frames, records) in recovered.segments.iter().flat_map(|segment| segment.lanes()) {
        let stat = lanes.entry(lane).or_default();
        stat.frames += frames;
        stat.records += records;
    }
    LogStat {
        log_id: recovered.log_id,
        segments: recovered.segments.iter().map(|segment| segment_stat(segment)).collect(),
        lanes,
        recovery: recovered.report.clone(),
    }
}

fn segment_stat(segment: &Segment) -> SegmentStat {
    let summary = segment.summary();
    SegmentStat {
        path: segment.path.clone(),
        base: segment.base_position(),
        end: summary.end_position,
        capacity: segment.header.capacity,
        used: summary.frames_end,
        frames: summary.frames,
        records: summary.records,
        created_ms: segment.header.created_ms,
        last_timestamp_ms: summary.last_timestamp_ms,
        sealed: segment.is_sealed(),
    }
}

/// What is wrong with a segment without costing any record.
fn problem(segment: &Segment, offset: u64, reason: &'static str) -> Damage {
    let end = segment.summary().end_position;
    Damage { segment: segment.path.clone(), offset, lane: None, first: end, resume: end, reason }
}

fn verify_segment(segment: &Arc<Segment>, verification: &mut Verification) {
    let summary = segment.summary();
    if !segment.header.is_whole(segment.map.from(0)) {
        verification.problems.push(problem(segment, 0, "the segment's header, or one of its two copies, is damaged"));
    }
    if !segment.footer_holds() {
        verification.problems.push(problem(segment, summary.frames_end, "the footer does not match its checksum"));
    }
    let scanned = segment.scan(if segment.is_sealed() { summary.frames_end } else { segment.map.len() });
    for damage in scanned.damage() {
        if !verification.problems.contains(&damage) {
            verification.problems.push(damage);
        }
    }
    let (found, lanes) = (&scanned.index, segment.lanes());
    let lane_agrees = |lane: LaneId| {
        let stored = segment.entries(lane, Position(0), usize::MAX);
        found.lanes.get(&lane).is_some_and(|frames| *frames == stored)
    };
    let agrees = found.summary.frames == summary.frames
        && found.summary.end_position == summary.end_position
        && found.summary.records == summary.records
        && found.summary.last_timestamp_ms == summary.last_timestamp_ms
        && found.lanes.len() == lanes.len()
        && lanes.iter().all(|(lane, ..)| lane_agrees(*lane));
    if !agrees {
        verification.problems.push(problem(segment, summary.frames_end, "the index does not agree with the frames"));
    }
    for (lane, ..) in lanes {
        for entry in segment.entries(lane, Position(0), usize::MAX) {
            verify_frame(segment, lane, &entry, verification);
        }
    }
}

fn verify_frame(segment: &Segment, lane: LaneId, entry: &crate::index::Entry, verification: &mut Verification) {
    let problem = |reason| segment.damage_of(entry, lane, reason);
    let found = match checked_records(segment, lane, entry) {
        Ok((header, payload)) => {
            let (count, bytes) = records(&payload).fold((0, 0), |(count, bytes), record| {
                (count + 1, bytes + crate::frame::RECORD_PREFIX_BYTES + record.len())
            });
            verification.frames_verified += 1;
            verification.records_verified += count;
            verification.bytes_verified += u64::from(header.stored_bytes);
            let whole = count == u64::from(header.records) && bytes == payload.len();
            (!whole).then(|| problem("the records do not fill the frame's payload"))
        }
        // Its checksum covers what is encrypted; no more can be said without the key.
        Err(Error::UnknownKey { .. }) => {
            verification.frames_verified += 1;
            verification.records_verified += u64::from(entry.records);
            None
        }
        Err(Error::Damaged(damage)) => Some(damage),
        Err(_) => Some(problem("the frame can't be read")),
    };
    let known = |damage: &Damage| {
        verification.problems.iter().any(|p| p.segment == damage.segment && p.offset == damage.offset)
    };
    if let Some(damage) = found.filter(|damage| !known(damage)) {
        verification.problems.push(damage);
    }
}

fn checked_records(
    segment: &Segment,
    lane: LaneId,
    entry: &crate::index::Entry,
) -> Result<(crate::frame::Header, Vec<u8>)> {
    let (header, stored) = segment.frame(entry, lane)?;
    let payload = segment.decoded(entry, lane, &header, stored)?;
    Ok((header, payload.unwrap_or_else(|| stored.to_vec())))
}

fn dump_lane(segment: &Segment, lane: LaneId, visit: &mut impl FnMut(DumpedRecord)) -> Result<()> {
    for entry in segment.entries(lane, Position(0), usize::MAX) {
        let (header, payload) = checked_records(segment, lane, &entry)?;
        for (number, data) in records(&payload).enumerate() {
            visit(DumpedRecord {
                lane,
                position: header.first_position.plus(number as u64),
                timestamp_ms: header.timestamp_ms,
                data: data.to_vec(),
            });
        }
    }
    Ok(())
}

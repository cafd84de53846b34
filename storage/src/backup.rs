//! A consistent copy of a log that goes on being written to: hard links of sealed segments, and a
//! copy of what the unsealed tail holds.

use std::io;
use std::path::Path;

use crate::core::{Core, SegmentList};
use crate::directory::Directory;
use crate::error::{Error, IoContext, Result};
use crate::frame::HEADER_BYTES;
use crate::maps::checked;
use crate::platform::Platform;
use crate::position::Position;
use crate::segment::Segment;
use crate::start::Start;

/// Bytes that are copied at a time.
const COPY_BYTES: usize = 1 << 20;

/// What a backup consists of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backup {
    /// The earliest position that it holds.
    pub start: Position,
    /// All records below this position are in it.
    pub end: Position,
    /// Segments that share their files with the log.
    pub segments_linked: usize,
    /// Segments that were copied: those not sealed yet, or all if the target is on another disk.
    pub segments_copied: usize,
    /// Bytes that were copied.
    pub bytes_copied: u64,
}

/// Makes the backup next to `target` and gives it its name when it is whole.
pub(crate) fn backup(core: &Core, target: &Path) -> Result<Backup> {
    let _dropping = core.dropping.lock();
    core.check_open()?;
    let platform = &*core.directory.platform;
    if platform.exists(target) {
        return Err(Error::Target { path: target.into(), reason: "exists already" });
    }
    let partial = target.with_added_extension("partial");
    platform.create_directory(&partial).at(&partial)?;
    // Left over from an interrupted attempt.
    for name in platform.list(&partial).at(&partial)? {
        let path = partial.join(name);
        platform.remove(&path).at(&path)?;
    }
    let backup = checked(|| fill(core, &partial))?;
    platform.sync_directory(&partial).at(&partial)?;
    let beside = platform.open_directory(target.parent().unwrap_or(Path::new("."))).at(target)?;
    platform.rename(&partial, target).at(target)?;
    beside.sync().at(target)?;
    Ok(backup)
}

fn fill(core: &Core, partial: &Path) -> Result<Backup> {
    let segments = sealed_up_to_the_last(core)?;
    // The last grows meanwhile: what is copied ends where it ended now.
    let last = segments.last().map(|segment| segment.summary());
    let mut backup = Backup {
        start: segments.first().map_or(Position(0), |segment| segment.base_position()),
        end: last.as_ref().map_or(Position(0), |last| last.end_position),
        segments_linked: 0,
        segments_copied: 0,
        bytes_copied: 0,
    };
    let copy_of_it = Directory::new(core.directory.platform.clone(), partial, 0);
    let last_base = segments.last().map_or(backup.start, |last| last.base_position());
    let start = Start { log_id: core.log_id, start: backup.start, last: last_base };
    copy_of_it.write_start(&start, &copy_of_it.syncer()?)?;
    let until = last.map_or(0, |last| last.frames_end);
    for (at, segment) in segments.iter().enumerate() {
        let Some(name) = segment.path.file_name() else { continue };
        let path = partial.join(name);
        let is_sealed = at + 1 < segments.len();
        if is_sealed && link(&*core.directory.platform, &segment.path, &path)? {
            backup.segments_linked += 1;
        } else {
            let until = if is_sealed { segment.map.len() } else { until };
            copy(&*core.directory.platform, segment, until, &path)?;
            backup.segments_copied += 1;
            backup.bytes_copied += until;
        }
    }
    Ok(backup)
}

/// The log's segments at a moment when all but the last are sealed.
fn sealed_up_to_the_last(core: &Core) -> Result<SegmentList> {
    let all_sealed = || core.segment_list().iter().rev().skip(1).all(|segment| segment.is_sealed());
    let _writer = core.flush_until(core.writer.lock(), |_| all_sealed())?;
    Ok(core.segment_list())
}

/// False if the two are on different disks.
fn link(platform: &dyn Platform, from: &Path, to: &Path) -> Result<bool> {
    match platform.link(from, to) {
        Err(error) if error.kind() == io::ErrorKind::CrossesDevices => Ok(false),
        outcome => outcome.map(|()| true).at(to),
    }
}

/// Copies a segment's bytes below `until`; behind them the copy is empty, and has all its room.
fn copy(platform: &dyn Platform, segment: &Segment, until: u64, path: &Path) -> Result<()> {
    let file = platform.create(path).at(path)?;
    file.allocate(segment.header.capacity).at(path)?;
    file.set_len(segment.header.capacity).at(path)?;
    for at in (0..until).step_by(COPY_BYTES) {
        // By way of memory, since a system call would not survive a page that can't be read: it is
        // damage in the copy, too.
        let bytes = segment.map.bytes(at..until.min(at + COPY_BYTES as u64)).unwrap_or(&[]).to_vec();
        file.write_all_at(&bytes, at).at(path)?;
    }
    if until < segment.header.capacity {
        let room = (segment.header.capacity - until).min(HEADER_BYTES as u64);
        file.write_all_at(&[0; HEADER_BYTES][..room as usize], until).at(path)?;
    }
    file.sync_all().at(path)
}

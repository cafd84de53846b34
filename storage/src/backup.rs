//! A consistent copy of a log that goes on being written to: hard links of sealed segments, and a
//! copy of what the unsealed tail holds.

use std::io;
use std::path::Path;
use std::sync::Arc;

use crate::core::{Core, SegmentList};
use crate::error::{Error, IoContext, Result};
use crate::frame::HEADER_BYTES;
use crate::platform::Platform;
use crate::position::Position;
use crate::segment::Segment;

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
    let platform = &*core.directory.platform;
    if platform.exists(target) {
        return Err(Error::Target { path: target.into(), reason: "exists already" });
    }
    let partial = target.with_added_extension("partial");
    platform.create_directory(&partial).at(&partial)?;
    // What an attempt that was cut short left.
    for name in platform.list(&partial).at(&partial)? {
        let path = partial.join(name);
        platform.remove(&path).at(&path)?;
    }
    let backup = fill(core, &partial)?;
    platform.sync_directory(&partial).at(&partial)?;
    platform.rename(&partial, target).at(target)?;
    platform.sync_directory(target.parent().unwrap_or(Path::new("."))).at(target)?;
    Ok(backup)
}

fn fill(core: &Core, partial: &Path) -> Result<Backup> {
    let _dropping = core.dropping.lock();
    let segments = sealed_up_to_the_last(core)?;
    // From the last to the first: a segment looked at later holds all that came before what was
    // seen in the one behind it.
    let snapshot: Vec<(&Arc<Segment>, bool, u64, Position)> = segments
        .iter()
        .rev()
        .map(|segment| {
            let (sealed, summary) = (segment.is_sealed(), segment.summary());
            (segment, sealed, summary.frames_end, summary.end_position)
        })
        .collect();
    let mut backup = Backup {
        start: segments.first().map_or(Position(0), |segment| segment.base_position()),
        end: snapshot.first().map_or(Position(0), |(.., end)| *end),
        segments_linked: 0,
        segments_copied: 0,
        bytes_copied: 0,
    };
    for (segment, sealed, frames_end, _) in snapshot.into_iter().rev() {
        let Some(name) = segment.path.file_name() else { continue };
        let path = partial.join(name);
        if sealed && link(&*core.directory.platform, &segment.path, &path)? {
            backup.segments_linked += 1;
        } else {
            let until = if sealed { segment.map.len() } else { frames_end };
            copy(&*core.directory.platform, segment, until, &path)?;
            backup.segments_copied += 1;
            backup.bytes_copied += until;
        }
    }
    Ok(backup)
}

/// The log's segments at a moment when all but the last are sealed.
fn sealed_up_to_the_last(core: &Core) -> Result<SegmentList> {
    let mut writer = core.writer.lock();
    loop {
        let segments = core.segment_list();
        if segments.iter().rev().skip(1).all(|segment| segment.is_sealed()) {
            return Ok(segments);
        }
        core.check_poison()?;
        if writer.flushing {
            core.flushed.wait(&mut writer);
        } else {
            writer = core.flush_pending(writer);
        }
    }
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
    let bytes = segment.map.bytes(0..until).unwrap_or(&[]);
    file.write_all_at(bytes, 0).at(path)?;
    if until < segment.header.capacity {
        let room = (segment.header.capacity - until).min(HEADER_BYTES as u64);
        file.write_all_at(&[0; HEADER_BYTES][..room as usize], until).at(path)?;
    }
    file.sync_all().at(path)
}

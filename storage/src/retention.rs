//! Dropping what is no longer kept: whole segments, from the front.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::core::Core;
use crate::error::Result;
use crate::index::Summary;
use crate::segment::Segment;

/// Drops leading segments for which `expired` holds, and returns how many. The segment written to
/// is sealed first if it is expired too, so that a quiet log gives its space back.
pub(crate) fn trim(core: &Core, expired: impl Fn(&Summary) -> bool) -> Result<usize> {
    let all_expired = {
        let segments = core.segment_list();
        segments.iter().all(|segment| expired(&segment.summary()))
            && segments.last().is_some_and(|last| last.summary().records > 0)
    };
    if all_expired {
        let mut writer = core.writer.lock();
        if !writer.has_work() && !writer.flushing && writer.next_position() == core.visible.load(Ordering::Acquire) {
            writer.roll_for_trim(core)?;
            drop(core.flush_pending(writer));
            core.check_poison()?;
        }
    }
    let _dropping = core.dropping.lock();
    let dropped = take_expired(core, expired);
    let count = dropped.len();
    let mut recycled = Vec::new();
    for segment in dropped {
        let (path, capacity) = (segment.path.clone(), segment.header.capacity);
        // A reader may still look at the map; then the file must not be written to again.
        match Arc::try_unwrap(segment) {
            Ok(segment) => {
                drop(segment);
                recycled.extend(core.directory.recycle(&path, capacity)?);
            }
            Err(_) => core.directory.remove(&path)?,
        }
        // One at a time: a power cut may undo any of several removals, and a hole between
        // segments would look like damage.
        core.directory.sync()?;
    }
    core.directory.add_spares(recycled);
    Ok(count)
}

fn take_expired(core: &Core, expired: impl Fn(&Summary) -> bool) -> Vec<Arc<Segment>> {
    let mut list = core.segments.write();
    let kept_from = list
        .iter()
        .take(list.len() - 1)
        .take_while(|segment| segment.is_sealed() && expired(&segment.summary()))
        .count();
    let dropped = list[..kept_from].to_vec();
    if kept_from > 0 {
        *list = Arc::new(list[kept_from..].to_vec());
    }
    dropped
}

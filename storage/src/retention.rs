//! Dropping what is no longer kept: whole segments, from the front.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::core::Core;
use crate::directory::{recycle, sync_directory};
use crate::error::{IoContext, Result};
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
    let dropped = take_expired(core, expired);
    let count = dropped.len();
    for segment in dropped {
        let path = segment.path.clone();
        // A reader may still look at the map; then the file must not be written to again.
        match Arc::try_unwrap(segment) {
            Ok(segment) => {
                drop(segment);
                recycle(&core.directory, &path).at(&path)?;
            }
            Err(_) => std::fs::remove_file(&path).at(&path)?,
        }
    }
    if count > 0 {
        sync_directory(&core.directory)?;
    }
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

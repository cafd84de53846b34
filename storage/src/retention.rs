//! Dropping what is no longer kept: whole segments, from the front.

use std::sync::Arc;

use crate::core::Core;
use crate::directory::Recycled;
use crate::error::Result;
use crate::faults::{Fault, committed};
use crate::index::Summary;
use crate::position::Position;
use crate::segment::Segment;
use crate::start::Start;
use crate::sync::atomic::Ordering;

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
        core.check_open()?;
        if !writer.has_work() && !writer.flushing && writer.next_position() == core.visible.load(Ordering::Acquire) {
            core.roll_for_trim(&mut writer)?;
            drop(core.flush_pending(writer));
            core.check_poison()?;
        }
    }
    let _dropping = core.dropping.lock();
    core.check_open()?;
    let mut recycled = Vec::new();
    let outcome = drop_expired(core, expired, &mut recycled);
    // All but the one that failed are durable.
    core.directory.add_spares(recycled);
    outcome
}

/// Drops one segment after the other. A power cut may undo any of several removals at once, and a
/// hole between segments would look like damage: so each is made durable before the next.
fn drop_expired(core: &Core, expired: impl Fn(&Summary) -> bool, recycled: &mut Vec<Recycled>) -> Result<usize> {
    let mut count = 0;
    if !first_is_expired(core, &expired) {
        return Ok(0);
    }
    let syncer = core.directory.syncer()?;
    let start = start_without(core, &expired);
    if !committed(Fault::DropUnannounced) {
        core.directory.write_start(&start, &syncer)?;
    }
    *core.start.lock() = start;
    // Others may have become droppable meanwhile; they were not announced.
    while let Some(segment) = take_first_below(core, start.start) {
        core.check_poison()?;
        // Someone may still look at the map, even who read before the log was closed and opened
        // again; then the file must not be written to again.
        let removed = if Arc::strong_count(&segment) == 1 && segment.map.is_only_view() {
            core.directory.recycle(&segment.path, segment.header.capacity)
        } else {
            core.directory.remove(&segment.path).map(|()| None)
        };
        let removed = removed.inspect_err(|_| put_back(core, segment))?;
        syncer.sync().inspect_err(|error| core.poison(error))?;
        recycled.extend(removed);
        count += 1;
        *core.missing.lock() = None;
    }
    Ok(count)
}

/// Where the log begins once all leading segments that are expired are dropped.
fn start_without(core: &Core, expired: impl Fn(&Summary) -> bool) -> Start {
    let segments = core.segment_list();
    let before = *core.start.lock();
    let [leading @ .., last] = segments.as_slice() else { return before };
    let first = leading.iter().find(|segment| !segment.is_sealed() || !expired(&segment.summary())).unwrap_or(last);
    Start { start: first.base_position(), last: last.base_position(), ..before }
}

/// Whether there is a first segment to drop. The last, which is written to, never is.
fn first_is_expired(core: &Core, expired: impl Fn(&Summary) -> bool) -> bool {
    matches!(core.segment_list().as_slice(), [first, _, ..] if first.is_sealed() && expired(&first.summary()))
}

fn take_first_below(core: &Core, start: Position) -> Option<Arc<Segment>> {
    let mut list = core.segments.write();
    let [first, rest @ ..] = list.as_slice() else { return None };
    let first = Some(first.clone()).filter(|first| first.base_position() < start)?;
    *list = Arc::new(rest.to_vec());
    Some(first)
}

fn put_back(core: &Core, segment: Arc<Segment>) {
    let mut list = core.segments.write();
    let rest = list.iter().cloned();
    *list = Arc::new(std::iter::once(segment).chain(rest).collect());
}

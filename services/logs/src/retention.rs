//! Removes events that groups no longer keep, by whole segments. What is expired is not shown,
//! whether its segment is gone or not.

use std::sync::Arc;

use crate::error::StoreError;
use crate::group::Group;
use crate::limits::{EVENT_AHEAD_MS_MAX, RETENTION_ROUND};
use crate::put::kept_from_ms;
use crate::shared::Shared;

/// Looks through the groups now and then, for ever.
pub(crate) async fn run(shared: Arc<Shared>) {
    loop {
        shared.store.clock.sleep(RETENTION_ROUND).await;
        for group in shared.groups.all() {
            if group.row().retention_days.is_none() {
                continue;
            }
            let trimming = group.clone();
            let trimmed = shared.blocking(move |shared| Ok(trim(shared, &trimming)?)).await;
            if let Err(error) = trimmed {
                tracing::warn!(group = group.row().name, %error, "expired events stay");
            }
        }
    }
}

/// Drops the segments of a group that hold only expired events; returns how many.
pub(crate) fn trim(shared: &Shared, group: &Arc<Group>) -> Result<usize, StoreError> {
    let row = group.row();
    if row.retention_days.is_none() {
        return Ok(0);
    }
    let kept_from_ms = kept_from_ms(&row, shared.store.clock.now_ms());
    // The log knows when events came, which may be so much before they happened.
    Ok(group.log(&shared.store)?.log.trim_before(kept_from_ms.saturating_sub(EVENT_AHEAD_MS_MAX))?)
}

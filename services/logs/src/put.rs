//! Puts events into a stream: which are taken, their way to the disk, and who is told of them.

use std::sync::Arc;

use anabranch_protocol::ApiError;
use serde::Serialize;

use crate::batch::{LogEvent, encode};
use crate::error::StoreError;
use crate::group::{Group, LiveBatch};
use crate::limits::{EVENT_AGE_MS_MAX, EVENT_AHEAD_MS_MAX};
use crate::shared::Shared;
use crate::stored::StoredGroup;

/// Milliseconds of a day.
const DAY_MS: u64 = 24 * 3_600_000;

/// Which events were not taken, by their place in the request (`RejectedLogEventsInfo`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Rejected {
    /// This and all behind it are too far ahead.
    #[serde(skip_serializing_if = "Option::is_none")]
    too_new_log_event_start_index: Option<usize>,
    /// All before this are too old.
    #[serde(skip_serializing_if = "Option::is_none")]
    too_old_log_event_end_index: Option<usize>,
    /// All before this are older than the group keeps events.
    #[serde(skip_serializing_if = "Option::is_none")]
    expired_log_event_end_index: Option<usize>,
}

/// What became of a put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Put {
    /// The position behind it.
    pub(crate) end: u64,
    pub(crate) rejected: Option<Rejected>,
}

/// The earliest time of events that a group still shows.
pub(crate) fn kept_from_ms(row: &StoredGroup, now_ms: u64) -> u64 {
    row.retention_days.map_or(0, |days| now_ms.saturating_sub(u64::from(days) * DAY_MS))
}

/// Keeps of events in order of their time those that are neither too old nor too new.
fn select(row: &StoredGroup, now_ms: u64, events: &mut Vec<LogEvent>) -> Option<Rejected> {
    let before = |limit_ms: u64| events.partition_point(|event| event.timestamp_ms < limit_ms);
    let too_old = before(now_ms.saturating_sub(EVENT_AGE_MS_MAX));
    let expired = before(kept_from_ms(row, now_ms));
    let too_new = before(now_ms.saturating_add(EVENT_AHEAD_MS_MAX).saturating_add(1));
    let rejected = Rejected {
        too_new_log_event_start_index: (too_new < events.len()).then_some(too_new),
        too_old_log_event_end_index: (too_old > 0).then_some(too_old),
        // Those that are too old anyhow are not told a second time.
        expired_log_event_end_index: (expired > too_old).then_some(expired),
    };
    events.truncate(too_new);
    events.drain(..too_old.max(expired).min(events.len()));
    (rejected != Rejected::default()).then_some(rejected)
}

impl Shared {
    /// Puts `events`, which are in order of their time, and returns once they are on the disk.
    pub(crate) async fn put(
        self: &Arc<Self>,
        group: Arc<Group>,
        stream: String,
        mut events: Vec<LogEvent>,
    ) -> Result<Put, ApiError> {
        let now_ms = self.store.clock.now_ms();
        let rejected = select(&group.row(), now_ms, &mut events);
        if events.is_empty() {
            let stream_name = stream.clone();
            let found = self.blocking(move |shared| Ok(group.log(&shared.store)?.stream(&stream_name)?)).await?;
            return found.map(|stream| Put { end: stream.end, rejected }).ok_or_else(|| StoreError::NoStream.into());
        }
        let (putting, name) = (group.clone(), stream.clone());
        // Appending waits for the disk where room has to be made.
        let (log, appended, events) = self
            .blocking(move |shared| {
                let log = putting.log(&shared.store)?;
                let appended = log.append(&name, now_ms, &encode(&events))?;
                Ok((log, appended, events))
            })
            .await?;
        let ingestion_ms = appended.acknowledgement.timestamp_ms();
        let end = appended.position + 1;
        appended.acknowledgement.await.map_err(StoreError::from)?;
        group.is_durable(end);
        group.show(|| LiveBatch { stream, ingestion_ms, events: Arc::new(events) });
        if appended.is_due {
            self.blocking(move |shared| {
                if let Err(error) = group.checkpoint(&shared.store, &log) {
                    tracing::warn!(group = %group.id, %error, "what is known of log streams is not stored");
                }
                Ok(())
            })
            .await?;
        }
        Ok(Put { end, rejected })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use anabranch_protocol::RequestContext;

    use crate::new_group::new_group;

    const NOW_MS: u64 = 1_700_000_000_000;

    #[test]
    fn old_and_new_events_are_told_by_their_places() {
        let select_from = |days: Option<u32>, ages_ms: &[i64]| {
            let event =
                |age: &i64| LogEvent { timestamp_ms: NOW_MS.saturating_add_signed(-age), message: String::new() };
            let mut events: Vec<_> = ages_ms.iter().map(event).collect();
            let rejected = select(
                &StoredGroup { retention_days: days, ..new_group(&RequestContext::default(), "g".into(), 0) },
                NOW_MS,
                &mut events,
            );
            (events.len(), rejected.unwrap_or_default())
        };
        let day = DAY_MS as i64;
        assert_eq!(select_from(None, &[day, 0, -1]), (3, Rejected::default()));
        let (kept, rejected) =
            select_from(Some(3), &[15 * day, 14 * day, 4 * day, 0, -2 * 3_600_000, -2 * 3_600_000 - 1]);
        let expected = Rejected {
            too_new_log_event_start_index: Some(5),
            too_old_log_event_end_index: Some(1),
            expired_log_event_end_index: Some(3),
        };
        assert_eq!((kept, rejected), (2, expected));
        assert_eq!(select_from(None, &[15 * day]).0, 0);
    }
}

//! The rule that IncreaseStreamRetentionPeriod and DecreaseStreamRetentionPeriod share.

use std::sync::atomic::Ordering;

use anabranch_protocol::{Integer, RequestContext, Violations};
use serde::Deserialize;

use super::addressed::Addressed;
use super::stream_reference::StreamReference;
use crate::error::{Error, RequestError};
use crate::limits::{RETENTION_HOURS_MAX, RETENTION_HOURS_MIN};
use crate::service::Streams;

/// What the model allows; the operations narrow it (`RetentionPeriodHours`).
const HOURS: Integer = Integer { min: i32::MIN as i64, max: i32::MAX as i64 };

pub(super) type RetentionRequest = Addressed<StreamReference, Retention>;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Retention {
    retention_period_hours: Option<i64>,
}

/// Which way the period may move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    Up,
    Down,
}

pub(super) fn set_retention(
    streams: &Streams,
    context: &RequestContext,
    Addressed(stream, request): &RetentionRequest,
    direction: Direction,
) -> Result<(), Error> {
    let mut violations = Violations::default();
    stream.check(&mut violations);
    violations.required_integer("retentionPeriodHours", request.retention_period_hours, &HOURS);
    violations.finish()?;
    let hours = request.retention_period_hours.unwrap_or_default();
    if hours < RETENTION_HOURS_MIN {
        return Err(RequestError::RetentionTooShort { hours }.into());
    }
    if hours > RETENTION_HOURS_MAX {
        return Err(RequestError::RetentionTooLong { hours }.into());
    }
    let stream = stream.find(streams, context)?;
    // A shorter period may let the log drop something earlier than was thought.
    stream.trim_due_ms.store(0, Ordering::Relaxed);
    streams.registry.change(&stream, |state, now_ms| {
        let now = i64::from(state.retention_hours);
        let (comparison, other) = match direction {
            Direction::Up if hours < now => ("shorter", "Decrease"),
            Direction::Down if hours > now => ("longer", "Increase"),
            _ => {
                state.set_retention(hours as u32, now_ms);
                return Ok(());
            }
        };
        let stream = state.key.name.clone();
        Err(RequestError::RetentionTheOtherWay { hours, now, stream, comparison, other }.into())
    })
}

//! IncreaseStreamRetentionPeriod.

use anabranch_protocol::{ApiError, RequestContext};

use super::retention::{Direction, RetentionRequest, set_retention};
use crate::service::Streams;

/// Keeps records longer. What expired before stays expired, as far as its segment is dropped.
pub(super) fn increase_stream_retention_period(
    streams: &Streams,
    context: &RequestContext,
    request: RetentionRequest,
) -> Result<(), ApiError> {
    set_retention(streams, context, &request, Direction::Up)
}

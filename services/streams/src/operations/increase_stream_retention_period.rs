//! IncreaseStreamRetentionPeriod.

use anabranch_protocol::RequestContext;

use super::retention::{Direction, RetentionRequest, set_retention};
use crate::error::Error;
use crate::service::Streams;

/// Keeps records longer. What expired before stays expired, as far as its segment is dropped.
pub(super) fn increase_stream_retention_period(
    streams: &Streams,
    context: &RequestContext,
    request: RetentionRequest,
) -> Result<(), Error> {
    set_retention(streams, context, &request, Direction::Up)
}

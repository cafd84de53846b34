//! DecreaseStreamRetentionPeriod.

use anabranch_protocol::RequestContext;

use super::retention::{Direction, RetentionRequest, set_retention};
use crate::error::Error;
use crate::service::Streams;

/// Shortens the retention period. Older records are out of reach at once.
pub(super) fn decrease_stream_retention_period(
    streams: &Streams,
    context: &RequestContext,
    request: RetentionRequest,
) -> Result<(), Error> {
    set_retention(streams, context, &request, Direction::Down)
}

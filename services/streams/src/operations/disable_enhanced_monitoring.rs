//! DisableEnhancedMonitoring.

use anabranch_protocol::RequestContext;

use super::enhanced_monitoring::{EnhancedMonitoringAnswer, EnhancedMonitoringRequest, set_metrics};
use crate::error::Error;
use crate::service::Streams;

/// Records which metrics a stream no longer reports by shard.
pub(super) fn disable_enhanced_monitoring(
    streams: &Streams,
    context: &RequestContext,
    request: EnhancedMonitoringRequest,
) -> Result<EnhancedMonitoringAnswer, Error> {
    set_metrics(streams, context, request, false)
}

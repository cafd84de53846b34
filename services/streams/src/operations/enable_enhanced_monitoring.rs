//! EnableEnhancedMonitoring.

use anabranch_protocol::RequestContext;

use super::enhanced_monitoring::{EnhancedMonitoringAnswer, EnhancedMonitoringRequest, set_metrics};
use crate::error::Error;
use crate::service::Streams;

/// Records which metrics a stream reports by shard, and says so. There is no CloudWatch here that
/// they would go to: the server's own metrics are not by shard.
pub(super) fn enable_enhanced_monitoring(
    streams: &Streams,
    context: &RequestContext,
    request: EnhancedMonitoringRequest,
) -> Result<EnhancedMonitoringAnswer, Error> {
    set_metrics(streams, context, request, true)
}

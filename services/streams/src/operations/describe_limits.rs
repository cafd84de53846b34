//! DescribeLimits.

use anabranch_protocol::RequestContext;
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::limits::{ACCOUNT_SHARDS, ON_DEMAND_STREAMS};
use crate::service::Streams;

#[derive(Debug, Deserialize)]
pub(super) struct DescribeLimitsRequest {}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DescribeLimitsAnswer {
    shard_limit: u32,
    open_shard_count: usize,
    on_demand_stream_count: usize,
    on_demand_stream_count_limit: u32,
}

/// Counts the caller's open shards of provisioned streams and its on-demand streams. The limits
/// beside them are the quotas that AWS gives an account at first.
pub(super) fn describe_limits(
    streams: &Streams,
    context: &RequestContext,
    _: DescribeLimitsRequest,
) -> Result<DescribeLimitsAnswer, Error> {
    let used = streams.registry.account_use(context);
    Ok(DescribeLimitsAnswer {
        shard_limit: ACCOUNT_SHARDS,
        open_shard_count: used.open_shards,
        on_demand_stream_count: used.on_demand_streams,
        on_demand_stream_count_limit: ON_DEMAND_STREAMS,
    })
}

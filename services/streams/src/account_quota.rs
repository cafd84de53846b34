//! What an account may have in a region: the quotas that `DescribeLimits` states ("Quotas and
//! Limits"). Like those of shards, they hold only where `Limits::Aws` does.

use anabranch_protocol::RequestContext;

use crate::error::AccountQuotaExceeded;
use crate::limits::{ACCOUNT_SHARDS, ON_DEMAND_STREAMS};
use crate::quota::Limits;
use crate::service::Streams;
use crate::state::stream::StreamMode;

/// What counts against the quotas of one account in one region.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct AccountUse {
    /// Open shards of provisioned streams.
    pub(crate) open_shards: usize,
    pub(crate) on_demand_streams: usize,
}

impl Streams {
    pub(crate) fn account_use(&self, context: &RequestContext) -> AccountUse {
        let mut used = AccountUse { open_shards: 0, on_demand_streams: 0 };
        for stream in self.registry.of(context) {
            let state = stream.state();
            match state.mode {
                StreamMode::Provisioned => used.open_shards += state.open_shards().count(),
                StreamMode::OnDemand => used.on_demand_streams += 1,
            }
        }
        used
    }

    /// Refuses this many more open shards if the caller may not have them.
    pub(crate) fn check_shard_quota(
        &self,
        context: &RequestContext,
        additional: u32,
    ) -> Result<(), AccountQuotaExceeded> {
        if self.registry.config.limits == Limits::Off {
            return Ok(());
        }
        let current = self.account_use(context).open_shards;
        if current + additional as usize <= ACCOUNT_SHARDS as usize {
            return Ok(());
        }
        let (account, region) = (context.account, context.region.clone());
        Err(AccountQuotaExceeded::Shards { account, region, current, additional })
    }

    /// Refuses one more on-demand stream if the caller may not have it.
    pub(crate) fn check_on_demand_quota(&self, context: &RequestContext) -> Result<(), AccountQuotaExceeded> {
        let current = self.account_use(context).on_demand_streams;
        if self.registry.config.limits == Limits::Off || current < ON_DEMAND_STREAMS as usize {
            return Ok(());
        }
        let (account, region) = (context.account, context.region.clone());
        Err(AccountQuotaExceeded::OnDemandStreams { account, region, current })
    }
}

//! What an account may have in a region: the quotas that `DescribeLimits` states ("Quotas and
//! Limits"). Like those of shards, they hold only where `Limits::Aws` does.

use anabranch_protocol::RequestContext;
use parking_lot::MutexGuard;

use super::Registry;
use crate::error::AccountQuotaExceeded;
use crate::limits::{ACCOUNT_SHARDS, ON_DEMAND_STREAMS};
use crate::quota::Limits;
use crate::state::account_use::AccountUse;

/// Leave to take more of an account's quotas. No other is given while this one is held, so that calls
/// beside one another keep to the quotas together: it is to be held until what was taken counts.
#[must_use]
pub(crate) struct Claim<'a>(#[allow(dead_code, reason = "it is held")] Option<MutexGuard<'a, ()>>);

impl Registry {
    /// What the caller's account has, streams that are being made among it.
    pub(crate) fn account_use(&self, context: &RequestContext) -> AccountUse {
        let entries = self.entries.read();
        let made = entries.by_key.iter().filter(|(key, _)| key.is_of(context));
        let made = made.map(|(_, stream)| AccountUse::of(&stream.state()));
        let in_the_making = entries.creating.iter().filter(|(key, _)| key.is_of(context)).map(|(_, takes)| *takes);
        made.chain(in_the_making).fold(AccountUse::default(), AccountUse::and)
    }

    /// Lets the caller have this many more open shards, or refuses them.
    pub(crate) fn claim_shards(
        &self,
        context: &RequestContext,
        additional: u32,
    ) -> Result<Claim<'_>, AccountQuotaExceeded> {
        if self.config.limits == Limits::Off {
            return Ok(Claim(None));
        }
        let claiming = self.claiming.lock();
        let current = self.account_use(context).open_shards;
        if current + additional as usize <= ACCOUNT_SHARDS as usize {
            return Ok(Claim(Some(claiming)));
        }
        let (account, region) = (context.account, context.region.clone());
        Err(AccountQuotaExceeded::Shards { account, region, current, additional })
    }

    /// Lets the caller have one more on-demand stream, or refuses it.
    pub(crate) fn claim_on_demand(&self, context: &RequestContext) -> Result<Claim<'_>, AccountQuotaExceeded> {
        if self.config.limits == Limits::Off {
            return Ok(Claim(None));
        }
        let claiming = self.claiming.lock();
        let current = self.account_use(context).on_demand_streams;
        if current < ON_DEMAND_STREAMS as usize {
            return Ok(Claim(Some(claiming)));
        }
        let (account, region) = (context.account, context.region.clone());
        Err(AccountQuotaExceeded::OnDemandStreams { account, region, current })
    }
}

//! What identifies a stream.

use std::fmt;

use anabranch_protocol::{Account, Arn, Region, RequestContext};
use serde::{Deserialize, Serialize};

/// Account, region and name: what identifies a stream.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct StreamKey {
    pub(crate) account_id: Account,
    pub(crate) region: Region,
    pub(crate) name: String,
}

impl StreamKey {
    pub(crate) fn of_name(context: &RequestContext, name: &str) -> Self {
        Self { account_id: context.account, region: context.region.clone(), name: name.into() }
    }

    /// The stream that an ARN names, which may be a consumer's.
    pub(crate) fn of_arn(arn: &str) -> Option<Self> {
        let arn: Arn = arn.parse().ok().filter(|arn: &Arn| &*arn.service == "kinesis")?;
        let name = arn.resource_after("stream/")?.split('/').next()?.into();
        Some(Self { account_id: arn.account?, region: arn.region?, name })
    }

    pub(crate) fn arn(&self) -> String {
        Arn::new("kinesis", &self.region, self.account_id, &format!("stream/{}", self.name)).to_string()
    }

    /// What messages call it, such as `clicks under account 000000000000`.
    pub(crate) fn under_account(&self) -> String {
        format!("{} under account {}", self.name, self.account_id)
    }

    /// Account and region: the streams that one caller sees together.
    pub(crate) fn is_of(&self, context: &RequestContext) -> bool {
        self.account_id == context.account && self.region == context.region
    }
}

/// The key in the control store.
impl fmt::Display for StreamKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}/{}", self.account_id, self.region, self.name)
    }
}

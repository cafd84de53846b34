//! Whose tables there are.

use std::path::{Path, PathBuf};

use anabranch_protocol::{Account, Region, RequestContext};

/// Whose tables a database holds.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Owner {
    pub(crate) account: Account,
    pub(crate) region: Region,
}

impl Default for Owner {
    fn default() -> Self {
        Self { account: Account::DEFAULT, region: Region::default() }
    }
}

impl Owner {
    /// Who makes a call.
    pub(crate) fn of(context: &RequestContext) -> Self {
        Self { account: context.account, region: context.region.clone() }
    }

    /// Where their database lies below `root`.
    pub(crate) fn directory(&self, root: &Path) -> PathBuf {
        if *self == Self::default() {
            return root.to_path_buf();
        }
        root.join(self.account.as_str()).join(self.region.as_str())
    }
}

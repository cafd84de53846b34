//! What the operations and the work in the background stand on.

use std::sync::Arc;

use anabranch_protocol::{ApiError, RequestContext};

use crate::error::invalid_parameter;
use crate::group::Group;
use crate::groups::Groups;
use crate::store::Store;
use crate::subscriptions::Subscriptions;

/// What the operations and the work in the background stand on.
pub(crate) struct Shared {
    pub(crate) store: Arc<Store>,
    pub(crate) groups: Groups,
    pub(crate) subscriptions: Subscriptions,
}

impl Shared {
    /// Does `work` on a thread that may wait for the disk.
    pub(crate) async fn blocking<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Self) -> Result<T, ApiError> + Send + 'static,
    ) -> Result<T, ApiError> {
        let shared = self.clone();
        let done = tokio::task::spawn_blocking(move || work(&shared)).await;
        done.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
    }

    /// The group that a request names in one of two ways.
    pub(crate) fn named(
        &self,
        context: &RequestContext,
        name: Option<&str>,
        identifier: Option<&str>,
    ) -> Result<Arc<Group>, ApiError> {
        match (name, identifier) {
            (Some(name), None) => self.groups.find(context, name),
            (None, Some(identifier)) => self.groups.identified(context, identifier),
            (None, None) => Err(invalid_parameter("Either logGroupName or logGroupIdentifier must be given.")),
            (Some(_), Some(_)) => {
                Err(invalid_parameter("LogGroup name and LogGroup identifier are mutually exclusive parameters."))
            }
        }
    }
}

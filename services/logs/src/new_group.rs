//! A group without anything in it.

use std::collections::BTreeMap;

use anabranch_protocol::RequestContext;
use uuid::Uuid;

use crate::stored::StoredGroup;

/// `logGroupClass` of a group that is made without.
pub(crate) const CLASS_DEFAULT: &str = "STANDARD";

/// A new group of the caller's, with AWS's defaults.
pub(crate) fn new_group(context: &RequestContext, name: String, created_ms: u64) -> StoredGroup {
    StoredGroup {
        id: Uuid::new_v4(),
        account: context.account,
        region: context.region.clone(),
        name,
        created_ms,
        class: CLASS_DEFAULT.into(),
        retention_days: None,
        kms_key_id: None,
        deletion_protection: false,
        tags: BTreeMap::new(),
        next_lane: 0,
        checkpoint: 0,
        stored_bytes: 0,
        subscription_filters: Vec::new(),
        metric_filters: Vec::new(),
    }
}

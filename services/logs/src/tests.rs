//! What unit tests of the crate share.

use std::collections::BTreeMap;

use anabranch_protocol::{Account, Region};
use uuid::Uuid;

use crate::stored::StoredGroup;

/// A group without anything in it.
pub(crate) fn row(name: &str) -> StoredGroup {
    StoredGroup {
        id: Uuid::new_v4(),
        account: Account::DEFAULT,
        region: Region::default(),
        name: name.into(),
        created_ms: 0,
        class: "STANDARD".into(),
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

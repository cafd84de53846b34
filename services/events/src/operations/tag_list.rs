//! Tags as requests and answers have them.

use std::collections::BTreeMap;

use anabranch_protocol::{ApiError, BoundedList, Violations};
use serde::{Deserialize, Serialize};

use crate::error::limit_exceeded;
use crate::limits::TAGS_MAX;
use crate::shapes::{TAG_KEY, TAG_VALUE};

/// `Tag`.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Tag {
    key: Option<String>,
    value: Option<String>,
}

/// `TagList`: one more is read than there may be, so that too many are seen.
pub(super) type TagList = BoundedList<Tag, { TAGS_MAX + 1 }>;

/// Checks each tag of a list.
pub(super) fn check(tags: &TagList, violations: &mut Violations) {
    for (number, tag) in tags.iter().enumerate() {
        let path = |member: &str| format!("tags.{}.member.{member}", number + 1);
        violations.required_text(path("key"), tag.key.as_deref(), &TAG_KEY);
        violations.required_text(path("value"), tag.value.as_deref(), &TAG_VALUE);
    }
}

/// `tags` with those of `added` on top.
pub(super) fn merged(tags: &BTreeMap<String, String>, added: &TagList) -> Result<BTreeMap<String, String>, ApiError> {
    let mut merged = tags.clone();
    for tag in added.iter() {
        merged.insert(tag.key.clone().unwrap_or_default(), tag.value.clone().unwrap_or_default());
    }
    match merged.len() > TAGS_MAX || added.count() > TAGS_MAX {
        true => Err(limit_exceeded()),
        false => Ok(merged),
    }
}

/// As answers have them.
pub(super) fn listed(tags: &BTreeMap<String, String>) -> Vec<Tag> {
    tags.iter().map(|(key, value)| Tag { key: Some(key.clone()), value: Some(value.clone()) }).collect()
}

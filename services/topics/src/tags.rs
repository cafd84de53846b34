//! Tags of topics.

use std::collections::BTreeMap;

use anabranch_protocol::ApiError;
use serde::{Deserialize, Serialize};

use crate::error::invalid;
use crate::limits::TAGS_MAX;

/// Most characters of a tag's key (`TagKey`).
const KEY_CHARACTERS_MAX: usize = 128;
/// Most characters of a tag's value (`TagValue`).
const VALUE_CHARACTERS_MAX: usize = 256;

/// A tag on the wire.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Tag {
    key: String,
    value: String,
}

/// Tags of a request, checked.
pub(crate) fn checked(tags: Vec<Tag>) -> Result<BTreeMap<String, String>, ApiError> {
    let mut map = BTreeMap::new();
    for Tag { key, value } in tags {
        let fits =
            (1..=KEY_CHARACTERS_MAX).contains(&key.chars().count()) && value.chars().count() <= VALUE_CHARACTERS_MAX;
        let is_ours = !key.to_ascii_lowercase().starts_with("aws:");
        if !fits || !is_ours {
            return Err(invalid(
                "Tags Reason: a key has 1 to 128 characters and does not begin with aws:, a value has up to 256",
            ));
        }
        if map.insert(key, value).is_some() {
            return Err(invalid("Duplicated keys are not allowed."));
        }
    }
    Ok(map)
}

/// Refuses more tags than a topic may have.
pub(crate) fn check_count(tags: &BTreeMap<String, String>) -> Result<(), ApiError> {
    match tags.len() > TAGS_MAX {
        true => {
            Err(ApiError::invalid("TagLimitExceeded", "Could not complete request: tag quota of per resource exceeded"))
        }
        false => Ok(()),
    }
}

pub(crate) fn listed(tags: &BTreeMap<String, String>) -> Vec<Tag> {
    tags.iter().map(|(key, value)| Tag { key: key.clone(), value: value.clone() }).collect()
}

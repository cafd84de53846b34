//! Tags of streams and consumers: AWS's rules for them.

use std::collections::BTreeMap;

use anabranch_protocol::{ApiError, Violations};

use crate::error::invalid_argument;
use crate::limits::TAGS_MAX;
use crate::shapes::{TAG_KEY, TAG_KEYS, TAG_MAP, TAG_VALUE};

/// Tags by key.
pub(crate) type Tags = BTreeMap<String, String>;

/// Checks a map of tags by the service model.
pub(crate) fn check_tags(tags: &Tags, violations: &mut Violations) {
    violations.list("tags", tags.len(), &TAG_MAP);
    for (key, value) in tags {
        violations.text("tags", Some(key), &TAG_KEY);
        violations.text(format_args!("tags.{key}"), Some(value), &TAG_VALUE);
    }
}

/// Checks a list of tag keys by the service model.
pub(crate) fn check_tag_keys(keys: Option<&Vec<String>>, violations: &mut Violations) {
    violations.required("tagKeys", keys);
    violations.list("tagKeys", keys.map_or(TAG_KEYS.min, Vec::len), &TAG_KEYS);
    for (number, key) in keys.into_iter().flatten().enumerate() {
        violations.text(format_args!("tagKeys.{}.member", number + 1), Some(key), &TAG_KEY);
    }
}

/// Adds `new` to `tags`, replacing those with the same key. `owner` is what they belong to, such
/// as `stream clicks`.
pub(crate) fn add_tags(tags: &mut Tags, new: Tags, owner: &str) -> Result<(), ApiError> {
    let is_allowed = |letter: char| letter.is_alphanumeric() || letter.is_whitespace() || "_.:/=+-@".contains(letter);
    if !new.iter().flat_map(|(key, value)| key.chars().chain(value.chars())).all(is_allowed) {
        return Err(invalid_argument(
            "Some tags contain invalid characters. Valid characters: Unicode letters, digits, white space, _ . / = + - @ :.",
        ));
    }
    if let Some(key) = new.keys().find(|key| key.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("aws:"))) {
        return Err(invalid_argument(format!("Tag keys that begin with aws: are reserved: {key}.")));
    }
    let count = tags.len() + new.keys().filter(|key| !tags.contains_key(*key)).count();
    if count > TAGS_MAX {
        return Err(invalid_argument(format!(
            "Failed to add tags to {owner} because it cannot have more than {TAGS_MAX} tags associated with it."
        )));
    }
    tags.extend(new);
    Ok(())
}

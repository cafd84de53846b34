//! Tags of streams and consumers: AWS's rules for them.

use std::collections::BTreeMap;

use anabranch_protocol::Violations;

use crate::error::TagError;
use crate::limits::TAGS_MAX;
use crate::shapes::{TAG_KEY, TAG_KEYS, TAG_MAP, TAG_VALUE, TagKeys, TagMap};

/// Tags by key.
pub(crate) type Tags = BTreeMap<String, String>;

/// Checks a map of tags by the service model.
pub(crate) fn check_tags(tags: &TagMap, violations: &mut Violations) {
    violations.text_map("tags", tags, &TAG_MAP, &TAG_KEY, &TAG_VALUE);
}

/// Checks a list of tag keys by the service model.
pub(crate) fn check_tag_keys(keys: Option<&TagKeys>, violations: &mut Violations) {
    violations.required("tagKeys", keys);
    if let Some(keys) = keys {
        violations.texts("tagKeys", keys, &TAG_KEYS, &TAG_KEY);
    }
}

/// Adds `new` to `tags`, replacing those with the same key. `owner` is what they belong to, such
/// as `stream clicks`.
pub(crate) fn add_tags(tags: &mut Tags, new: TagMap, owner: &str) -> Result<(), TagError> {
    let new = new.into_map();
    check_letters(new.iter().flat_map(|(key, value)| [key, value]), "add tags to", owner)?;
    if let Some(key) = new.keys().find(|key| key.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("aws:"))) {
        return Err(TagError::Reserved { key: key.clone() });
    }
    let count = tags.len() + new.keys().filter(|key| !tags.contains_key(*key)).count();
    if count > TAGS_MAX {
        return Err(TagError::TooMany { owner: owner.to_string() });
    }
    tags.extend(new);
    Ok(())
}

/// Removes the tags with these keys; those that are not there are passed over.
pub(crate) fn remove_tags(tags: &mut Tags, keys: &[String], owner: &str) -> Result<(), TagError> {
    check_letters(keys, "remove tags from", owner)?;
    tags.retain(|key, _| !keys.contains(key));
    Ok(())
}

/// Kinesis looks twice: at first `%` passes, then it does not.
fn check_letters<'a>(
    texts: impl IntoIterator<Item = &'a String>,
    action: &'static str,
    owner: &str,
) -> Result<(), TagError> {
    let is_allowed = |letter: char| letter.is_alphanumeric() || " _./=+-%@:".contains(letter);
    let mut has_percent = false;
    for text in texts {
        if !text.chars().all(is_allowed) {
            return Err(TagError::Letters);
        }
        has_percent |= text.contains('%');
    }
    if has_percent {
        return Err(TagError::Percent { action, owner: owner.to_string() });
    }
    Ok(())
}

//! Tags of mappings, and of functions.

use std::collections::BTreeMap;

use anabranch_protocol::ApiError;

use crate::error::invalid_parameter;

/// Tags that a resource has at most.
const TAGS_MAX: usize = 50;
/// Characters of a tag's key.
const TAG_KEY_CHARACTERS_MAX: usize = 128;
/// Characters of a tag's value.
const TAG_VALUE_CHARACTERS_MAX: usize = 256;
/// What begins keys of AWS's own tags, which nobody else sets.
const RESERVED_PREFIX: &str = "aws:";

/// The tags, if a resource may have them.
pub(crate) fn checked(tags: BTreeMap<String, String>) -> Result<BTreeMap<String, String>, ApiError> {
    if tags.len() > TAGS_MAX {
        return Err(invalid_parameter(format!("A resource has at most {TAGS_MAX} tags, not {}.", tags.len())));
    }
    for (key, value) in &tags {
        let (key_length, value_length) = (key.chars().count(), value.chars().count());
        if key_length == 0 || key_length > TAG_KEY_CHARACTERS_MAX || value_length > TAG_VALUE_CHARACTERS_MAX {
            return Err(invalid_parameter(format!(
                "Tag {key}: a key has 1 to {TAG_KEY_CHARACTERS_MAX} characters, a value at most \
                 {TAG_VALUE_CHARACTERS_MAX}."
            )));
        }
        if key.starts_with(RESERVED_PREFIX) {
            return Err(invalid_parameter(format!("Tag {key}: keys that begin with {RESERVED_PREFIX} are AWS's own.")));
        }
    }
    Ok(tags)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_bounded() {
        let one = |key: &str, value: &str| checked(BTreeMap::from([(key.to_string(), value.to_string())]));
        one("team", "").unwrap();
        one(&"ä".repeat(128), &"ä".repeat(256)).unwrap();
        for (key, value) in [("", "v"), ("aws:x", "v"), (&"k".repeat(129), "v"), ("k", &"v".repeat(257))] {
            one(key, value).unwrap_err();
        }
        checked((0..50).map(|number| (number.to_string(), String::new())).collect()).unwrap();
        checked((0..51).map(|number| (number.to_string(), String::new())).collect()).unwrap_err();
    }
}

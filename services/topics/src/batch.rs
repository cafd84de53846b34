//! What the entries of a batch must be like together.

use std::collections::HashSet;

use anabranch_protocol::{ApiError, Clipped};

use crate::limits::{BATCH_ENTRIES_MAX, BATCH_ID_CHARACTERS_MAX};

/// Checks the ids of a batch.
pub(crate) fn check_ids<'a>(ids: impl ExactSizeIterator<Item = &'a str> + Clone) -> Result<(), ApiError> {
    if ids.len() == 0 {
        return Err(ApiError::invalid("EmptyBatchRequest", "The batch request doesn't contain any entries."));
    }
    if ids.len() > BATCH_ENTRIES_MAX {
        let message = "The batch request contains more entries than permissible.";
        return Err(ApiError::invalid("TooManyEntriesInBatchRequest", message));
    }
    let is_id = |id: &&str| {
        (1..=BATCH_ID_CHARACTERS_MAX).contains(&id.len())
            && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
    };
    if let Some(wrong) = ids.clone().find(|id| !is_id(id)) {
        let message = format!(
            "The Id of a batch entry in a batch request doesn't abide by the specification: '{}'.",
            Clipped(wrong)
        );
        return Err(ApiError::invalid("InvalidBatchEntryId", message));
    }
    let mut seen = HashSet::new();
    if ids.clone().any(|id| !seen.insert(id)) {
        let message = "Two or more batch entries in the request have the same Id.";
        return Err(ApiError::invalid("BatchEntryIdsNotDistinct", message));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_plain_and_distinct() {
        let code = |ids: &[&str]| check_ids(ids.iter().copied()).map_err(|error| error.code);
        assert_eq!(code(&["a", "b-_1"]), Ok(()));
        assert_eq!(code(&[]), Err("EmptyBatchRequest"));
        assert_eq!(code(&["a"; 11]), Err("TooManyEntriesInBatchRequest"));
        assert_eq!(code(&["a", "a b"]), Err("InvalidBatchEntryId"));
        assert_eq!(code(&["a", "a"]), Err("BatchEntryIdsNotDistinct"));
    }
}

//! What all batches have in common ("Amazon SQS batch actions").

use std::collections::HashSet;

use anabranch_protocol::{ApiError, BoundedList, Clipped};
use serde::Serialize;

use crate::error::{EMPTY_BATCH, IDS_NOT_DISTINCT, INVALID_BATCH_ENTRY_ID, TOO_MANY_ENTRIES, entry_code};
use crate::limits::{BATCH_ID_CHARACTERS_MAX, BATCH_MAX, BATCH_READ_MAX};

/// Entries as they come.
pub(super) type Entries<T> = BoundedList<T, BATCH_READ_MAX>;

/// An answer to a batch.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct BatchAnswer<T> {
    pub(super) successful: Vec<T>,
    pub(super) failed: Vec<FailedEntry>,
}

/// `BatchResultErrorEntry`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct FailedEntry {
    id: String,
    sender_fault: bool,
    code: &'static str,
    message: String,
}

/// An entry that succeeded, where there is nothing else to say.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DoneEntry {
    pub(super) id: String,
}

impl<T> BatchAnswer<T> {
    pub(super) fn new() -> Self {
        Self { successful: Vec::new(), failed: Vec::new() }
    }

    pub(super) fn fail(&mut self, id: String, error: &ApiError) {
        let sender_fault = !error.kind.is_ours();
        self.failed.push(FailedEntry { id, sender_fault, code: entry_code(error), message: error.message.clone() });
    }
}

impl BatchAnswer<DoneEntry> {
    /// An answer in which `ids` had these outcomes.
    pub(super) fn of(ids: impl Iterator<Item = String>, outcomes: Vec<Result<(), ApiError>>) -> Self {
        let mut answer = Self::new();
        for (id, outcome) in ids.zip(outcomes) {
            match outcome {
                Ok(()) => answer.successful.push(DoneEntry { id }),
                Err(error) => answer.fail(id, &error),
            }
        }
        answer
    }
}

/// Checks the number of entries, of which one is called `entry`, and their ids.
pub(super) fn check<T>(entry: &str, entries: &Entries<T>, id: impl Fn(&T) -> &str) -> Result<(), ApiError> {
    if entries.count() == 0 {
        let message = format!("There should be at least one {entry} in the request.");
        return Err(ApiError::invalid(EMPTY_BATCH, message));
    }
    if entries.count() > BATCH_MAX {
        let count = entries.count();
        let message = format!("Maximum number of entries per request are {BATCH_MAX}. You have sent {count}.");
        return Err(ApiError::invalid(TOO_MANY_ENTRIES, message));
    }
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let mut seen = HashSet::new();
    for entry in entries.iter() {
        let id = id(entry);
        if id.is_empty() || id.len() > BATCH_ID_CHARACTERS_MAX || !id.bytes().all(is_plain) {
            let message = format!(
                "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most {BATCH_ID_CHARACTERS_MAX} letters long."
            );
            return Err(ApiError::invalid(INVALID_BATCH_ENTRY_ID, message));
        }
        if !seen.insert(id) {
            return Err(ApiError::invalid(IDS_NOT_DISTINCT, format!("Id {} repeated.", Clipped(id))));
        }
    }
    Ok(())
}

//! What a stream says of its encryption with a KMS key, by the time of a record.

use anabranch_protocol::Arn;

use crate::limits::DAY_MS;
use crate::state::status::EncryptionType;
use crate::state::stream::{EncryptionChange, StreamState};

impl StreamState {
    /// The key with which records that arrived at `moment_ms` count as encrypted.
    pub(crate) fn key_id_at(&self, moment_ms: u64) -> Option<&str> {
        self.encryption.iter().rev().find(|change| change.from_ms <= moment_ms)?.key_id.as_deref()
    }

    pub(crate) fn encryption_type_at(&self, moment_ms: u64) -> EncryptionType {
        self.encrypted_at(moment_ms).unwrap_or(EncryptionType::None)
    }

    /// `KMS`, or nothing: answers about records leave out `NONE`.
    pub(crate) fn encrypted_at(&self, moment_ms: u64) -> Option<EncryptionType> {
        self.key_id_at(moment_ms).map(|_| EncryptionType::Kms)
    }

    /// Times that encryption was started, or stopped, within the last 24 hours.
    pub(crate) fn encryption_changes_a_day(&self, started: bool, now_ms: u64) -> usize {
        let is_counted = |change: &&EncryptionChange| {
            change.key_id.is_some() == started && change.from_ms > now_ms.saturating_sub(DAY_MS)
        };
        self.encryption.iter().filter(is_counted).count()
    }

    /// Changes the key as of a moment; forgets changes that no stored record depends on.
    pub(crate) fn set_key_id(&mut self, key_id: Option<String>, from_ms: u64, now_ms: u64) {
        let needed_ms = self.horizon_ms(now_ms).min(now_ms.saturating_sub(DAY_MS));
        let unneeded = self.encryption.iter().rposition(|change| change.from_ms <= needed_ms).unwrap_or(0);
        self.encryption.drain(..unneeded);
        self.encryption.push(EncryptionChange { from_ms, key_id });
    }
}

/// Whether `text` has the form of a KMS key's id or ARN, or of an alias's name or ARN.
pub(crate) fn is_key_id(text: &str) -> bool {
    let is_name = |name: &str| {
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/_-".contains(&byte))
    };
    let is_resource = |resource: &str| {
        resource.strip_prefix("key/").is_some_and(is_bare_key_id)
            || resource.strip_prefix("alias/").is_some_and(is_name)
    };
    match text.parse::<Arn>() {
        Ok(arn) => {
            &*arn.service == "kms" && arn.region.is_some() && arn.account.is_some() && is_resource(&arn.resource)
        }
        Err(_) => is_bare_key_id(text) || text.strip_prefix("alias/").is_some_and(is_name),
    }
}

/// A GUID, or `mrk-` and 32 digits for a key of several regions.
fn is_bare_key_id(text: &str) -> bool {
    let is_hex = |text: &str, digits: usize| text.len() == digits && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let groups: Vec<&str> = text.split('-').collect();
    match groups.as_slice() {
        ["mrk", digits] => is_hex(digits, 32),
        groups => groups.len() == 5 && groups.iter().zip([8, 4, 4, 4, 12]).all(|(group, digits)| is_hex(group, digits)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::key::StreamKey;

    #[test]
    fn key_ids_have_one_of_four_forms() {
        let guid = "1234abcd-12ab-34cd-56ef-1234567890ab";
        for form in [guid, "alias/aws/kinesis", "mrk-1234abcd12ab34cd56ef1234567890ab"] {
            assert!(is_key_id(form), "{form}");
        }
        for resource in [format!("key/{guid}"), "alias/clicks".into()] {
            assert!(is_key_id(&format!("arn:aws:kms:us-east-1:000000000000:{resource}")), "{resource}");
        }
        for wrong in ["clicks", "alias/", "1234abcd", "arn:aws:kms:us-east-1:0:key/1", &format!("{guid}0")] {
            assert!(!is_key_id(wrong), "{wrong}");
        }
    }

    #[test]
    fn records_keep_the_type_they_came_with() {
        let mut state = StreamState::new(StreamKey::of_name(&Default::default(), "clicks"), 1, 0);
        state.set_key_id(Some("one".into()), 100, 100);
        state.set_key_id(None, 200, 200);
        assert_eq!(
            [99, 100, 200].map(|ms| state.encryption_type_at(ms)),
            [EncryptionType::None, EncryptionType::Kms, EncryptionType::None]
        );
        assert_eq!((state.encryption_changes_a_day(true, 300), state.encryption_changes_a_day(false, 300)), (1, 1));
        state.set_key_id(Some("two".into()), 3 * DAY_MS, 3 * DAY_MS);
        assert_eq!(state.encryption.len(), 2, "what came before all records held is forgotten");
        assert_eq!(state.key_id_at(3 * DAY_MS), Some("two"));
    }
}

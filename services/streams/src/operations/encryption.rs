//! What StartStreamEncryption and StopStreamEncryption share.

use anabranch_protocol::{RequestContext, Violations};
use serde::Deserialize;

use super::addressed::Addressed;
use super::stream_reference::StreamReference;
use crate::error::{DailyLimitExceeded, Error, RequestError};
use crate::limits::ENCRYPTION_CHANGES_A_DAY;
use crate::service::Streams;
use crate::shapes::{ENCRYPTION_TYPE, KEY_ID};
use crate::state::encryption::is_key_id;

pub(super) type EncryptionRequest = Addressed<StreamReference, Encryption>;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Encryption {
    encryption_type: Option<String>,
    key_id: Option<String>,
}

pub(super) fn set_encryption(
    streams: &Streams,
    context: &RequestContext,
    Addressed(stream, request): EncryptionRequest,
    start: bool,
) -> Result<(), Error> {
    let mut violations = Violations::default();
    stream.check(&mut violations);
    violations.required_text("encryptionType", request.encryption_type.as_deref(), &ENCRYPTION_TYPE);
    violations.required_text("keyId", request.key_id.as_deref(), &KEY_ID);
    violations.finish()?;
    if request.encryption_type.as_deref() != Some("KMS") {
        return Err(RequestError::EncryptionType.into());
    }
    let stream = stream.find(streams, context)?;
    let key_id = request.key_id.unwrap_or_default();
    if !is_key_id(&key_id) {
        return Err(RequestError::KeyId(key_id).into());
    }
    streams.registry.change_slowly(&stream, |state, now_ms| {
        if state.encryption_changes_a_day(start, now_ms) >= ENCRYPTION_CHANGES_A_DAY {
            let stream = state.key.name.clone();
            return Err(match start {
                true => DailyLimitExceeded::EncryptionStarts { stream },
                false => DailyLimitExceeded::EncryptionStops { stream },
            }
            .into());
        }
        state.set_key_id(start.then_some(key_id), streams.registry.after_transition(now_ms), now_ms);
        Ok(())
    })
}

//! What StartStreamEncryption and StopStreamEncryption share.

use anabranch_protocol::{ApiError, RequestContext, Violations};
use serde::Deserialize;

use super::addressed::Addressed;
use super::stream_reference::StreamReference;
use crate::error::{invalid_argument, limit_exceeded};
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
) -> Result<(), ApiError> {
    let mut violations = Violations::default();
    stream.check(&mut violations);
    violations.required_text("encryptionType", request.encryption_type.as_deref(), &ENCRYPTION_TYPE);
    violations.required_text("keyId", request.key_id.as_deref(), &KEY_ID);
    violations.finish()?;
    if request.encryption_type.as_deref() != Some("KMS") {
        return Err(invalid_argument("The only valid EncryptionType is KMS."));
    }
    let stream = stream.find(streams, context)?;
    let key_id = request.key_id.unwrap_or_default();
    if !is_key_id(&key_id) {
        return Err(ApiError::not_found("KMSNotFoundException", format!("Invalid keyId '{key_id}'")));
    }
    streams.registry.change_slowly(&stream, |state, now_ms| {
        if state.encryption_changes_a_day(start, now_ms) >= ENCRYPTION_CHANGES_A_DAY {
            return Err(limit_exceeded(format!(
                "Encryption of stream {} can be {} at most {ENCRYPTION_CHANGES_A_DAY} times within 24 hours.",
                state.key.name,
                if start { "started" } else { "stopped" }
            )));
        }
        state.set_key_id(start.then_some(key_id), streams.registry.after_transition(now_ms), now_ms);
        Ok(())
    })
}

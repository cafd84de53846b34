//! Tokens of the next page that hold five minutes.

use base64_simd::STANDARD;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::RequestError;
use crate::limits::LIST_TOKEN_MS;

/// What a token remembers.
pub(super) trait PageToken: Serialize + DeserializeOwned {
    /// When it was given out.
    fn issued_ms(&self) -> u64;
}

pub(super) fn write_token(token: &impl PageToken) -> String {
    STANDARD.encode_to_string(serde_json::to_vec(token).unwrap_or_default())
}

pub(super) fn read_token<Token: PageToken>(text: &str, now_ms: u64) -> Result<Token, RequestError> {
    let bytes = STANDARD.decode_to_vec(text).ok();
    let token: Token = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()).ok_or(RequestError::Token)?;
    if now_ms.saturating_sub(token.issued_ms()) > LIST_TOKEN_MS {
        return Err(RequestError::TokenExpired);
    }
    Ok(token)
}

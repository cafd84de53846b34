//! Pages of answers that list things in order.

use anabranch_protocol::ApiError;
use base64_simd::URL_SAFE_NO_PAD;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::invalid_parameter;

/// The token behind which a list goes on at `place`.
pub(super) fn token<T: Serialize>(place: &T) -> String {
    // Places are texts and numbers, which have a form in JSON.
    URL_SAFE_NO_PAD.encode_to_string(serde_json::to_vec(place).unwrap_or_default())
}

/// The place that a token stands for, if there is one.
pub(super) fn place<T: DeserializeOwned>(token: Option<&str>) -> Result<Option<T>, ApiError> {
    let decode = |token: &str| {
        let place = URL_SAFE_NO_PAD.decode_to_vec(token).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
        place.ok_or_else(|| invalid_parameter("The specified nextToken is invalid."))
    };
    token.map(decode).transpose()
}

/// The first `limit` of `found`, and the token behind them if there are more.
pub(super) fn page<T>(mut found: Vec<T>, limit: usize, place: impl Fn(&T) -> String) -> (Vec<T>, Option<String>) {
    let more = found.len() > limit;
    found.truncate(limit);
    let token = found.last().filter(|_| more).map(|last| token(&place(last)));
    (found, token)
}

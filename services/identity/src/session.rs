//! Credentials that say in themselves whose they are.

use anabranch_protocol::{Account, Arn, RequestContext, Timestamp};
use base64_simd::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

/// What an access key id of temporary credentials begins with ("IAM identifiers").
const TEMPORARY: &str = "ASIA";
/// Characters of AWS's ids.
const ID_CHARACTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
/// Longest session token that is read, in characters.
const TOKEN_CHARACTERS_MAX: usize = 4096;

/// Who acts under a session token, which carries it. It is not signed: like all credentials here
/// it is believed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Such as `arn:aws:sts::123456789012:assumed-role/deploy/ci`.
    pub arn: String,
    /// Such as `AROA…:ci`.
    pub user_id: String,
}

/// Temporary credentials, as STS answers with them.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Credentials {
    access_key_id: String,
    secret_access_key: String,
    session_token: String,
    expiration: Timestamp,
}

impl Session {
    /// Who the caller is: of a session, or the account's root.
    pub fn of(context: &RequestContext) -> Self {
        let token = context.session_token.as_deref().and_then(Self::of_token);
        token.unwrap_or_else(|| Self {
            arn: Arn::global("iam", context.account, "root").to_string(),
            user_id: context.account.to_string(),
        })
    }

    fn of_token(token: &str) -> Option<Self> {
        let token = Some(token).filter(|token| token.len() <= TOKEN_CHARACTERS_MAX)?;
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode_to_vec(token).ok()?).ok()
    }

    /// Credentials of this session in `account`, until `expires_ms`.
    pub(crate) fn credentials(&self, account: Account, expires_ms: u64) -> Credentials {
        // A structure of two texts has a form in JSON.
        let token = serde_json::to_vec(self).unwrap_or_default();
        Credentials {
            access_key_id: format!("{TEMPORARY}{account}{}", random_id(4)),
            secret_access_key: random_id(40),
            session_token: URL_SAFE_NO_PAD.encode_to_string(token),
            expiration: Timestamp(expires_ms),
        }
    }
}

/// So many characters of the kind AWS's ids have.
pub(crate) fn random_id(characters: usize) -> String {
    (0..characters).map(|_| char::from(ID_CHARACTERS[fastrand::usize(..ID_CHARACTERS.len())])).collect()
}

//! Who asks, on whose behalf, and under which request id.

use uuid::Uuid;

/// The account that requests belong to unless their credentials name another.
pub const DEFAULT_ACCOUNT_ID: &str = "000000000000";
/// The region of a request whose credential scope names none.
pub const DEFAULT_REGION: &str = "us-east-1";

/// What the gateway knows of a request besides its body.
#[derive(Debug, Clone)]
pub struct RequestContext {
    /// Echoed in `x-amzn-RequestId` and in the logs.
    pub request_id: String,
    /// Region of the credential scope; ARNs are made from it.
    pub region: String,
    /// Twelve digits; ARNs are made from it.
    pub account_id: String,
    /// The session token of temporary credentials, if the request carries one.
    pub session_token: Option<String>,
}

impl RequestContext {
    /// A context with a fresh request id.
    pub fn new(region: impl Into<String>, account_id: impl Into<String>) -> Self {
        Self {
            request_id: Uuid::new_v4().to_string(),
            region: region.into(),
            account_id: account_id.into(),
            session_token: None,
        }
    }

    /// The ARN of `resource` (such as `stream/clicks`) in `service` for this caller.
    pub fn arn(&self, service: &str, resource: &str) -> String {
        format!("arn:aws:{service}:{}:{}:{resource}", self.region, self.account_id)
    }
}

impl Default for RequestContext {
    fn default() -> Self {
        Self::new(DEFAULT_REGION, DEFAULT_ACCOUNT_ID)
    }
}

/// The account that an access key id tells: one of twelve digits is an account itself, and those
/// that STS gives out here hold it behind `ASIA`. Ids that AWS made tell none (they have other
/// characters there).
pub fn account_of_key(access_key_id: &str) -> Option<&str> {
    let account = match access_key_id.len() {
        12 => access_key_id,
        20 => access_key_id.strip_prefix("ASIA")?.get(..12)?,
        _ => return None,
    };
    account.bytes().all(|byte| byte.is_ascii_digit()).then_some(account)
}

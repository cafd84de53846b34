//! Who asks, on whose behalf, and under which request id.

use uuid::Uuid;

use crate::{Account, Arn, Region};

/// What the gateway knows about a request, apart from its body.
#[derive(Debug, Clone)]
pub struct RequestContext {
    /// Echoed in `x-amzn-RequestId` and in the logs.
    pub request_id: String,
    /// Region of the credential scope; ARNs are made from it.
    pub region: Region,
    /// Whose resources the request is about; ARNs are made from it.
    pub account: Account,
    /// The session token of temporary credentials, if the request carries one.
    pub session_token: Option<String>,
    /// Scheme and authority by which the client reached the server, such as `http://localhost:4566`:
    /// URLs in answers begin with it. Calls from inside the program have none.
    pub endpoint: Option<String>,
}

impl RequestContext {
    /// A context with a fresh request id.
    pub fn new(region: Region, account: Account) -> Self {
        Self { request_id: Uuid::new_v4().to_string(), region, account, session_token: None, endpoint: None }
    }

    /// The ARN of `resource` (such as `stream/clicks`) in `service` for this caller.
    pub fn arn(&self, service: &str, resource: &str) -> Arn {
        Arn::new(service, &self.region, self.account, resource)
    }
}

impl Default for RequestContext {
    fn default() -> Self {
        Self::new(Region::default(), Account::DEFAULT)
    }
}

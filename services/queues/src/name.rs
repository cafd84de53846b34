//! Names, ARNs and URLs of queues.

use anabranch_protocol::{Account, ApiError, Arn, Clipped, Region, RequestContext};

use crate::error::{INVALID_ADDRESS, invalid_parameter, missing};
use crate::limits::QUEUE_NAME_CHARACTERS_MAX;

/// What the names of FIFO queues end in.
const FIFO_SUFFIX: &str = ".fifo";
/// Where URLs of queues begin for callers inside the program.
const INNER_ENDPOINT: &str = "http://localhost:4566";

/// Which queue: names are unique in an account and region.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct QueueName {
    pub(crate) account: Account,
    pub(crate) region: Region,
    pub(crate) name: String,
}

impl QueueName {
    /// The caller's queue `name`.
    pub(crate) fn of(context: &RequestContext, name: impl Into<String>) -> Self {
        Self { account: context.account, region: context.region.clone(), name: name.into() }
    }

    /// The queue that a URL names, in the region of the call: the last two parts of its path are
    /// account and name. Any host will do, since clients have URLs from elsewhere in their settings.
    pub(crate) fn of_url(context: &RequestContext, url: &str) -> Result<Self, ApiError> {
        if url.is_empty() {
            return Err(missing("QueueUrl"));
        }
        let path = url.split_once("://").map_or(url, |(_, rest)| rest);
        let path = path.split(['?', '#']).next().unwrap_or_default().trim_end_matches('/');
        let mut parts = path.rsplit('/');
        let name = parts.next().filter(|name| is_name(name));
        let account = parts.next().and_then(|account| account.parse().ok());
        match (name, account) {
            (Some(name), Some(account)) => Ok(Self { account, region: context.region.clone(), name: name.into() }),
            _ => {
                let message = format!("The address {} is not valid for this endpoint.", Clipped(url));
                Err(ApiError::invalid(INVALID_ADDRESS, message))
            }
        }
    }

    /// The queue that an ARN names.
    pub(crate) fn of_arn(arn: &str) -> Option<Self> {
        let arn: Arn = arn.parse().ok()?;
        let is_queue = &*arn.service == "sqs" && is_name(&arn.resource);
        is_queue.then_some(Self { account: arn.account?, region: arn.region?, name: arn.resource.into() })
    }

    /// Its ARN.
    pub(crate) fn arn(&self) -> String {
        Arn::new("sqs", &self.region, self.account, &self.name).to_string()
    }

    /// Its URL, as this caller reaches it.
    pub(crate) fn url(&self, context: &RequestContext) -> String {
        let endpoint = context.endpoint.as_deref().unwrap_or(INNER_ENDPOINT);
        format!("{endpoint}/{}/{}", self.account, self.name)
    }

    /// Whether it is the name of a FIFO queue.
    pub(crate) fn is_fifo(&self) -> bool {
        self.name.ends_with(FIFO_SUFFIX)
    }
}

/// Whether queues can have this name.
fn is_name(name: &str) -> bool {
    let plain = name.strip_suffix(FIFO_SUFFIX).unwrap_or(name);
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    !plain.is_empty() && name.len() <= QUEUE_NAME_CHARACTERS_MAX && plain.bytes().all(is_plain)
}

/// Checks the name of a queue that is made.
pub(crate) fn check_name(name: &str, is_fifo: bool) -> Result<(), ApiError> {
    let has_suffix = name.ends_with(FIFO_SUFFIX);
    if is_name(name) && has_suffix == is_fifo {
        return Ok(());
    }
    Err(invalid_parameter(if is_fifo {
        "The name of a FIFO queue can only include alphanumeric characters, hyphens, or underscores, must end with .fifo suffix and be 1 to 80 in length."
    } else {
        "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length."
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_of_any_host_name_a_queue() {
        let context = RequestContext::default();
        for url in [
            "http://localhost:4566/000000000000/jobs",
            "https://sqs.us-east-1.amazonaws.com/000000000000/jobs",
            "https://queue.amazonaws.com/000000000000/jobs/",
            "http://sqs.us-east-1.localhost.localstack.cloud:4566/000000000000/jobs",
        ] {
            let name = QueueName::of_url(&context, url).unwrap();
            assert_eq!(name, QueueName::of(&context, "jobs"), "{url}");
        }
        for url in ["jobs", "http://localhost/jobs", "http://localhost/a/jobs", "http://h/000000000000/a b", "/"] {
            assert_eq!(QueueName::of_url(&context, url).unwrap_err().code, INVALID_ADDRESS, "{url}");
        }
        assert!(QueueName::of_url(&context, "").unwrap_err().message.contains("QueueUrl"));
    }

    #[test]
    fn names_and_arns() {
        let context = RequestContext::default();
        let name = QueueName::of(&context, "jobs.fifo");
        assert!(name.is_fifo());
        assert_eq!(name.arn(), "arn:aws:sqs:us-east-1:000000000000:jobs.fifo");
        assert_eq!(QueueName::of_arn(&name.arn()), Some(name));
        for arn in ["", "arn:aws:sns:us-east-1:000000000000:jobs", "arn:aws:sqs:us-east-1:000000000000:a:b"] {
            assert_eq!(QueueName::of_arn(arn), None, "{arn}");
        }
        assert!(check_name("jobs", false).is_ok() && check_name("jobs.fifo", true).is_ok());
        for (name, is_fifo) in [("", false), ("a.b", false), ("jobs", true), ("jobs.fifo", false), (".fifo", true)] {
            assert!(check_name(name, is_fifo).is_err(), "{name}");
        }
        assert!(check_name(&"a".repeat(81), false).is_err());
    }
}

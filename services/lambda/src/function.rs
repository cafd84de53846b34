//! What a function is: its name, its executable and its settings.

use anabranch_control::Stored;
use anabranch_protocol::{ApiError, Arn};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use crate::error::{invalid_parameter, not_found};

/// The only version a function has here.
pub(crate) const LATEST_VERSION: &str = "$LATEST";

/// What runs when a function is invoked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Executable {
    /// A program that speaks the Runtime API, such as a `lambda_runtime` binary.
    Binary(PathBuf),
    /// Base URL of another Invoke endpoint, such as `cargo lambda watch` at `http://127.0.0.1:9000`.
    Remote(String),
}

/// A function as it is put. It is kept across restarts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FunctionSpec {
    /// 1–64 letters, digits, `-` or `_`.
    pub name: String,
    /// What runs.
    pub executable: Executable,
    /// An invocation that takes longer is ended, its process killed. AWS: 1–900 s.
    pub timeout: Duration,
    /// Told to the function; not enforced.
    pub memory_mb: u32,
    /// `_HANDLER`; Rust functions have `bootstrap`.
    pub handler: String,
    /// The function's own variables.
    pub environment: BTreeMap<String, String>,
    /// Execution environments at most; the configured default if absent.
    pub reserved_concurrency: Option<u32>,
    /// Bucket ARN for asynchronous invocations that failed for good.
    pub on_failure: Option<String>,
}

impl Stored for FunctionSpec {
    const KIND: &'static str = "function";
    const VERSION: u32 = 1;
}

impl FunctionSpec {
    /// A function with AWS's defaults: 3 s, 128 MB, no variables.
    pub fn new(name: impl Into<String>, executable: Executable) -> Self {
        Self {
            name: name.into(),
            executable,
            timeout: Duration::from_secs(3),
            memory_mb: 128,
            handler: "bootstrap".into(),
            environment: BTreeMap::new(),
            reserved_concurrency: None,
            on_failure: None,
        }
    }

    pub(crate) fn validate(&self) -> Result<(), ApiError> {
        if !is_function_name(&self.name) {
            return Err(invalid_parameter(format!(
                "1 validation error detected: Value '{}' at 'functionName' failed to satisfy constraint: \
                 Member must satisfy regular expression pattern: [a-zA-Z0-9-_]{{1,64}}",
                self.name
            )));
        }
        if self.timeout.is_zero() || self.timeout > Duration::from_secs(900) {
            return Err(invalid_parameter(format!("Timeout of {} must lie within 1 and 900 seconds", self.name)));
        }
        if self.environment.keys().any(|name| name.is_empty() || name.contains(['=', '\0'])) {
            return Err(invalid_parameter(format!("Environment of {} has a variable without a valid name", self.name)));
        }
        if self.environment.values().any(|value| value.contains('\0')) {
            return Err(invalid_parameter(format!("Environment of {} has a value with a NUL byte", self.name)));
        }
        match &self.on_failure {
            Some(arn) => bucket_of(arn).map(|_| ()),
            None => Ok(()),
        }
    }
}

fn is_function_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    (1..=64).contains(&name.len()) && name.bytes().all(allowed)
}

/// The bucket of an S3 on-failure destination.
///
/// # Errors
/// `InvalidParameterValueException` for a destination of any other kind.
pub(crate) fn bucket_of(arn: &str) -> Result<&str, ApiError> {
    let named = arn.parse::<Arn>().ok();
    // The name is the end of the ARN.
    let bucket = named.as_ref().and_then(Arn::bucket_name).and_then(|name| arn.get(arn.len() - name.len()..));
    bucket.ok_or_else(|| {
        invalid_parameter(format!(
            "OnFailure.Destination {arn} is not supported: only S3 bucket ARNs are (no SQS, SNS or Kafka)"
        ))
    })
}

/// The name in a function name, partial ARN or ARN, as every operation accepts them.
///
/// # Errors
/// `InvalidParameterValueException` when it is none of these, `ResourceNotFoundException`
/// for a version or alias other than `$LATEST`.
pub(crate) fn parse_function_name(text: &str, qualifier: Option<&str>) -> Result<String, ApiError> {
    let invalid = || {
        invalid_parameter(format!(
            "1 validation error detected: Value '{text}' at 'functionName' failed to satisfy constraint: \
             Member must satisfy regular expression pattern: (arn:(aws[a-zA-Z-]*)?:lambda:)?\
             ([a-z]{{2}}(-gov)?-[a-z]+-\\d{{1}}:)?(\\d{{12}}:)?(function:)?([a-zA-Z0-9-_]+)(:(\\$LATEST|[a-zA-Z0-9-_]+))?"
        ))
    };
    let rest = match text.split_once("function:") {
        Some((_, rest)) => rest,
        None => text,
    };
    let (name, own_qualifier) = match rest.split_once(':') {
        // `123456789012:name`, a partial ARN.
        Some((account, name)) if account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit()) => {
            (name, None)
        }
        Some((name, qualifier)) => (name, Some(qualifier)),
        None => (rest, None),
    };
    if !is_function_name(name) {
        return Err(invalid());
    }
    match own_qualifier.or(qualifier) {
        None | Some(LATEST_VERSION) => Ok(name.to_string()),
        Some(other) => Err(not_found(format!("Function not found: {name}:{other} (only $LATEST exists)"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_from_every_form() {
        for text in [
            "clicks",
            "clicks:$LATEST",
            "000000000000:clicks",
            "000000000000:function:clicks",
            "arn:aws:lambda:us-east-1:000000000000:function:clicks",
            "arn:aws:lambda:us-east-1:000000000000:function:clicks:$LATEST",
        ] {
            assert_eq!(parse_function_name(text, None).unwrap(), "clicks", "{text}");
        }
        assert_eq!(parse_function_name("a b", None).unwrap_err().code, "InvalidParameterValueException");
        assert_eq!(parse_function_name("clicks:prod", None).unwrap_err().code, "ResourceNotFoundException");
        assert_eq!(parse_function_name("clicks", Some("2")).unwrap_err().code, "ResourceNotFoundException");
    }

    #[test]
    fn only_buckets_are_destinations() {
        assert_eq!(bucket_of("arn:aws:s3:::failures").unwrap(), "failures");
        let error = bucket_of("arn:aws:sqs:us-east-1:000000000000:dead").unwrap_err();
        assert!(error.message.contains("sqs"), "{error}");
    }
}

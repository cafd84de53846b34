//! Constraints of the service model's shapes, and what AWS checks besides.

use anabranch_protocol::{ApiError, Integer, Pattern, Text, Violations};
use std::collections::BTreeMap;

use crate::error::invalid_parameter;

/// The model's `Runtime`, without those that AWS ended long ago.
pub(super) const RUNTIMES: &[&str] = &[
    "nodejs16.x",
    "nodejs18.x",
    "nodejs20.x",
    "nodejs22.x",
    "nodejs24.x",
    "java8.al2",
    "java11",
    "java17",
    "java21",
    "java25",
    "python3.8",
    "python3.9",
    "python3.10",
    "python3.11",
    "python3.12",
    "python3.13",
    "python3.14",
    "dotnet6",
    "dotnet8",
    "dotnet10",
    "ruby3.2",
    "ruby3.3",
    "ruby3.4",
    "ruby4.0",
    "go1.x",
    "provided",
    "provided.al2",
    "provided.al2023",
];

const fn text(min: usize, max: usize, pattern: Option<Pattern>, one_of: &'static [&'static str]) -> Text {
    Text { min, max, pattern, one_of }
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

fn is_arn_or_empty(text: &str) -> bool {
    let service = |rest: &str| rest.split_once(':').is_some_and(|(service, _)| !service.is_empty());
    text.is_empty()
        || text.strip_prefix("arn:").and_then(|rest| rest.split_once(':')).is_some_and(|(_, rest)| service(rest))
}

fn is_role(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"+=,.@-_/".contains(&byte);
    let mut parts = text.splitn(6, ':');
    let head = [parts.next(), parts.next(), parts.next(), parts.next()];
    let [Some("arn"), Some(partition), Some("iam"), Some("")] = head else { return false };
    let account = parts.next().unwrap_or_default();
    let name = parts.next().and_then(|resource| resource.strip_prefix("role"));
    (partition.is_empty() || partition.starts_with("aws"))
        && account.len() == 12
        && account.bytes().all(|byte| byte.is_ascii_digit())
        && name.is_some_and(|name| !name.is_empty() && name.bytes().all(allowed))
}

fn is_alias(text: &str) -> bool {
    is_word(text) && !text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_version(text: &str) -> bool {
    text == "$LATEST"
        || text == "$LATEST.PUBLISHED"
        || (!text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()))
}

fn is_log_group(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_/#".contains(&byte))
}

fn has_no_space(text: &str) -> bool {
    !text.is_empty() && !text.contains(char::is_whitespace)
}

fn is_action(text: &str) -> bool {
    let operation = text.strip_prefix("lambda:");
    text == "*"
        || operation.is_some_and(|name| {
            name == "*" || (!name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphabetic()))
        })
}

pub(super) const ROLE: Text =
    text(0, usize::MAX, Some(("arn:(aws[a-zA-Z-]*)?:iam::\\d{12}:role/?[a-zA-Z_0-9+=,.@\\-_/]+", is_role)), &[]);
pub(super) const HANDLER: Text = text(0, 128, Some(("[^\\s]+", has_no_space)), &[]);
pub(super) const DESCRIPTION: Text = text(0, 256, None, &[]);
pub(super) const PACKAGE_TYPE: Text = text(0, usize::MAX, None, &["Zip", "Image"]);
pub(super) const ARCHITECTURE: Text = text(0, usize::MAX, None, &["x86_64", "arm64"]);
pub(super) const TRACING_MODE: Text = text(0, usize::MAX, None, &["Active", "PassThrough"]);
pub(super) const OPTIONAL_ARN: Text =
    text(0, usize::MAX, Some(("(arn:(aws[a-zA-Z-]*)?:[a-z0-9-.]+:.*)|()", is_arn_or_empty)), &[]);
pub(super) const LOG_FORMAT: Text = text(0, usize::MAX, None, &["JSON", "Text"]);
pub(super) const APPLICATION_LEVEL: Text =
    text(0, usize::MAX, None, &["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"]);
pub(super) const SYSTEM_LEVEL: Text = text(0, usize::MAX, None, &["DEBUG", "INFO", "WARN"]);
pub(super) const LOG_GROUP: Text = text(1, 512, Some(("[\\.\\-_/#A-Za-z0-9]+", is_log_group)), &[]);
pub(super) const SNAP_START: Text = text(0, usize::MAX, None, &["PublishedVersions", "None"]);
pub(super) const ALIAS: Text = text(1, 128, Some(("(?!^[0-9]+$)([a-zA-Z0-9-_]+)", is_alias)), &[]);
pub(super) const VERSION: Text = text(1, 1024, Some(("(\\$LATEST(\\.PUBLISHED)?|[0-9]+)", is_version)), &[]);
pub(super) const STATEMENT_ID: Text = text(1, 100, Some(("([a-zA-Z0-9-_]+)", is_word)), &[]);
pub(super) const ACTION: Text = text(0, usize::MAX, Some(("(lambda:[*]|lambda:[a-zA-Z]+|[*])", is_action)), &[]);
pub(super) const PRINCIPAL: Text = text(0, usize::MAX, Some(("[^\\s]+", has_no_space)), &[]);
pub(super) const AUTH_TYPE: Text = text(0, usize::MAX, None, &["NONE", "AWS_IAM"]);
pub(super) const RECURSIVE_LOOP: Text = text(0, usize::MAX, None, &["Allow", "Terminate"]);
pub(super) const UPDATE_RUNTIME_ON: Text = text(0, usize::MAX, None, &["Auto", "Manual", "FunctionUpdate"]);
pub(super) const LICENSE: Text = text(0, 512, None, &[]);
pub(super) const TIMEOUT: Integer = Integer { min: 1, max: 900 };
pub(super) const MEMORY_MB: Integer = Integer { min: 128, max: 10_240 };
pub(super) const EPHEMERAL_STORAGE_MB: Integer = Integer { min: 512, max: 10_240 };
pub(super) const RETRIES: Integer = Integer { min: 0, max: 2 };
pub(super) const EVENT_AGE_SECONDS: Integer = Integer { min: 60, max: 21_600 };
pub(super) const FIFTY: Integer = Integer { min: 1, max: 50 };
pub(super) const TEN_THOUSAND: Integer = Integer { min: 1, max: 10_000 };

/// Most bytes of a function's variables, names and values together. (Lambda quotas.)
const ENVIRONMENT_BYTES_MAX: usize = 4_096;
/// Variables that Lambda sets itself. ("Defined runtime environment variables".)
const RESERVED_VARIABLES: &[&str] = &[
    "_HANDLER",
    "_X_AMZN_TRACE_ID",
    "AWS_DEFAULT_REGION",
    "AWS_REGION",
    "AWS_EXECUTION_ENV",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "AWS_LAMBDA_FUNCTION_VERSION",
    "AWS_LAMBDA_INITIALIZATION_TYPE",
    "AWS_LAMBDA_LOG_GROUP_NAME",
    "AWS_LAMBDA_LOG_STREAM_NAME",
    "AWS_ACCESS_KEY",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_LAMBDA_RUNTIME_API",
    "LAMBDA_TASK_ROOT",
    "LAMBDA_RUNTIME_DIR",
];

/// Checks one integer of a request.
pub(super) fn check_integer(path: &str, value: Option<i64>, shape: &Integer) -> Result<(), ApiError> {
    let mut violations = Violations::default();
    violations.integer(path, value, shape);
    violations.finish()
}

/// Checks one text of a request.
pub(super) fn check_text(path: &str, value: Option<&str>, shape: &Text) -> Result<(), ApiError> {
    let mut violations = Violations::default();
    violations.text(path, value, shape);
    violations.finish()
}

/// Checks a runtime, in the words that AWS has for it alone.
pub(super) fn check_runtime(runtime: &str) -> Result<(), ApiError> {
    if RUNTIMES.contains(&runtime) {
        return Ok(());
    }
    Err(invalid_parameter(format!(
        "Value {runtime} at 'runtime' failed to satisfy constraint: Member must satisfy enum value set: [{}] or be a valid ARN",
        RUNTIMES.join(", ")
    )))
}

/// Checks a function's variables.
pub(super) fn check_environment(variables: &BTreeMap<String, String>) -> Result<(), ApiError> {
    let is_name = |name: &str| {
        name.len() >= 2
            && name.starts_with(|first: char| first.is_ascii_alphabetic())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    let reserved: Vec<&str> =
        variables.keys().map(String::as_str).filter(|name| RESERVED_VARIABLES.contains(name)).collect();
    if !reserved.is_empty() {
        return Err(invalid_parameter(format!(
            "Lambda was unable to configure your environment variables because the environment variables you have provided \
             contains reserved keys that are currently not supported for modification. Reserved keys used in this request: {}",
            reserved.join(", ")
        )));
    }
    if let Some(name) = variables.keys().find(|name| !is_name(name)) {
        return Err(ApiError::validation(format!(
            "1 validation error detected: Value at 'environment.variables' failed to satisfy constraint: Map keys must \
             satisfy constraint: [Member must satisfy regular expression pattern: [a-zA-Z]([a-zA-Z0-9_])+]: {}",
            anabranch_protocol::Clipped(name)
        )));
    }
    if variables.values().any(|value| value.contains('\0')) {
        return Err(invalid_parameter("Environment variables must not hold NUL bytes."));
    }
    let bytes: usize = variables.iter().map(|(name, value)| name.len() + value.len()).sum();
    if bytes > ENVIRONMENT_BYTES_MAX {
        return Err(invalid_parameter(format!(
            "Lambda was unable to configure your environment variables because the environment variables you have provided \
             exceeded the 4KB limit. String measured: {}",
            serde_json::to_string(variables).unwrap_or_default()
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_those_of_the_model() {
        for role in [
            "arn:aws:iam::123456789012:role/r",
            "arn:aws-cn:iam::123456789012:role/service-role/r",
            "arn::iam::123456789012:roler",
        ] {
            assert!(is_role(role), "{role}");
        }
        for other in [
            "r",
            "arn:aws:iam::12345678901:role/r",
            "arn:aws:iam::123456789012:role",
            "arn:aws:iam::123456789012:role/a b",
            "arn:aws:s3:::b",
        ] {
            assert!(!is_role(other), "{other}");
        }
        assert!(is_alias("v1") && !is_alias("12") && !is_alias("a.b") && !is_alias(""));
        assert!(is_arn_or_empty("") && is_arn_or_empty("arn:aws:sqs:us-east-1:1:q") && !is_arn_or_empty("queue"));
        assert!(
            is_action("lambda:InvokeFunction") && is_action("lambda:*") && is_action("*") && !is_action("s3:GetObject")
        );
    }

    #[test]
    fn variables_are_checked() {
        let check = |name: &str, value: &str| check_environment(&[(name.to_string(), value.to_string())].into());
        assert!(check("TABLE", "x").is_ok());
        assert!(check("AWS_REGION", "x").unwrap_err().message.contains("reserved keys"));
        assert!(check("1TABLE", "x").unwrap_err().message.contains("regular expression"));
        assert!(check("TABLE", &"x".repeat(4_092)).unwrap_err().message.contains("4KB limit"));
        assert!(check("TABLE", &"x".repeat(4_091)).is_ok());
    }
}

//! The environment of a function's process, as Lambda defines it.

use std::collections::BTreeMap;
use std::path::Path;

use anabranch_protocol::Account;

use crate::config::LambdaConfig;
use crate::function::{Executable, FunctionSpec};
use crate::runtimes::Start;

/// All variables but `AWS_LAMBDA_RUNTIME_API`. The function's own come last: it may point itself
/// at another endpoint.
pub(super) fn variables(
    config: &LambdaConfig,
    spec: &FunctionSpec,
    start: &Start,
    log_stream: &str,
    temporary: &Path,
) -> BTreeMap<String, String> {
    let task_root = start.task_root.to_string_lossy();
    let temporary = temporary.to_string_lossy();
    let memory_mb = spec.memory_mb.to_string();
    let account = &spec.scope.account;
    let access_key_id = if *account == Account::DEFAULT { &config.access_key_id } else { account.as_str() };
    let runtime = match &spec.executable {
        Executable::Package { runtime, .. } => runtime.as_str(),
        Executable::Binary(_) | Executable::Remote(_) => "provided.al2023",
    };
    let execution_environment = format!("AWS_Lambda_{runtime}");
    let mut variables: BTreeMap<String, String> = [
        ("AWS_LAMBDA_FUNCTION_NAME", spec.name.as_str()),
        ("AWS_LAMBDA_FUNCTION_VERSION", &spec.version),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", &memory_mb),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand"),
        ("AWS_LAMBDA_LOG_GROUP_NAME", &spec.log_group),
        ("_HANDLER", &spec.handler),
        ("LAMBDA_TASK_ROOT", &task_root),
        ("AWS_EXECUTION_ENV", &execution_environment),
        ("AWS_XRAY_CONTEXT_MISSING", "LOG_ERROR"),
        ("AWS_REGION", spec.scope.region.as_str()),
        ("AWS_DEFAULT_REGION", spec.scope.region.as_str()),
        ("AWS_ACCESS_KEY_ID", access_key_id),
        ("AWS_SECRET_ACCESS_KEY", &config.secret_access_key),
        ("AWS_SESSION_TOKEN", "anabranch"),
        ("AWS_ENDPOINT_URL", &config.endpoint_url),
        ("LANG", "en_US.UTF-8"),
        ("TZ", ":UTC"),
        // SDKs look for credentials and settings in the home directory.
        ("HOME", &temporary),
        ("TMPDIR", &temporary),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_string(), value.to_string()))
    .collect();
    variables.extend(start.variables.clone());
    variables.extend(spec.environment.clone());
    // By this one a process is recognised as ours after a crash.
    variables.insert("AWS_LAMBDA_LOG_STREAM_NAME".into(), log_stream.into());
    variables
}

//! What runs when a function is invoked: its program and the settings that its processes see.

use anabranch_protocol::ApiError;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use crate::destinations::Destination;
use crate::error::invalid_parameter;
use crate::function_id::{FunctionId, LATEST_VERSION, Scope, is_function_name};

/// What runs when a function is invoked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Executable {
    /// A program that speaks the Runtime API, such as a `lambda_runtime` binary.
    Binary(PathBuf),
    /// Base URL of another Invoke endpoint, such as `cargo lambda watch` at `http://127.0.0.1:9000`.
    Remote(String),
    /// A deployment package, unpacked.
    Package {
        /// Where it lies; what functions know as `/var/task`.
        directory: PathBuf,
        /// What runs it, such as `provided.al2023`.
        runtime: String,
    },
}

/// A version of a function, as it is run. It is kept across restarts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FunctionSpec {
    /// The account and region that it belongs to.
    pub scope: Scope,
    /// 1–64 letters, digits, `-` or `_`.
    pub name: String,
    /// `$LATEST` or a number.
    pub version: String,
    /// What runs.
    pub executable: Executable,
    /// Directories of its layers, the first below all others; what functions know as `/opt`.
    pub layers: Vec<PathBuf>,
    /// An invocation that takes longer is ended, its process killed. AWS: 1–900 s.
    pub timeout: Duration,
    /// A function whose processes hold more than this is ended. AWS: 128–10,240 MB.
    pub memory_mb: u32,
    /// `_HANDLER`, in the form of the runtime; Rust functions have `bootstrap`.
    pub handler: String,
    /// The function's own variables.
    pub environment: BTreeMap<String, String>,
    /// Where its log goes, such as `/aws/lambda/clicks`.
    pub log_group: String,
    /// Execution environments at most; the configured default if absent.
    pub reserved_concurrency: Option<u32>,
    /// Where asynchronous invocations go that failed for good.
    pub on_failure: Option<Destination>,
}

impl FunctionSpec {
    /// A function of the default account and region with AWS's defaults: 3 s, 128 MB, no variables.
    pub fn new(name: impl Into<String>, executable: Executable) -> Self {
        let name = name.into();
        Self {
            scope: Scope::default(),
            version: LATEST_VERSION.into(),
            executable,
            layers: Vec::new(),
            timeout: Duration::from_secs(3),
            memory_mb: 128,
            handler: "bootstrap".into(),
            environment: BTreeMap::new(),
            log_group: format!("/aws/lambda/{name}"),
            reserved_concurrency: None,
            on_failure: None,
            name,
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
        Ok(())
    }

    /// What identifies the function, whatever the version.
    pub fn id(&self) -> FunctionId {
        FunctionId::new(self.scope.clone(), self.name.clone())
    }
}

//! The structure `FunctionConfiguration` of several answers.

use anabranch_protocol::Arn;
use serde_json::{Value, json};
use std::fs;
use std::time::UNIX_EPOCH;

use crate::function_id::LATEST_VERSION;
use crate::time::last_modified;
use crate::{Executable, FunctionSpec};

pub(super) fn configuration(spec: &FunctionSpec) -> Value {
    let metadata = match &spec.executable {
        Executable::Binary(program) => fs::metadata(program).ok(),
        Executable::Package { .. } | Executable::Remote(_) => None,
    };
    let runtime = match &spec.executable {
        Executable::Package { runtime, .. } => runtime.as_str(),
        Executable::Binary(_) | Executable::Remote(_) => "provided.al2023",
    };
    let modified = metadata.as_ref().and_then(|metadata| metadata.modified().ok());
    let modified_ms =
        modified.and_then(|time| time.duration_since(UNIX_EPOCH).ok()).map_or(0, |since| since.as_millis());
    let architecture = if cfg!(target_arch = "aarch64") { "arm64" } else { "x86_64" };
    let mut configuration = json!({
        "FunctionName": spec.name,
        "FunctionArn": spec.id().arn(),
        "Runtime": runtime,
        "Role": Arn::global("iam", spec.scope.account, "role/lambda-role").to_string(),
        "Handler": spec.handler,
        "CodeSize": metadata.map_or(0, |metadata| metadata.len()),
        "Description": "",
        "Timeout": spec.timeout.as_secs().max(1),
        "MemorySize": spec.memory_mb,
        "LastModified": last_modified(modified_ms as u64),
        "Version": LATEST_VERSION,
        "State": "Active",
        "LastUpdateStatus": "Successful",
        "PackageType": "Zip",
        "Architectures": [architecture],
    });
    if !spec.environment.is_empty() {
        configuration["Environment"] = json!({ "Variables": spec.environment });
    }
    configuration
}

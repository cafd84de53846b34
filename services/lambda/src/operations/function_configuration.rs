//! The structure `FunctionConfiguration` of several answers.

use serde_json::{Value, json};

use crate::code::base64_of_hex;
use crate::configuration::ARCHITECTURE;
use crate::functions::Described;
use crate::time::last_modified;

/// A version, as it is described.
pub(super) fn configuration(described: &Described) -> Value {
    let Described { record, version, qualifier, configuration } = described;
    let id = record.id();
    let arn = match qualifier {
        Some(qualifier) => format!("{}:{qualifier}", id.arn()),
        None => id.arn(),
    };
    let mut shown = json!({
        "FunctionName": record.name,
        "FunctionArn": arn,
        "Role": configuration.role,
        "Handler": configuration.handler,
        "CodeSize": configuration.code.bytes,
        "CodeSha256": base64_of_hex(&configuration.code.sha256),
        "Description": configuration.description,
        "Timeout": configuration.timeout_ms.div_ceil(1_000),
        "MemorySize": configuration.memory_mb,
        "LastModified": last_modified(configuration.last_modified_ms),
        "Version": version,
        "TracingConfig": { "Mode": configuration.tracing_mode },
        "RevisionId": configuration.revision_id,
        "State": "Active",
        "LastUpdateStatus": "Successful",
        "PackageType": "Zip",
        "Architectures": [ARCHITECTURE],
        "EphemeralStorage": { "Size": configuration.ephemeral_storage_mb },
        "SnapStart": { "ApplyOn": "None", "OptimizationStatus": "Off" },
        "LoggingConfig": { "LogFormat": configuration.logging.format, "LogGroup": configuration.logging.group },
    });
    if let Some(runtime) = &configuration.runtime {
        shown["Runtime"] = runtime.as_str().into();
    }
    if !configuration.environment.is_empty() {
        shown["Environment"] = json!({ "Variables": configuration.environment });
    }
    if !configuration.layers.is_empty() {
        let layers = configuration.layers.iter();
        shown["Layers"] = layers.map(|layer| json!({ "Arn": layer.arn, "CodeSize": layer.bytes })).collect();
    }
    if let Some(vpc) = &configuration.vpc {
        shown["VpcConfig"] = json!({
            "SubnetIds": vpc.subnet_ids,
            "SecurityGroupIds": vpc.security_group_ids,
            "VpcId": "",
            "Ipv6AllowedForDualStack": vpc.ipv6_allowed,
        });
    }
    if let Some(arn) = &configuration.dead_letter_arn {
        shown["DeadLetterConfig"] = json!({ "TargetArn": arn });
    }
    if let Some(arn) = &configuration.kms_key_arn {
        shown["KMSKeyArn"] = arn.as_str().into();
    }
    let logging = &configuration.logging;
    for (member, level) in
        [("ApplicationLogLevel", &logging.application_level), ("SystemLogLevel", &logging.system_level)]
    {
        if let Some(level) = level {
            shown["LoggingConfig"][member] = level.as_str().into();
        }
    }
    shown
}

/// The same in a list, which tells less.
pub(super) fn listed(described: &Described) -> Value {
    let mut shown = configuration(described);
    if let Some(members) = shown.as_object_mut() {
        members.remove("State");
        members.remove("LastUpdateStatus");
    }
    shown
}

/// The same in the answer that made it: it becomes active a moment later.
pub(super) fn created(described: &Described) -> Value {
    let mut shown = configuration(described);
    shown["State"] = "Pending".into();
    shown["StateReason"] = "The function is being created.".into();
    shown["StateReasonCode"] = "Creating".into();
    // There was no update yet.
    if let Some(members) = shown.as_object_mut() {
        members.remove("LastUpdateStatus");
    }
    shown
}

/// The same in the answer that changed it.
pub(super) fn updated(described: &Described) -> Value {
    let mut shown = configuration(described);
    shown["LastUpdateStatus"] = "InProgress".into();
    shown["LastUpdateStatusReason"] = "The function is being created.".into();
    shown
}

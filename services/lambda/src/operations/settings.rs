//! The settings of a function, as CreateFunction and UpdateFunctionConfiguration have them.

use anabranch_protocol::{ApiError, Violations};
use serde::Deserialize;
use std::collections::BTreeMap;

use super::shapes;
use crate::configuration::{Configuration, LayerReference, Vpc};
use crate::error::{invalid_parameter, not_supported};
use crate::function_id::FunctionId;
use crate::runtimes::Runtime;
use crate::{Lambda, Scope};

/// What both operations take. What is absent stays as it is. It is read by itself, not flattened into
/// their requests: serde would keep all members in memory for that, and take a list for a structure.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Settings {
    role: Option<String>,
    handler: Option<String>,
    description: Option<String>,
    timeout: Option<i64>,
    memory_size: Option<i64>,
    vpc_config: Option<VpcRequest>,
    environment: Option<EnvironmentRequest>,
    runtime: Option<String>,
    dead_letter_config: Option<DeadLetterRequest>,
    #[serde(rename = "KMSKeyArn")]
    kms_key_arn: Option<String>,
    tracing_config: Option<TracingRequest>,
    layers: Option<Vec<String>>,
    file_system_configs: Option<Vec<serde::de::IgnoredAny>>,
    image_config: Option<serde::de::IgnoredAny>,
    ephemeral_storage: Option<EphemeralStorageRequest>,
    snap_start: Option<SnapStartRequest>,
    logging_config: Option<LoggingRequest>,
    capacity_provider_config: Option<serde::de::IgnoredAny>,
    durable_config: Option<serde::de::IgnoredAny>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct VpcRequest {
    subnet_ids: Option<Vec<String>>,
    security_group_ids: Option<Vec<String>>,
    ipv6_allowed_for_dual_stack: Option<bool>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct EnvironmentRequest {
    variables: Option<BTreeMap<String, String>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DeadLetterRequest {
    target_arn: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct TracingRequest {
    mode: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct EphemeralStorageRequest {
    size: Option<i64>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SnapStartRequest {
    apply_on: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct LoggingRequest {
    log_format: Option<String>,
    application_log_level: Option<String>,
    system_log_level: Option<String>,
    log_group: Option<String>,
}

/// Settings that were checked.
pub(super) struct Checked {
    settings: Settings,
    layers: Option<Vec<LayerReference>>,
}

impl Settings {
    pub(super) fn runtime(&self) -> Option<&str> {
        self.runtime.as_deref()
    }

    pub(super) fn role(&self) -> Option<&str> {
        self.role.as_deref()
    }

    pub(super) fn handler(&self) -> Option<&str> {
        self.handler.as_deref()
    }

    /// Notes what violates the service model.
    pub(super) fn note(&self, violations: &mut Violations) {
        violations.text("role", self.role.as_deref(), &shapes::ROLE);
        violations.text("handler", self.handler.as_deref(), &shapes::HANDLER);
        violations.text("description", self.description.as_deref(), &shapes::DESCRIPTION);
        violations.integer("timeout", self.timeout, &shapes::TIMEOUT);
        violations.integer("memorySize", self.memory_size, &shapes::MEMORY_MB);
        violations.text("kMSKeyArn", self.kms_key_arn.as_deref(), &shapes::OPTIONAL_ARN);
        if let Some(dead_letter) = &self.dead_letter_config {
            violations.text("deadLetterConfig.targetArn", dead_letter.target_arn.as_deref(), &shapes::OPTIONAL_ARN);
        }
        if let Some(tracing) = &self.tracing_config {
            violations.text("tracingConfig.mode", tracing.mode.as_deref(), &shapes::TRACING_MODE);
        }
        if let Some(storage) = &self.ephemeral_storage {
            violations.required_integer("ephemeralStorage.size", storage.size, &shapes::EPHEMERAL_STORAGE_MB);
        }
        if let Some(snap_start) = &self.snap_start {
            violations.text("snapStart.applyOn", snap_start.apply_on.as_deref(), &shapes::SNAP_START);
        }
        if let Some(logging) = &self.logging_config {
            violations.text("loggingConfig.logFormat", logging.log_format.as_deref(), &shapes::LOG_FORMAT);
            let level = logging.application_log_level.as_deref();
            violations.text("loggingConfig.applicationLogLevel", level, &shapes::APPLICATION_LEVEL);
            let level = logging.system_log_level.as_deref();
            violations.text("loggingConfig.systemLogLevel", level, &shapes::SYSTEM_LEVEL);
            violations.text("loggingConfig.logGroup", logging.log_group.as_deref(), &shapes::LOG_GROUP);
        }
    }

    /// Checks what the service model does not say.
    ///
    /// # Errors
    /// `InvalidParameterValueException`.
    pub(super) fn check(self, lambda: &Lambda, scope: &Scope) -> Result<Checked, ApiError> {
        if let Some(runtime) = &self.runtime {
            shapes::check_runtime(runtime)?;
            check_hosted(runtime)?;
        }
        if let Some(variables) = self.environment.as_ref().and_then(|environment| environment.variables.as_ref()) {
            shapes::check_environment(variables)?;
        }
        let refused = [
            (
                self.file_system_configs.as_ref().is_some_and(|list| !list.is_empty()),
                "file systems (FileSystemConfigs)",
            ),
            (self.image_config.is_some(), "functions of container images (ImageConfig)"),
            (self.capacity_provider_config.is_some(), "capacity providers (CapacityProviderConfig)"),
            (self.durable_config.is_some(), "durable functions (DurableConfig)"),
            (
                self.snap_start.as_ref().is_some_and(|asked| asked.apply_on.as_deref() == Some("PublishedVersions")),
                "SnapStart (SnapStart.ApplyOn other than None)",
            ),
        ];
        if let Some((_, what)) = refused.iter().find(|(is_asked, _)| *is_asked) {
            return Err(not_supported(what));
        }
        if let Some(logging) = &self.logging_config {
            let has_levels = logging.application_log_level.is_some() || logging.system_log_level.is_some();
            if has_levels && logging.log_format.as_deref() == Some("Text") {
                return Err(invalid_parameter("To use ApplicationLogLevel or SystemLogLevel, set LogFormat to JSON."));
            }
        }
        let layers = self.layers.as_ref().map(|arns| lambda.functions.layers.references(arns, scope)).transpose()?;
        Ok(Checked { settings: self, layers })
    }
}

impl Checked {
    /// Makes `configuration` what was asked for.
    pub(super) fn apply(self, id: &FunctionId, configuration: &mut Configuration) {
        let Self { settings, layers } = self;
        fn set<T>(place: &mut T, value: Option<T>) {
            if let Some(value) = value {
                *place = value;
            }
        }
        // Within their limits, which were checked.
        let unsigned = |number: i64| u32::try_from(number).unwrap_or_default();
        set(&mut configuration.role, settings.role);
        set(&mut configuration.handler, settings.handler);
        set(&mut configuration.description, settings.description);
        set(&mut configuration.timeout_ms, settings.timeout.map(|seconds| u64::from(unsigned(seconds)) * 1_000));
        set(&mut configuration.memory_mb, settings.memory_size.map(unsigned));
        set(&mut configuration.environment, settings.environment.map(|asked| asked.variables.unwrap_or_default()));
        set(&mut configuration.runtime, settings.runtime.map(Some));
        set(&mut configuration.layers, layers);
        let not_empty = |text: String| Some(text).filter(|text| !text.is_empty());
        set(&mut configuration.kms_key_arn, settings.kms_key_arn.map(not_empty));
        let dead_letter = settings.dead_letter_config;
        set(&mut configuration.dead_letter_arn, dead_letter.map(|asked| asked.target_arn.and_then(not_empty)));
        set(&mut configuration.tracing_mode, settings.tracing_config.and_then(|asked| asked.mode));
        let storage = settings.ephemeral_storage.and_then(|asked| asked.size);
        set(&mut configuration.ephemeral_storage_mb, storage.map(unsigned));
        if let Some(vpc) = settings.vpc_config {
            let vpc = Vpc {
                subnet_ids: vpc.subnet_ids.unwrap_or_default(),
                security_group_ids: vpc.security_group_ids.unwrap_or_default(),
                ipv6_allowed: vpc.ipv6_allowed_for_dual_stack.unwrap_or(false),
            };
            configuration.vpc = (!vpc.subnet_ids.is_empty() || !vpc.security_group_ids.is_empty()).then_some(vpc);
        }
        if let Some(asked) = settings.logging_config {
            let logging = &mut configuration.logging;
            let format = asked.log_format.unwrap_or_else(|| logging.format.clone());
            let is_json = format == "JSON";
            let level = |asked: Option<String>, known: Option<String>| {
                is_json.then(|| asked.or(known).unwrap_or_else(|| "INFO".into()))
            };
            logging.application_level = level(asked.application_log_level, logging.application_level.take());
            logging.system_level = level(asked.system_log_level, logging.system_level.take());
            logging.format = format;
            logging.group = asked.log_group.unwrap_or_else(|| format!("/aws/lambda/{}", id.name));
        }
    }
}

/// Checks that functions of `runtime` run here.
fn check_hosted(runtime: &str) -> Result<(), ApiError> {
    runtime.parse::<Runtime>().map(drop).map_err(|error| invalid_parameter(format!("{error}.")))
}

/// Checks that code for `architectures` runs here.
///
/// # Errors
/// `ValidationException` for no architecture, `InvalidParameterValueException` for another machine's.
pub(super) fn check_architectures(architectures: Option<&[String]>) -> Result<(), ApiError> {
    let Some(architectures) = architectures else { return Ok(()) };
    let mut violations = Violations::default();
    violations.list("architectures", architectures.len(), &anabranch_protocol::List { min: 1, max: 1 });
    for architecture in architectures.iter().take(1) {
        violations.text("architectures", Some(architecture), &shapes::ARCHITECTURE);
    }
    violations.finish()?;
    match architectures.iter().find(|asked| *asked != crate::configuration::ARCHITECTURE) {
        None => Ok(()),
        Some(other) => {
            let here = crate::configuration::ARCHITECTURE;
            Err(not_supported(&format!("the architecture {other} on this machine, which is {here}")))
        }
    }
}

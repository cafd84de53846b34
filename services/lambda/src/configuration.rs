//! What a version of a function is made of: its code and its settings.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;
use uuid::Uuid;

use crate::function::{Executable, FunctionSpec};

/// The account-wide default of functions that `anabranch up` brings, which have no role.
pub(crate) const DEFAULT_ROLE: &str = "role/lambda-role";
/// Size of `/tmp` unless told otherwise, in MB.
pub(crate) const EPHEMERAL_STORAGE_MB_DEFAULT: u32 = 512;
/// The machine's architecture, by AWS's name.
pub(crate) const ARCHITECTURE: &str = if cfg!(target_arch = "aarch64") { "arm64" } else { "x86_64" };

/// A version's code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Code {
    pub(crate) kind: CodeKind,
    /// SHA-256 of the package as it came, in hexadecimal; of no meaning for what is no package.
    pub(crate) sha256: String,
    /// Bytes of the package as it came, or of the program.
    pub(crate) bytes: u64,
}

/// Where code is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum CodeKind {
    /// A program of somebody else's, at this path.
    Binary(PathBuf),
    /// Another Invoke endpoint.
    Remote(String),
    /// A directory of somebody else's.
    Directory(PathBuf),
    /// In the code store, by its hash.
    Package,
}

/// A layer version that a function uses. It stays usable when the layer version is deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LayerReference {
    pub(crate) arn: String,
    pub(crate) sha256: String,
    pub(crate) bytes: u64,
}

/// `LoggingConfig`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Logging {
    pub(crate) format: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) application_level: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) system_level: Option<String>,
    pub(crate) group: String,
}

/// `VpcConfig`: kept, without effect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Vpc {
    pub(crate) subnet_ids: Vec<String>,
    pub(crate) security_group_ids: Vec<String>,
    pub(crate) ipv6_allowed: bool,
}

/// A version's code and settings, in the form in which they are stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Configuration {
    pub(crate) code: Code,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) runtime: Option<String>,
    pub(crate) role: String,
    pub(crate) handler: String,
    pub(crate) description: String,
    pub(crate) timeout_ms: u64,
    pub(crate) memory_mb: u32,
    pub(crate) ephemeral_storage_mb: u32,
    pub(crate) environment: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) layers: Vec<LayerReference>,
    /// Directories that are used as layers of a function that is put, not created.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) layer_directories: Vec<PathBuf>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) vpc: Option<Vpc>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) dead_letter_arn: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) kms_key_arn: Option<String>,
    pub(crate) tracing_mode: String,
    pub(crate) logging: Logging,
    pub(crate) last_modified_ms: u64,
    /// Changes whenever anything of the version does.
    pub(crate) revision_id: String,
}

impl Configuration {
    /// A configuration with AWS's defaults.
    pub(crate) fn new(name: &str, code: Code, role: String, now_ms: u64) -> Self {
        Self {
            code,
            runtime: None,
            role,
            handler: String::new(),
            description: String::new(),
            timeout_ms: 3_000,
            memory_mb: 128,
            ephemeral_storage_mb: EPHEMERAL_STORAGE_MB_DEFAULT,
            environment: BTreeMap::new(),
            layers: Vec::new(),
            layer_directories: Vec::new(),
            vpc: None,
            dead_letter_arn: None,
            kms_key_arn: None,
            tracing_mode: "PassThrough".into(),
            logging: Logging::of(name),
            last_modified_ms: now_ms,
            revision_id: revision_id(),
        }
    }

    /// That of a function which is put, not created.
    pub(crate) fn of_spec(spec: &FunctionSpec, code: Code, role: String, now_ms: u64) -> Self {
        Self {
            runtime: Some(match &spec.executable {
                Executable::Package { runtime, .. } => runtime.clone(),
                Executable::Binary(_) | Executable::Remote(_) => "provided.al2023".into(),
            }),
            handler: spec.handler.clone(),
            timeout_ms: u64::try_from(spec.timeout.as_millis()).unwrap_or(u64::MAX),
            memory_mb: spec.memory_mb,
            environment: spec.environment.clone(),
            layer_directories: spec.layers.clone(),
            ..Self::new(&spec.name, code, role, now_ms)
        }
    }

    /// Notes that something of it was changed.
    pub(crate) fn touch(&mut self, now_ms: u64) {
        self.last_modified_ms = now_ms;
        self.revision_id = revision_id();
    }

    /// Hashes of all packages it needs.
    pub(crate) fn packages(&self) -> impl Iterator<Item = &str> {
        let code = (self.code.kind == CodeKind::Package).then_some(self.code.sha256.as_str());
        code.into_iter().chain(self.layers.iter().map(|layer| layer.sha256.as_str()))
    }

    /// Whether publishing it would make a version like `other`.
    pub(crate) fn is_as(&self, other: &Self) -> bool {
        let settings = |configuration: &Self| Self {
            description: String::new(),
            last_modified_ms: 0,
            revision_id: String::new(),
            ..configuration.clone()
        };
        settings(self) == settings(other)
    }

    pub(crate) fn timeout(&self) -> Duration {
        Duration::from_millis(self.timeout_ms)
    }
}

impl Logging {
    pub(crate) fn of(name: &str) -> Self {
        Self {
            format: "Text".into(),
            application_level: None,
            system_level: None,
            group: format!("/aws/lambda/{name}"),
        }
    }
}

impl Code {
    /// What is run where it lies, and is `bytes` long.
    pub(crate) fn of_executable(executable: Executable, sha256: String, bytes: u64) -> Self {
        let kind = match executable {
            Executable::Binary(program) => CodeKind::Binary(program),
            Executable::Remote(base_url) => CodeKind::Remote(base_url),
            Executable::Package { directory, .. } => CodeKind::Directory(directory),
        };
        Self { kind, sha256, bytes }
    }
}

pub(crate) fn revision_id() -> String {
    Uuid::new_v4().to_string()
}

//! Functions as they are stored: one row for what is changed, one for each published version.

use anabranch_control::Stored;
use anabranch_protocol::{Account, Region};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use crate::alias::Alias;
use crate::configuration::{Code, CodeKind, Configuration, DEFAULT_ROLE, Logging};
use crate::destinations::Destination;
use crate::function_id::{FunctionId, LATEST_VERSION, Scope};
use crate::policy::Policy;

/// A function's row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct FunctionRecord {
    pub(crate) account: Account,
    pub(crate) region: Region,
    pub(crate) name: String,
    /// `$LATEST`.
    pub(crate) latest: Configuration,
    /// The number that was given to a version last; none is given twice.
    pub(crate) last_version: u64,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) aliases: BTreeMap<String, Alias>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) tags: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reserved_concurrency: Option<u32>,
    /// By qualifier, `$LATEST` for the function without any; as are those below.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) event_invoke: BTreeMap<String, EventInvoke>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) policies: BTreeMap<String, Policy>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) provisioned: BTreeMap<String, Provisioned>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) runtime_updates: BTreeMap<String, RuntimeUpdates>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) urls: BTreeMap<String, Url>,
    /// Whether recursive loops are let go on (`RecursiveLoop` is `Allow`).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) allows_recursion: bool,
}

/// How asynchronous invocations are done (`FunctionEventInvokeConfig`).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct EventInvoke {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) retries_max: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) age_max_seconds: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) on_success: Option<Destination>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) on_failure: Option<Destination>,
    pub(crate) last_modified_ms: u64,
}

/// Environments that are kept ready.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Provisioned {
    pub(crate) environments: u32,
    pub(crate) last_modified_ms: u64,
}

/// When a runtime's patches are taken up: kept, since here it is the machine's runtime.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct RuntimeUpdates {
    pub(crate) update_on: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) version_arn: Option<String>,
}

/// A function URL.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Url {
    /// The first label of its host name.
    pub(crate) id: String,
    pub(crate) auth_type: String,
    pub(crate) streams: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) cors: Option<Cors>,
    pub(crate) created_ms: u64,
    pub(crate) last_modified_ms: u64,
}

/// Which pages may read the answers of a function URL, as requests have it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(crate) struct Cors {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) allow_credentials: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) allow_headers: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) allow_methods: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) allow_origins: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) expose_headers: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) max_age: Option<u32>,
}

impl FunctionRecord {
    /// A function that has nothing but its `$LATEST`.
    pub(crate) fn new(id: &FunctionId, latest: Configuration) -> Self {
        Self {
            account: id.scope.account,
            region: id.scope.region.clone(),
            name: id.name.clone(),
            latest,
            last_version: 0,
            aliases: BTreeMap::new(),
            tags: BTreeMap::new(),
            reserved_concurrency: None,
            event_invoke: BTreeMap::new(),
            policies: BTreeMap::new(),
            provisioned: BTreeMap::new(),
            runtime_updates: BTreeMap::new(),
            urls: BTreeMap::new(),
            allows_recursion: false,
        }
    }

    pub(crate) fn id(&self) -> FunctionId {
        FunctionId::new(Scope { account: self.account, region: self.region.clone() }, self.name.clone())
    }
}

/// A published version's row. It is never changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct VersionRecord {
    pub(crate) account: Account,
    pub(crate) region: Region,
    pub(crate) name: String,
    pub(crate) number: u64,
    pub(crate) configuration: Configuration,
}

impl VersionRecord {
    /// The key under which it is stored: versions of a function lie in their order.
    pub(crate) fn key(id: &FunctionId, number: u64) -> String {
        format!("{id}:{number:012}")
    }

    pub(crate) fn id(&self) -> FunctionId {
        FunctionId::new(Scope { account: self.account, region: self.region.clone() }, self.name.clone())
    }
}

impl Stored for VersionRecord {
    const KIND: &'static str = "function_version";
    const VERSION: u32 = 1;
}

impl Stored for FunctionRecord {
    const KIND: &'static str = "function";
    const VERSION: u32 = 3;

    fn migrate(version: u32, row: Value) -> serde_json::Result<Self> {
        let row = match version {
            1 => serde_json::from_value::<Version1>(row)?.try_into()?,
            _ => serde_json::from_value::<Version2>(row)?,
        };
        Ok(row.into())
    }
}

/// In version 2 a function was a program or an endpoint that `anabranch up` had brought.
#[derive(Deserialize)]
struct Version2 {
    account: Account,
    region: Region,
    name: String,
    executable: Version2Executable,
    #[serde(default)]
    layers: Vec<PathBuf>,
    timeout_ms: u64,
    memory_mb: u32,
    handler: String,
    environment: BTreeMap<String, String>,
    reserved_concurrency: Option<u32>,
    on_failure: Option<Destination>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Version2Executable {
    Binary(PathBuf),
    Remote(String),
    Package { directory: PathBuf, runtime: String },
}

impl From<Version2> for FunctionRecord {
    fn from(row: Version2) -> Self {
        let (kind, runtime) = match row.executable {
            Version2Executable::Binary(program) => (CodeKind::Binary(program), "provided.al2023".into()),
            Version2Executable::Remote(base_url) => (CodeKind::Remote(base_url), "provided.al2023".into()),
            Version2Executable::Package { directory, runtime } => (CodeKind::Directory(directory), runtime),
        };
        let code = Code { kind, sha256: String::new(), bytes: 0 };
        let role = format!("arn:aws:iam::{}:{DEFAULT_ROLE}", row.account);
        let id = FunctionId::new(Scope { account: row.account, region: row.region }, row.name);
        let latest = Configuration {
            runtime: Some(runtime),
            layer_directories: row.layers,
            handler: row.handler,
            timeout_ms: row.timeout_ms,
            memory_mb: row.memory_mb,
            environment: row.environment,
            logging: Logging::of(&id.name),
            ..Configuration::new(&id.name, code, role, 0)
        };
        let mut record = Self { reserved_concurrency: row.reserved_concurrency, ..Self::new(&id, latest) };
        if row.on_failure.is_some() {
            let event_invoke = EventInvoke { on_failure: row.on_failure, ..EventInvoke::default() };
            record.event_invoke.insert(LATEST_VERSION.into(), event_invoke);
        }
        record
    }
}

/// In version 1 there was one account in one region, and a destination was an ARN.
#[derive(Deserialize)]
struct Version1 {
    name: String,
    executable: Version1Executable,
    timeout: Duration,
    memory_mb: u32,
    handler: String,
    environment: BTreeMap<String, String>,
    reserved_concurrency: Option<u32>,
    on_failure: Option<String>,
}

#[derive(Deserialize)]
enum Version1Executable {
    Binary(PathBuf),
    Remote(String),
}

impl TryFrom<Version1> for Version2 {
    type Error = serde_json::Error;

    fn try_from(row: Version1) -> Result<Self, serde_json::Error> {
        let Scope { account, region } = Scope::default();
        let on_failure = row.on_failure.map(|arn| arn.parse()).transpose();
        Ok(Self {
            account,
            region,
            name: row.name,
            executable: match row.executable {
                Version1Executable::Binary(program) => Version2Executable::Binary(program),
                Version1Executable::Remote(base_url) => Version2Executable::Remote(base_url),
            },
            layers: Vec::new(),
            timeout_ms: u64::try_from(row.timeout.as_millis()).unwrap_or(u64::MAX),
            memory_mb: row.memory_mb,
            handler: row.handler,
            environment: row.environment,
            reserved_concurrency: row.reserved_concurrency,
            on_failure: on_failure.map_err(serde::de::Error::custom)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::configuration::{LayerReference, Vpc};
    use serde_json::json;

    const STORED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/stored");

    fn id(name: &str) -> FunctionId {
        let scope = Scope { account: "111122223333".parse().unwrap(), region: "eu-west-1".parse().unwrap() };
        FunctionId::new(scope, name)
    }

    fn full() -> Configuration {
        let code = Code { kind: CodeKind::Package, sha256: "ab".repeat(32), bytes: 1_000 };
        let role = "arn:aws:iam::111122223333:role/consumer".to_string();
        let mut full = Configuration::new("consumer", code, role, 1_700_000_000_000);
        full.runtime = Some("python3.13".into());
        full.handler = "app.handle".into();
        full.description = "counts".into();
        full.environment = [("TABLE".to_string(), "totals".to_string())].into();
        let arn = "arn:aws:lambda:eu-west-1:111122223333:layer:shared:1".to_string();
        full.layers = vec![LayerReference { arn, sha256: "cd".repeat(32), bytes: 10 }];
        let subnet_ids = vec!["subnet-1".to_string()];
        full.vpc = Some(Vpc { subnet_ids, security_group_ids: vec!["sg-1".into()], ipv6_allowed: false });
        full.dead_letter_arn = Some("arn:aws:sqs:eu-west-1:111122223333:dead".into());
        full.kms_key_arn = Some("arn:aws:kms:eu-west-1:111122223333:key/1".into());
        full.logging.application_level = Some("INFO".into());
        full.logging.system_level = Some("WARN".into());
        full.revision_id = "11111111-2222-3333-4444-555555555555".into();
        full
    }

    #[test]
    fn functions_have_fixtures() {
        let mut own = FunctionRecord::new(&id("consumer"), full());
        own.last_version = 2;
        let revision_id = "21111111-2222-3333-4444-555555555555".to_string();
        let additional = Some(("2".to_string(), 0.25));
        let alias = Alias { version: "1".into(), description: "now".into(), additional, revision_id };
        own.aliases.insert("live".into(), alias);
        own.tags.insert("team".into(), "clicks".into());
        own.reserved_concurrency = Some(2);
        let event_invoke = EventInvoke {
            retries_max: Some(1),
            age_max_seconds: Some(60),
            on_success: Some("arn:aws:s3:::successes".parse().unwrap()),
            on_failure: Some("arn:aws:s3:::failures".parse().unwrap()),
            last_modified_ms: 1_700_000_000_000,
        };
        own.event_invoke.insert("$LATEST".into(), event_invoke);
        let mut policy = Policy::default();
        policy.add("s3", json!({ "Sid": "s3", "Effect": "Allow" }));
        policy.revision_id = "31111111-2222-3333-4444-555555555555".into();
        own.policies.insert("live".into(), policy);
        let provisioned = Provisioned { environments: 1, last_modified_ms: 1_700_000_000_000 };
        own.provisioned.insert("live".into(), provisioned);
        let updates = RuntimeUpdates { update_on: "Manual".into(), version_arn: Some("arn".into()) };
        own.runtime_updates.insert("$LATEST".into(), updates);
        let cors = Cors { allow_origins: Some(vec!["*".into()]), max_age: Some(60), ..Cors::default() };
        let url = Url {
            id: "abcdefghijklmnopqrstuvwxyz012345".into(),
            auth_type: "NONE".into(),
            streams: true,
            cors: Some(cors),
            created_ms: 1_700_000_000_000,
            last_modified_ms: 1_700_000_000_000,
        };
        own.urls.insert("live".into(), url);
        own.allows_recursion = true;
        let code = Code { kind: CodeKind::Remote("http://127.0.0.1:9000".into()), sha256: String::new(), bytes: 0 };
        let mut latest = Configuration::new("elsewhere", code, "arn:aws:iam::111122223333:role/r".into(), 0);
        latest.revision_id = "41111111-2222-3333-4444-555555555555".into();
        anabranch_control::check_fixtures(STORED, &[own, FunctionRecord::new(&id("elsewhere"), latest)]);
    }

    #[test]
    fn versions_have_fixtures() {
        let FunctionId { scope, name } = id("consumer");
        let (account, region) = (scope.account, scope.region);
        let version = VersionRecord { account, region, name, number: 1, configuration: full() };
        assert_eq!(VersionRecord::key(&version.id(), 1), "111122223333/eu-west-1/consumer:000000000001");
        anabranch_control::check_fixtures(STORED, &[version]);
    }

    #[test]
    fn a_function_of_the_one_account_there_was_belongs_to_the_default_one() {
        let row = json!({
            "name": "consumer", "executable": {"Binary": "/functions/consumer/bootstrap"},
            "timeout": {"secs": 30, "nanos": 0}, "memory_mb": 256, "handler": "bootstrap", "environment": {"A": "b"},
            "reserved_concurrency": 2, "on_failure": "arn:aws:s3:::failures",
        });
        let record = FunctionRecord::migrate(1, row).unwrap();
        assert_eq!(record.id(), "consumer".parse().unwrap());
        assert_eq!((record.latest.timeout_ms, record.latest.memory_mb), (30_000, 256));
        assert_eq!(record.latest.code.kind, CodeKind::Binary("/functions/consumer/bootstrap".into()));
        assert_eq!(record.event_invoke["$LATEST"].on_failure, Some("arn:aws:s3:::failures".parse().unwrap()));
    }
}

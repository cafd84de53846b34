//! Functions as they are stored.

use anabranch_control::Stored;
use anabranch_protocol::{Account, Region};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use crate::destinations::Destination;
use crate::function::{Executable, FunctionSpec};
use crate::function_id::Scope;

/// A function's row.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct StoredFunction {
    account: Account,
    region: Region,
    name: String,
    executable: StoredExecutable,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    layers: Vec<PathBuf>,
    timeout_ms: u64,
    memory_mb: u32,
    handler: String,
    environment: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reserved_concurrency: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    on_failure: Option<Destination>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum StoredExecutable {
    Binary(PathBuf),
    Remote(String),
    Package { directory: PathBuf, runtime: String },
}

impl Stored for StoredFunction {
    const KIND: &'static str = "function";
    const VERSION: u32 = 2;

    fn migrate(_: u32, row: Value) -> serde_json::Result<Self> {
        serde_json::from_value::<Version1>(row)?.try_into()
    }
}

impl From<&FunctionSpec> for StoredFunction {
    fn from(spec: &FunctionSpec) -> Self {
        let FunctionSpec {
            scope,
            name,
            executable,
            layers,
            timeout,
            memory_mb,
            handler,
            environment,
            reserved_concurrency,
            on_failure,
        } = spec.clone();
        Self {
            account: scope.account,
            region: scope.region,
            name,
            executable: match executable {
                Executable::Binary(program) => StoredExecutable::Binary(program),
                Executable::Remote(base_url) => StoredExecutable::Remote(base_url),
                Executable::Package { directory, runtime } => StoredExecutable::Package { directory, runtime },
            },
            layers,
            timeout_ms: u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX),
            memory_mb,
            handler,
            environment,
            reserved_concurrency,
            on_failure,
        }
    }
}

impl From<StoredFunction> for FunctionSpec {
    fn from(stored: StoredFunction) -> Self {
        Self {
            scope: Scope { account: stored.account, region: stored.region },
            name: stored.name,
            executable: match stored.executable {
                StoredExecutable::Binary(program) => Executable::Binary(program),
                StoredExecutable::Remote(base_url) => Executable::Remote(base_url),
                StoredExecutable::Package { directory, runtime } => Executable::Package { directory, runtime },
            },
            layers: stored.layers,
            timeout: Duration::from_millis(stored.timeout_ms),
            memory_mb: stored.memory_mb,
            handler: stored.handler,
            environment: stored.environment,
            reserved_concurrency: stored.reserved_concurrency,
            on_failure: stored.on_failure,
        }
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

impl TryFrom<Version1> for StoredFunction {
    type Error = serde_json::Error;

    fn try_from(row: Version1) -> Result<Self, serde_json::Error> {
        let Scope { account, region } = Scope::default();
        let on_failure = row.on_failure.map(|arn| arn.parse()).transpose();
        Ok(Self {
            account,
            region,
            name: row.name,
            executable: match row.executable {
                Version1Executable::Binary(program) => StoredExecutable::Binary(program),
                Version1Executable::Remote(base_url) => StoredExecutable::Remote(base_url),
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
    use serde_json::json;

    #[test]
    fn functions_have_fixtures() {
        let mut own = FunctionSpec::new("consumer", Executable::Binary("/functions/consumer/bootstrap".into()));
        own.scope = Scope { account: "111122223333".parse().unwrap(), region: "eu-west-1".parse().unwrap() };
        own.timeout = Duration::from_secs(30);
        own.environment = [("TABLE".to_string(), "totals".to_string())].into();
        own.reserved_concurrency = Some(2);
        own.on_failure = Some("arn:aws:s3:::failures".parse().unwrap());
        let remote = FunctionSpec::new("elsewhere", Executable::Remote("http://127.0.0.1:9000".into()));
        let samples = [own, remote];
        let rows: Vec<StoredFunction> = samples.iter().map(StoredFunction::from).collect();
        anabranch_control::check_fixtures(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/stored"), &rows);
        assert_eq!(rows.into_iter().map(FunctionSpec::from).collect::<Vec<_>>(), samples);
    }

    #[test]
    fn a_function_of_the_one_account_there_was_belongs_to_the_default_one() {
        let row = json!({
            "name": "consumer", "executable": {"Binary": "/functions/consumer/bootstrap"},
            "timeout": {"secs": 30, "nanos": 0}, "memory_mb": 256, "handler": "bootstrap", "environment": {"A": "b"},
            "reserved_concurrency": 2, "on_failure": "arn:aws:s3:::failures",
        });
        let spec = FunctionSpec::from(StoredFunction::migrate(1, row).unwrap());
        assert_eq!(spec.id(), "consumer".parse().unwrap());
        assert_eq!((spec.timeout, spec.memory_mb), (Duration::from_secs(30), 256));
        assert_eq!(spec.on_failure, Some("arn:aws:s3:::failures".parse().unwrap()));
    }
}

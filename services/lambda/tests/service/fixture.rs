//! A service in a temporary folder, with an empty stream and objects in memory.

use anabranch_control::ControlStore;
use anabranch_lambda::sources::{EventSource, Kinesis};
use anabranch_lambda::{Executable, FunctionId, FunctionSpec, Lambda, LambdaConfig, Scope};
use anabranch_ports::{
    Delivery, NewObject, ObjectReader, ObjectWriter, PortError, PortErrorKind, ShardCursor, ShardInfo, ShardRead,
    Start, StreamHandle, StreamSource, Target,
};
use anabranch_protocol::SystemClock;
use async_trait::async_trait;
use bytes::Bytes;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

pub(crate) const STREAM_ARN: &str = "arn:aws:kinesis:us-east-1:000000000000:stream/clicks";

/// The ARN of `clicks` in an account and region.
pub(crate) fn stream_arn(scope: &Scope) -> String {
    format!("arn:aws:kinesis:{}:{}:stream/clicks", scope.region, scope.account)
}

/// In every account and region there is an empty stream `clicks`, and no other.
pub(crate) struct EmptyStream;

#[async_trait]
impl StreamSource for EmptyStream {
    async fn open_stream(&self, arn: &str) -> Result<Arc<dyn StreamHandle>, PortError> {
        match arn.ends_with(":stream/clicks") {
            true => Ok(Arc::new(EmptyStream)),
            false => Err(PortError::new(PortErrorKind::NotFound, "ResourceNotFoundException", arn)),
        }
    }
}

#[async_trait]
impl StreamHandle for EmptyStream {
    async fn list_shards(&self) -> Result<Vec<ShardInfo>, PortError> {
        let shard_id = "shardId-000000000000".into();
        Ok(vec![ShardInfo { shard_id, parent_shard_id: None, adjacent_parent_shard_id: None, closed: false }])
    }

    async fn resolve_start(&self, _: &str, _: Start) -> Result<ShardCursor, PortError> {
        Ok(ShardCursor::from_text("0"))
    }

    async fn read_shard(&self, _: &str, cursor: &ShardCursor, _: usize, _: usize) -> Result<ShardRead, PortError> {
        let next = cursor.clone();
        Ok(ShardRead { records: Vec::new(), next, at_tip: true, closed_and_drained: false, millis_behind: 0 })
    }

    async fn wait_for_records(&self, _: &str, _: &ShardCursor) -> Result<(), PortError> {
        std::future::pending().await
    }
}

#[derive(Default)]
pub(crate) struct Objects(pub(crate) Mutex<Vec<(String, Bytes)>>);

#[async_trait]
impl ObjectWriter for Objects {
    async fn put_object(&self, bucket: &str, key: &str, object: NewObject) -> Result<(), PortError> {
        self.0.lock().unwrap().push((format!("{bucket}/{key}"), object.body));
        Ok(())
    }
}

/// Takes every message and forgets it.
pub(crate) struct Targets;

#[async_trait]
impl Target for Targets {
    async fn check(&self, _: &str) -> Result<(), PortError> {
        Ok(())
    }

    async fn deliver(&self, _: &str, _: Delivery) -> Result<(), PortError> {
        Ok(())
    }
}

#[async_trait]
impl ObjectReader for Objects {
    async fn get_object(&self, bucket: &str, key: &str, _: Option<&str>, _: usize) -> Result<Bytes, PortError> {
        let name = format!("{bucket}/{key}");
        let objects = self.0.lock().unwrap();
        let found = objects.iter().rev().find(|(other, _)| *other == name).map(|(_, body)| body.clone());
        found.ok_or_else(|| PortError::new(PortErrorKind::NotFound, "NoSuchKey", "The specified key does not exist."))
    }
}

pub(crate) struct Service {
    pub(crate) lambda: Arc<Lambda>,
    pub(crate) objects: Arc<Objects>,
    pub(crate) control: ControlStore,
}

pub(crate) fn open(directory: &Path, config: LambdaConfig) -> Service {
    open_with(directory, config, vec![Kinesis::new(Arc::new(EmptyStream))])
}

pub(crate) fn open_with(directory: &Path, config: LambdaConfig, sources: Vec<Arc<dyn EventSource>>) -> Service {
    let control = ControlStore::open(&directory.join("control.redb")).unwrap();
    let objects = Arc::new(Objects::default());
    let clock = Arc::new(SystemClock);
    let (directory, targets) = (directory.join("lambda"), Arc::new(Targets));
    let lambda = Lambda::open(&directory, control.clone(), clock, sources, objects.clone(), targets, config).unwrap();
    Service { lambda, objects, control }
}

/// A function of the default account and region.
pub(crate) fn id(name: &str) -> FunctionId {
    name.parse().unwrap()
}

/// The example, which `cargo test` builds beside the tests.
pub(crate) fn program() -> PathBuf {
    let tests = std::env::current_exe().unwrap();
    let program = tests.parent().and_then(Path::parent).unwrap().join("examples/misbehaving_function");
    assert!(program.exists(), "build it first: cargo build -p anabranch-lambda --examples");
    program
}

pub(crate) fn function(name: &str) -> FunctionSpec {
    let mut spec = FunctionSpec::new(name, Executable::Binary(program()));
    spec.timeout = Duration::from_secs(30);
    spec
}

pub(crate) async fn eventually(what: &str, condition: impl Fn() -> bool) {
    let holds = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), holds).await.unwrap_or_else(|_| panic!("never: {what}"));
}

pub(crate) fn is_running(pid: u64) -> bool {
    // A zombie of ours is gone as far as functions are concerned.
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with('Z'))
}

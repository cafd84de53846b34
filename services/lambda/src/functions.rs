//! The functions there are, kept in the control store, each with its environments.

use anabranch_control::{Changes, ControlStore, Table};
use anabranch_protocol::{ApiError, Clock, Problem};
use parking_lot::RwLock;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::config::LambdaConfig;
use crate::control::commit;
use crate::error::{OpenError, not_found, service_exception};
use crate::function::{Executable, FunctionSpec};
use crate::function_id::{FunctionId, Scope};
use crate::host::process::PidFiles;
use crate::host::{Pool, RemoteClient};
use crate::invoke::{Invocation, InvokeOutcome};
use crate::runtimes::Runtimes;
use crate::stored_function::StoredFunction;

const FUNCTIONS: Table = Table("lambda_functions");

/// All functions.
pub(crate) struct Functions {
    config: Arc<LambdaConfig>,
    clock: Arc<dyn Clock>,
    control: ControlStore,
    directory: PathBuf,
    pid_files: PidFiles,
    runtimes: Arc<Runtimes>,
    remote: RemoteClient,
    hosted: RwLock<BTreeMap<FunctionId, Hosted>>,
}

#[derive(Clone)]
struct Hosted {
    spec: Arc<FunctionSpec>,
    /// Absent for remote functions.
    pool: Option<Arc<Pool>>,
    /// Kept when the function is replaced.
    counts: Arc<Counts>,
}

/// A function's figures, for the console.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FunctionStat {
    /// Its name; outside of the default account and region its ARN.
    pub name: String,
    /// Its running execution environments, busy or idle.
    pub environments: usize,
    /// Invocations since the server started, by whatever way they came.
    pub invocations: u64,
    /// Those that the function failed.
    pub errors: u64,
    /// Invocations that did not reach it: throttled, or a remote endpoint that was not there.
    pub refused: u64,
}

/// Counts since the server started.
#[derive(Debug, Default)]
struct Counts {
    invocations: AtomicU64,
    errors: AtomicU64,
    refused: AtomicU64,
}

impl Counts {
    fn add(&self, outcome: &Result<InvokeOutcome, ApiError>) {
        let counter = match outcome {
            Ok(outcome) => {
                self.invocations.fetch_add(1, Ordering::Relaxed);
                if outcome.function_error.is_none() {
                    return;
                }
                &self.errors
            }
            Err(_) => &self.refused,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

impl Functions {
    pub(crate) fn open(
        directory: &Path,
        control: ControlStore,
        clock: Arc<dyn Clock>,
        config: Arc<LambdaConfig>,
    ) -> Result<Self, OpenError> {
        std::fs::create_dir_all(directory)?;
        let functions = Self {
            remote: RemoteClient::new(config.remote_timeout),
            pid_files: PidFiles::open(directory.join("environments"))?,
            runtimes: Arc::new(Runtimes::open(directory.join("runtimes"), clock.clone())?),
            directory: directory.to_path_buf(),
            hosted: RwLock::default(),
            config,
            clock,
            control,
        };
        let (mut moved, mut any_moved) = (Changes::default(), false);
        for (key, stored) in functions.control.scan::<StoredFunction>(FUNCTIONS, "")? {
            let hosted = functions.host(stored.into());
            let id = hosted.spec.id();
            if key != id.to_string() {
                // Once there was one account, and functions lay under their names.
                any_moved = true;
                moved.delete(FUNCTIONS, &key);
                moved.put(FUNCTIONS, &id.to_string(), &StoredFunction::from(&*hosted.spec))?;
            }
            functions.hosted.write().insert(id, hosted);
        }
        if any_moved {
            functions.control.commit(moved)?;
        }
        Ok(functions)
    }

    fn host(&self, spec: FunctionSpec) -> Hosted {
        let spec = Arc::new(spec);
        let pool = match &spec.executable {
            Executable::Remote(_) => None,
            Executable::Binary(_) | Executable::Package { .. } => Some(Pool::new(
                spec.clone(),
                self.runtimes.clone(),
                self.config.clone(),
                self.clock.clone(),
                self.pid_files.clone(),
                &self.log_directory(&spec.scope),
            )),
        };
        let counts = self.hosted.read().get(&spec.id()).map(|hosted| hosted.counts.clone()).unwrap_or_default();
        Hosted { spec, pool, counts }
    }

    /// Logs of functions of the default account and region lie beside one another.
    fn log_directory(&self, scope: &Scope) -> PathBuf {
        match *scope == Scope::default() {
            true => self.directory.clone(),
            false => self.directory.join(scope.account.as_str()).join(scope.region.as_str()),
        }
    }

    pub(crate) async fn put(&self, spec: FunctionSpec) -> Result<(), ApiError> {
        spec.validate()?;
        let id = spec.id();
        let mut changes = Changes::default();
        let stored = changes.put(FUNCTIONS, &id.to_string(), &StoredFunction::from(&spec));
        stored.map_err(|error| service_exception(error.to_string()))?;
        commit(&self.control, changes).await?;
        let hosted = self.host(spec);
        let replaced = self.hosted.write().insert(id, hosted);
        retire(replaced).await;
        Ok(())
    }

    pub(crate) async fn delete(&self, id: &FunctionId) -> Result<(), ApiError> {
        self.spec(id)?;
        let mut changes = Changes::default();
        changes.delete(FUNCTIONS, &id.to_string());
        commit(&self.control, changes).await?;
        let removed = self.hosted.write().remove(id);
        retire(removed).await;
        Ok(())
    }

    pub(crate) fn spec(&self, id: &FunctionId) -> Result<Arc<FunctionSpec>, ApiError> {
        Ok(self.hosted(id)?.spec)
    }

    /// The functions of an account and region, in name order.
    pub(crate) fn list(&self, scope: &Scope) -> Vec<Arc<FunctionSpec>> {
        let hosted = self.hosted.read();
        hosted.values().filter(|hosted| hosted.spec.scope == *scope).map(|hosted| hosted.spec.clone()).collect()
    }

    /// Figures of all functions, by name.
    pub(crate) fn stat(&self) -> Vec<FunctionStat> {
        let stat = |(id, hosted): (&FunctionId, &Hosted)| FunctionStat {
            name: id.label(),
            environments: hosted.pool.as_ref().map_or(0, |pool| pool.environments()),
            invocations: hosted.counts.invocations.load(Ordering::Relaxed),
            errors: hosted.counts.errors.load(Ordering::Relaxed),
            refused: hosted.counts.refused.load(Ordering::Relaxed),
        };
        self.hosted.read().iter().map(stat).collect()
    }

    /// The functions whose processes don't start.
    pub(crate) fn problems(&self) -> Vec<Problem> {
        let pools: Vec<Arc<Pool>> = self.hosted.read().values().filter_map(|hosted| hosted.pool.clone()).collect();
        pools.iter().flat_map(|pool| pool.problems()).collect()
    }

    fn hosted(&self, id: &FunctionId) -> Result<Hosted, ApiError> {
        let found = self.hosted.read().get(id).cloned();
        found.ok_or_else(|| not_found(format!("Function not found: {}", id.arn())))
    }

    pub(crate) async fn invoke(&self, id: &FunctionId, invocation: Invocation) -> Result<InvokeOutcome, ApiError> {
        let hosted = self.hosted(id)?;
        let outcome = match (&hosted.spec.executable, &hosted.pool) {
            (Executable::Remote(base_url), _) => self.remote.invoke(base_url, &id.name, invocation).await,
            (_, Some(pool)) => pool.invoke(invocation).await,
            (_, None) => Err(service_exception(format!("{} has no environments", id.name))),
        };
        hosted.counts.add(&outcome);
        outcome
    }

    /// Stops all processes: idle ones at once, busy ones after their invocation or after
    /// `limit`, whichever is first.
    pub(crate) async fn shutdown(&self, limit: Duration) {
        let pools: Vec<Arc<Pool>> = self.hosted.read().values().filter_map(|hosted| hosted.pool.clone()).collect();
        let stopped = async {
            for pool in &pools {
                pool.retire().await;
            }
            for pool in &pools {
                pool.drained().await;
            }
        };
        if tokio::time::timeout(limit, stopped).await.is_err()
            && let Err(error) = self.pid_files.kill_recorded()
        {
            tracing::warn!(%error, "cannot kill the function processes that are still busy");
        }
    }
}

async fn retire(hosted: Option<Hosted>) {
    if let Some(pool) = hosted.and_then(|hosted| hosted.pool) {
        pool.retire().await;
    }
}

//! The functions there are, kept in the control store, and what runs of them.
//!
//! A function is changed by one caller at a time: what it is to be is drawn up, committed, and only
//! then seen by others.

mod change;
mod running;

use anabranch_control::{Changes, ControlStore, Table};
use anabranch_protocol::{ApiError, Clock, Problem};
use parking_lot::RwLock;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::code::{CodeStore, hash_file};
use crate::config::LambdaConfig;
use crate::configuration::{Code, Configuration, DEFAULT_ROLE};
use crate::error::{OpenError, not_found, reserved_concurrency_exceeded, service_exception};
use crate::function::{Executable, FunctionSpec};
use crate::function_id::{FunctionId, LATEST_PUBLISHED, LATEST_VERSION, QualifiedFunction, Scope};
use crate::host::RemoteClient;
use crate::host::process::PidFiles;
use crate::invoke::{Invocation, InvokeOutcome};
use crate::layers::Layers;
use crate::runtimes::Runtimes;
use crate::stored_function::{EventInvoke, FunctionRecord, VersionRecord};
pub(crate) use change::Draft;
use running::{Host, Running, spec};

const FUNCTIONS: Table = Table("lambda_functions");
const VERSIONS: Table = Table("lambda_function_versions");

/// All functions.
pub(crate) struct Functions {
    host: Host,
    control: ControlStore,
    pub(crate) code: Arc<CodeStore>,
    pub(crate) layers: Arc<Layers>,
    hosted: RwLock<BTreeMap<FunctionId, Hosted>>,
    /// Held by whoever changes functions.
    changes: Arc<tokio::sync::Mutex<()>>,
}

/// A function, and what runs of it.
#[derive(Clone)]
struct Hosted {
    record: Arc<FunctionRecord>,
    /// Published versions, by number.
    versions: Arc<BTreeMap<u64, Arc<Configuration>>>,
    running: Arc<Running>,
    /// Kept when the function is changed.
    counts: Arc<Counts>,
}

/// A version of a function, as it is described.
#[derive(Debug, Clone)]
pub(crate) struct Described {
    pub(crate) record: Arc<FunctionRecord>,
    /// `$LATEST` or a number.
    pub(crate) version: String,
    /// What ARNs of it end in, if it was named by it.
    pub(crate) qualifier: Option<String>,
    pub(crate) configuration: Arc<Configuration>,
}

/// An invocation that was run.
#[derive(Debug)]
pub(crate) struct Executed {
    /// `$LATEST` or a number.
    pub(crate) version: String,
    pub(crate) outcome: InvokeOutcome,
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
        let code = CodeStore::open(directory.join("code"))?;
        let functions = Self {
            host: Host {
                remote: RemoteClient::new(config.remote_timeout),
                pid_files: PidFiles::open(directory.join("environments"))?,
                runtimes: Arc::new(Runtimes::open(directory.join("runtimes"), clock.clone())?),
                directory: directory.to_path_buf(),
                code: code.clone(),
                config,
                clock,
            },
            layers: Layers::open(control.clone())?,
            code,
            hosted: RwLock::default(),
            changes: Arc::default(),
            control,
        };
        let mut versions: BTreeMap<FunctionId, BTreeMap<u64, Arc<Configuration>>> = BTreeMap::new();
        for (_, version) in functions.control.scan::<VersionRecord>(VERSIONS, "")? {
            versions.entry(version.id()).or_default().insert(version.number, Arc::new(version.configuration));
        }
        let (mut moved, mut any_moved) = (Changes::default(), false);
        for (key, record) in functions.control.scan::<FunctionRecord>(FUNCTIONS, "")? {
            let id = record.id();
            if key != id.to_string() {
                // Once there was one account, and functions lay under their names.
                any_moved = true;
                moved.delete(FUNCTIONS, &key);
                moved.put(FUNCTIONS, &id.to_string(), &record)?;
            }
            let hosted = Hosted {
                record: Arc::new(record),
                versions: Arc::new(versions.remove(&id).unwrap_or_default()),
                running: Arc::default(),
                counts: Arc::default(),
            };
            functions.hosted.write().insert(id, hosted);
        }
        if any_moved {
            functions.control.commit(moved)?;
        }
        functions.sweep()?;
        Ok(functions)
    }

    pub(crate) fn now_ms(&self) -> u64 {
        self.host.clock.now_ms()
    }

    pub(crate) fn config(&self) -> &LambdaConfig {
        &self.host.config
    }

    /// Removes packages that no function and no layer uses.
    fn sweep(&self) -> std::io::Result<()> {
        self.code.sweep(|sha256| self.uses(sha256) || self.layers.uses(sha256))
    }

    fn uses(&self, sha256: &str) -> bool {
        self.hosted.read().values().any(|hosted| {
            let versions = hosted.versions.values().map(Arc::as_ref);
            versions.chain([&hosted.record.latest]).any(|version| version.packages().any(|used| used == sha256))
        })
    }

    /// Creates a function or replaces its `$LATEST` by what `spec` says, whatever ran before.
    pub(crate) async fn put(self: &Arc<Self>, spec: FunctionSpec) -> Result<(), ApiError> {
        spec.validate()?;
        let (id, now_ms) = (spec.id(), self.now_ms());
        let (sha256, bytes) = match &spec.executable {
            Executable::Binary(program) => {
                let program = program.clone();
                let hashed = tokio::task::spawn_blocking(move || hash_file(&program)).await;
                // A program that is not there fails its invocations, and says so then.
                hashed.ok().and_then(Result::ok).unwrap_or_default()
            }
            Executable::Remote(_) | Executable::Package { .. } => Default::default(),
        };
        let code = Code::of_executable(spec.executable.clone(), sha256, bytes);
        let role = format!("arn:aws:iam::{}:{DEFAULT_ROLE}", id.scope.account);
        let configuration = Configuration::of_spec(&spec, code, role, now_ms);
        let new = FunctionRecord::new(&id, configuration.clone());
        let draw_up = move |draft: &mut Draft| {
            if !draft.record.latest.is_as(&configuration) {
                draft.record.latest = configuration;
            }
            draft.record.reserved_concurrency = spec.reserved_concurrency;
            match spec.on_failure {
                None => drop(draft.record.event_invoke.remove(LATEST_VERSION)),
                on_failure => {
                    let event_invoke = EventInvoke { on_failure, last_modified_ms: now_ms, ..EventInvoke::default() };
                    draft.record.event_invoke.insert(LATEST_VERSION.into(), event_invoke);
                }
            }
            // Its program may be another one at the same path.
            draft.starts_anew = true;
            Ok(())
        };
        self.change_or_create(&id, draw_up, move || new).await
    }

    pub(crate) async fn delete(self: &Arc<Self>, id: &FunctionId) -> Result<(), ApiError> {
        self.remove(id).await
    }

    /// `$LATEST`, as it is run.
    pub(crate) fn spec(&self, id: &FunctionId) -> Result<Arc<FunctionSpec>, ApiError> {
        let hosted = self.hosted(&id.into())?;
        Ok(Arc::new(spec(&self.code, &hosted.record, LATEST_VERSION, &hosted.record.latest)))
    }

    pub(crate) fn record(&self, id: &FunctionId) -> Result<Arc<FunctionRecord>, ApiError> {
        Ok(self.hosted(&id.into())?.record)
    }

    /// The version that `function` names; of an alias the one that it stands for first.
    ///
    /// # Errors
    /// `ResourceNotFoundException`.
    pub(crate) fn describe(&self, function: &QualifiedFunction) -> Result<Described, ApiError> {
        let hosted = self.hosted(function)?;
        let version = hosted.version(function, 1.0)?;
        let configuration = hosted.configuration(&version).ok_or_else(|| no_function(function))?;
        Ok(Described { record: hosted.record, version, qualifier: function.qualifier.clone(), configuration })
    }

    /// A function's versions: `$LATEST`, then the published ones in their order.
    pub(crate) fn versions(&self, id: &FunctionId) -> Result<Vec<Described>, ApiError> {
        Ok(self.hosted(&id.into())?.describe_all())
    }

    /// The functions of an account and region, in name order.
    pub(crate) fn list(&self, scope: &Scope) -> Vec<Arc<FunctionSpec>> {
        let of = |record: &FunctionRecord| Arc::new(spec(&self.code, record, LATEST_VERSION, &record.latest));
        self.records(scope).iter().map(|record| of(record)).collect()
    }

    /// The same, as they are stored.
    pub(crate) fn records(&self, scope: &Scope) -> Vec<Arc<FunctionRecord>> {
        let hosted = self.hosted.read();
        hosted.iter().filter(|(id, _)| id.scope == *scope).map(|(_, hosted)| hosted.record.clone()).collect()
    }

    /// The function whose URL has the id `url_id`, and the key of the URL: an alias or `$LATEST`.
    pub(crate) fn by_url(&self, url_id: &str) -> Option<(Arc<FunctionRecord>, String)> {
        self.hosted.read().values().find_map(|hosted| {
            let found = hosted.record.urls.iter().find(|(_, url)| url.id == url_id);
            found.map(|(key, _)| (hosted.record.clone(), key.clone()))
        })
    }

    /// How asynchronous invocations of `function` are done, if that is configured.
    pub(crate) fn event_invoke(&self, function: &QualifiedFunction) -> Option<EventInvoke> {
        let record = self.record(&function.id).ok()?;
        record.event_invoke.get(function.qualifier.as_deref().unwrap_or(LATEST_VERSION)).cloned()
    }

    /// Figures of all functions, by name.
    pub(crate) fn stat(&self) -> Vec<FunctionStat> {
        let stat = |(id, hosted): (&FunctionId, &Hosted)| FunctionStat {
            name: id.label(),
            environments: hosted.running.pools().iter().map(|pool| pool.environments()).sum(),
            invocations: hosted.counts.invocations.load(Ordering::Relaxed),
            errors: hosted.counts.errors.load(Ordering::Relaxed),
            refused: hosted.counts.refused.load(Ordering::Relaxed),
        };
        self.hosted.read().iter().map(stat).collect()
    }

    /// The functions whose processes don't start.
    pub(crate) fn problems(&self) -> Vec<Problem> {
        let running: Vec<Arc<Running>> = self.hosted.read().values().map(|hosted| hosted.running.clone()).collect();
        running.iter().flat_map(|running| running.pools()).flat_map(|pool| pool.problems()).collect()
    }

    fn hosted(&self, function: &QualifiedFunction) -> Result<Hosted, ApiError> {
        self.hosted.read().get(&function.id).cloned().ok_or_else(|| no_function(function))
    }

    /// Invokes what `function` names: of an alias with two versions, either.
    ///
    /// # Errors
    /// `ResourceNotFoundException`, `TooManyRequestsException`, `ServiceException`.
    pub(crate) async fn invoke(
        &self,
        function: impl Into<QualifiedFunction>,
        mut invocation: Invocation,
    ) -> Result<Executed, ApiError> {
        let function = function.into();
        invocation.function_arn.get_or_insert_with(|| function.arn());
        let (counts, version, runner) = {
            // Whoever changes the function waits until it is told which version is meant.
            let hosted = self.hosted.read();
            let hosted = hosted.get(&function.id).ok_or_else(|| no_function(&function))?;
            let version = hosted.version(&function, fastrand::f64())?;
            let configuration = hosted.configuration(&version).ok_or_else(|| no_function(&function))?;
            if hosted.record.reserved_concurrency == Some(0) {
                hosted.counts.refused.fetch_add(1, Ordering::Relaxed);
                return Err(reserved_concurrency_exceeded());
            }
            let runner = hosted.running.runner(&self.host, &hosted.record, &version, &configuration);
            (hosted.counts.clone(), version, runner)
        };
        let outcome = match &runner.pool {
            Some(pool) => pool.invoke(invocation).await,
            None => match &runner.spec.executable {
                Executable::Remote(base_url) => self.host.remote.invoke(base_url, &function.id.name, invocation).await,
                _ => Err(service_exception(format!("{} has no environments", function.id.name))),
            },
        };
        counts.add(&outcome);
        Ok(Executed { version, outcome: outcome? })
    }

    /// Stops all processes: idle ones at once, busy ones after their invocation or after
    /// `limit`, whichever is first.
    pub(crate) async fn shutdown(&self, limit: Duration) {
        let pools: Vec<_> = self.hosted.read().values().flat_map(|hosted| hosted.running.pools()).collect();
        let stopped = async {
            for pool in &pools {
                pool.retire().await;
            }
            for pool in &pools {
                pool.drained().await;
            }
        };
        if tokio::time::timeout(limit, stopped).await.is_err()
            && let Err(error) = self.host.pid_files.kill_recorded()
        {
            tracing::warn!(%error, "cannot kill the function processes that are still busy");
        }
    }

    /// Where a package's archive lies.
    pub(crate) fn archive(&self, sha256: &str) -> PathBuf {
        self.code.archive(sha256)
    }
}

impl Hosted {
    /// The version that `function` means; `drawn`, evenly spread over 0 to 1, decides for an alias that
    /// has two.
    fn version(&self, function: &QualifiedFunction, drawn: f64) -> Result<String, ApiError> {
        let missing = || no_function(function);
        match function.qualifier.as_deref() {
            None | Some(LATEST_VERSION) => Ok(LATEST_VERSION.into()),
            Some(LATEST_PUBLISHED) => self.versions.keys().next_back().map(u64::to_string).ok_or_else(missing),
            Some(number) if number.bytes().all(|byte| byte.is_ascii_digit()) => Ok(number.into()),
            Some(name) => {
                let alias = self.record.aliases.get(name).ok_or_else(missing)?;
                Ok(alias.route(drawn).to_string())
            }
        }
    }

    fn configuration(&self, version: &str) -> Option<Arc<Configuration>> {
        if version == LATEST_VERSION {
            return Some(Arc::new(self.record.latest.clone()));
        }
        self.versions.get(&version.parse().ok()?).cloned()
    }

    fn describe_all(&self) -> Vec<Described> {
        let described = |version: String, configuration: Arc<Configuration>| Described {
            record: self.record.clone(),
            qualifier: Some(version.clone()),
            version,
            configuration,
        };
        let latest = described(LATEST_VERSION.into(), Arc::new(self.record.latest.clone()));
        let published = self.versions.iter();
        let published = published.map(|(number, configuration)| described(number.to_string(), configuration.clone()));
        [latest].into_iter().chain(published).collect()
    }
}

pub(crate) fn no_function(function: &QualifiedFunction) -> ApiError {
    not_found(format!("Function not found: {}", function.arn()))
}

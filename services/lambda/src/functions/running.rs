//! What runs of a function: the environments of each version that was invoked.

use anabranch_protocol::Clock;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use crate::code::CodeStore;
use crate::config::LambdaConfig;
use crate::configuration::{CodeKind, Configuration};
use crate::function::{Executable, FunctionSpec};
use crate::function_id::{LATEST_VERSION, Scope};
use crate::host::process::PidFiles;
use crate::host::{Pool, RemoteClient};
use crate::runtimes::Runtimes;
use crate::stored_function::FunctionRecord;

/// What functions are run with.
pub(super) struct Host {
    pub(super) config: Arc<LambdaConfig>,
    pub(super) clock: Arc<dyn Clock>,
    /// Of the service.
    pub(super) directory: PathBuf,
    pub(super) pid_files: PidFiles,
    pub(super) remote: RemoteClient,
    pub(super) runtimes: Arc<Runtimes>,
    pub(super) code: Arc<CodeStore>,
}

/// The versions of a function that were invoked since they last changed.
#[derive(Default)]
pub(super) struct Running(Mutex<BTreeMap<String, Runner>>);

/// A version, as it is run.
#[derive(Clone)]
pub(super) struct Runner {
    pub(super) spec: Arc<FunctionSpec>,
    /// Absent for remote functions.
    pub(super) pool: Option<Arc<Pool>>,
}

impl Running {
    /// What runs `version`, from now on at the latest.
    pub(super) fn runner(
        &self,
        host: &Host,
        record: &FunctionRecord,
        version: &str,
        configuration: &Configuration,
    ) -> Runner {
        let mut running = self.0.lock();
        if let Some(runner) = running.get(version) {
            return runner.clone();
        }
        let runner = host.runner(spec(&host.code, record, version, configuration));
        running.insert(version.into(), runner.clone());
        runner
    }

    pub(super) fn pools(&self) -> Vec<Arc<Pool>> {
        self.0.lock().values().filter_map(|runner| runner.pool.clone()).collect()
    }

    /// Takes out the environments of what is no longer run as `specs` say; all if there are none.
    pub(super) fn outdated(&self, is_current: impl Fn(&FunctionSpec) -> bool) -> Vec<Arc<Pool>> {
        let mut running = self.0.lock();
        let (kept, outdated): (Vec<_>, Vec<_>) =
            std::mem::take(&mut *running).into_iter().partition(|(_, runner)| is_current(&runner.spec));
        *running = kept.into_iter().collect();
        outdated.into_iter().filter_map(|(_, runner)| runner.pool).collect()
    }
}

impl Host {
    fn runner(&self, spec: FunctionSpec) -> Runner {
        let spec = Arc::new(spec);
        if matches!(spec.executable, Executable::Remote(_)) {
            return Runner { spec, pool: None };
        }
        let pool = Pool::new(
            spec.clone(),
            self.runtimes.clone(),
            self.config.clone(),
            self.clock.clone(),
            self.pid_files.clone(),
            &self.log_directory(&spec.scope),
        );
        Runner { spec, pool: Some(pool) }
    }

    /// Logs of functions of the default account and region lie beside one another.
    fn log_directory(&self, scope: &Scope) -> PathBuf {
        match *scope == Scope::default() {
            true => self.directory.clone(),
            false => self.directory.join(scope.account.as_str()).join(scope.region.as_str()),
        }
    }
}

/// A version, as it is run.
pub(super) fn spec(
    code: &CodeStore,
    record: &FunctionRecord,
    version: &str,
    configuration: &Configuration,
) -> FunctionSpec {
    let runtime = configuration.runtime.clone().unwrap_or_default();
    let executable = match &configuration.code.kind {
        CodeKind::Binary(program) => Executable::Binary(program.clone()),
        CodeKind::Remote(base_url) => Executable::Remote(base_url.clone()),
        CodeKind::Directory(directory) => Executable::Package { directory: directory.clone(), runtime },
        CodeKind::Package => Executable::Package { directory: code.directory(&configuration.code.sha256), runtime },
    };
    let layers = configuration.layers.iter().map(|layer| code.directory(&layer.sha256));
    FunctionSpec {
        scope: record.id().scope,
        version: version.into(),
        layers: layers.chain(configuration.layer_directories.iter().cloned()).collect(),
        timeout: configuration.timeout(),
        memory_mb: configuration.memory_mb,
        handler: configuration.handler.clone(),
        environment: configuration.environment.clone(),
        log_group: configuration.logging.group.clone(),
        reserved_concurrency: record.reserved_concurrency,
        on_failure: record.event_invoke.get(LATEST_VERSION).and_then(|configured| configured.on_failure.clone()),
        ..FunctionSpec::new(&record.name, executable)
    }
}

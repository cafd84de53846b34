//! Packages that AWS's runtimes hold and functions don't bring: installed by the package managers
//! of the machine when a function first needs them, into a cache that all functions share.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use anabranch_protocol::{Clipped, Clock, ServiceInstant};
use parking_lot::Mutex as SyncMutex;
use tokio::process::Command;
use tokio::sync::Mutex;
use uuid::Uuid;

use super::layers::put_in_place;

/// How long an installation may take.
const INSTALL_WAIT_MAX: Duration = Duration::from_secs(300);
/// After one that failed, functions run without the packages for this long before it is tried again.
const RETRY_AFTER: Duration = Duration::from_secs(300);

/// A directory of the cache that is to be there.
pub(super) struct Wanted {
    /// Its path within the cache, which says all that decides its content.
    pub(super) name: String,
    /// What it is, for the log: `boto3 for Python 3.12`.
    pub(super) what: String,
    /// What fills it, run there: a program and its arguments.
    pub(super) install: (PathBuf, Vec<&'static str>),
    /// Files that are there at first.
    pub(super) files: Vec<(&'static str, String)>,
}

/// The cache.
pub(super) struct Packages {
    directory: PathBuf,
    clock: Arc<dyn Clock>,
    /// One installation at a time for each directory.
    installing: SyncMutex<BTreeMap<String, Arc<Mutex<Option<ServiceInstant>>>>>,
}

impl Packages {
    pub(super) fn new(directory: PathBuf, clock: Arc<dyn Clock>) -> Self {
        Self { directory, clock, installing: SyncMutex::default() }
    }

    /// The directory, installed if it wasn't yet. `tell` gets a line when that begins, and one
    /// with the reason when it fails.
    pub(super) async fn get<T: Future<Output = ()>>(
        &self,
        wanted: Wanted,
        tell: impl Fn(String) -> T,
    ) -> Option<PathBuf> {
        let whole = self.directory.join(&wanted.name);
        if whole.is_dir() {
            return Some(whole);
        }
        let turn = self.installing.lock().entry(wanted.name.clone()).or_default().clone();
        let mut retry_at = turn.lock().await;
        if whole.is_dir() {
            return Some(whole);
        }
        if retry_at.is_some_and(|at| self.clock.instant() < at) {
            return None;
        }
        tell(format!("Installing {} …", wanted.what)).await;
        match self.install(&wanted, &whole).await {
            Ok(()) => Some(whole),
            Err(reason) => {
                *retry_at = Some(self.clock.instant() + RETRY_AFTER);
                tell(format!("{} could not be installed: {reason}", wanted.what)).await;
                None
            }
        }
    }

    async fn install(&self, wanted: &Wanted, whole: &Path) -> Result<(), String> {
        let partial = self.directory.join(format!(".{}", Uuid::new_v4().simple()));
        let result = self.fill(wanted, &partial).await;
        let finished = move |whole: PathBuf| {
            if let Err(reason) = result {
                let _ = std::fs::remove_dir_all(&partial);
                return Err(reason);
            }
            if let Some(parent) = whole.parent() {
                std::fs::create_dir_all(parent).map_err(|error| error.to_string())?;
            }
            put_in_place(&partial, &whole).map_err(|error| error.to_string())
        };
        let whole = whole.to_path_buf();
        tokio::task::spawn_blocking(move || finished(whole)).await.map_err(|error| error.to_string())?
    }

    async fn fill(&self, wanted: &Wanted, partial: &Path) -> Result<(), String> {
        let failed = |error: std::io::Error| error.to_string();
        tokio::fs::create_dir_all(partial).await.map_err(failed)?;
        for (name, text) in &wanted.files {
            tokio::fs::write(partial.join(name), text).await.map_err(failed)?;
        }
        let (program, arguments) = &wanted.install;
        let mut command = Command::new(program);
        command.args(arguments).current_dir(partial).stdin(Stdio::null()).kill_on_drop(true);
        let output = tokio::time::timeout(INSTALL_WAIT_MAX, command.output()).await;
        let output = output.map_err(|_| format!("{} took more than {INSTALL_WAIT_MAX:?}", program.display()))?;
        let output = output.map_err(|error| format!("{}: {error}", program.display()))?;
        if output.status.success() {
            return Ok(());
        }
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8_lossy(&text).trim().replace('\n', " ");
        Err(format!("{}: {}: {}", program.display(), output.status, Clipped(text)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use anabranch_protocol::SystemClock;

    fn wanted(script: &'static str) -> Wanted {
        Wanted {
            name: "tool/1".into(),
            what: "the tool".into(),
            install: ("/bin/sh".into(), vec!["-c", script]),
            files: vec![("manifest", "needed".into())],
        }
    }

    #[tokio::test]
    async fn what_is_missing_is_installed_once_and_whole() {
        let directory = tempfile::tempdir().unwrap();
        let packages = Packages::new(directory.path().to_path_buf(), Arc::new(SystemClock));
        let lines = SyncMutex::new(Vec::new());
        let tell = |line: String| {
            lines.lock().push(line);
            std::future::ready(())
        };
        assert_eq!(packages.get(wanted("echo no network >&2; exit 3"), tell).await, None);
        assert!(lines.lock()[1].contains("the tool could not be installed") && lines.lock()[1].contains("no network"));
        assert_eq!(packages.get(wanted("true"), tell).await, None, "it is not tried again at once");
        let packages = Packages::new(directory.path().to_path_buf(), Arc::new(SystemClock));
        let count = "cat manifest >> count";
        let (one, other) = tokio::join!(packages.get(wanted(count), tell), packages.get(wanted(count), tell));
        assert_eq!(one, other);
        assert_eq!(std::fs::read_to_string(one.unwrap().join("count")).unwrap(), "needed");
        let left: Vec<_> =
            std::fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["tool"], "nothing half-done stays");
    }
}

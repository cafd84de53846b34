//! How a function's process is started.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Stands in arguments for the environment's own temporary directory.
pub(super) const TEMPORARY: &str = "{tmp}";

/// The command of a function's processes, and what its runtime adds to their variables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Start {
    pub(crate) program: PathBuf,
    pub(super) arguments: Vec<String>,
    /// `LAMBDA_TASK_ROOT`: where the process starts.
    pub(crate) task_root: PathBuf,
    /// `PATH` and its like. The function's own come after them.
    pub(crate) variables: BTreeMap<String, String>,
    /// Whether nothing is missing that might be there the next time.
    pub(crate) is_complete: bool,
}

impl Start {
    pub(super) fn new(program: PathBuf, task_root: PathBuf) -> Self {
        Self { program, arguments: Vec::new(), task_root, variables: BTreeMap::new(), is_complete: true }
    }

    pub(super) fn argument(mut self, argument: impl Into<String>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    pub(super) fn variable(mut self, name: &str, value: impl Into<String>) -> Self {
        self.variables.insert(name.into(), value.into());
        self
    }

    /// The arguments in an environment whose temporary directory is `temporary`.
    pub(crate) fn arguments(&self, temporary: &Path) -> Vec<String> {
        let temporary = temporary.to_string_lossy();
        self.arguments.iter().map(|argument| argument.replace(TEMPORARY, &temporary)).collect()
    }
}

/// Paths in the form of `PATH`.
pub(super) fn joined(paths: &[PathBuf]) -> String {
    let texts: Vec<String> = paths.iter().map(|path| path.to_string_lossy().into_owned()).collect();
    texts.join(":")
}

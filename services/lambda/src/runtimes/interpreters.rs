//! The interpreters that are installed on this machine.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::process::Command;
use tokio::sync::Mutex;

use super::runtime::Runtime;

/// How long an interpreter may take to tell its version.
const PROBE_WAIT_MAX: Duration = Duration::from_secs(20);
/// Prints minor version and program, past wrappers such as those of pyenv and virtual environments.
const PYTHON_PROBE: &str =
    "import sys; print(sys.version_info[1], getattr(sys, '_base_executable', None) or sys.executable)";
const PYTHON_MINORS: std::ops::RangeInclusive<u32> = 8..=20;

/// A program that runs functions of a runtime.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Interpreter {
    pub(super) program: PathBuf,
    /// In the terms of [`Runtime`].
    pub(super) version: u32,
}

/// What has been found so far, by the runtime it was looked for.
#[derive(Debug, Default)]
pub(super) struct Interpreters(Mutex<BTreeMap<String, Interpreter>>);

impl Interpreters {
    /// The interpreter of exactly this version, or else the nearest one; the newer of two. What was
    /// found is not looked for again; what is missing is, since it may be installed meanwhile.
    pub(super) async fn find(&self, runtime: Runtime) -> Option<Interpreter> {
        let mut known = self.0.lock().await;
        if let Some(found) = known.get(&runtime.to_string()) {
            return Some(found.clone());
        }
        let found = match runtime {
            Runtime::Provided => None,
            Runtime::Python(minor) => find_python(minor).await,
            Runtime::Nodejs(major) => nearest(major, probe_all(node_programs(major), node_version).await),
            Runtime::Java(major) => nearest_java(major, probe_all(java_programs(), java_version).await),
        }?;
        known.insert(runtime.to_string(), found.clone());
        Some(found)
    }
}

/// Versions are tried from the wanted one outwards, so that mostly one program is started.
async fn find_python(minor: u32) -> Option<Interpreter> {
    let mut minors: Vec<u32> = PYTHON_MINORS.collect();
    minors.sort_by_key(|other| (other.abs_diff(minor), u32::MAX - other));
    for other in minors {
        for program in in_path(&format!("python3.{other}")) {
            if let Some(found) = python_version(program).await.filter(|found| found.version == other) {
                return Some(found);
            }
        }
        if other == minor
            && let Some(found) = nearest(minor, probe_all(in_path("python3"), python_version).await)
            && found.version == minor
        {
            return Some(found);
        }
    }
    nearest(minor, probe_all(in_path("python3"), python_version).await)
}

async fn python_version(program: PathBuf) -> Option<Interpreter> {
    let text = output(&program, &["-c", PYTHON_PROBE], false).await?;
    let (minor, program) = text.trim().split_once(' ')?;
    Some(Interpreter { program: program.into(), version: minor.parse().ok()? })
}

fn node_programs(major: u32) -> Vec<PathBuf> {
    [format!("node{major}"), "node".into(), "nodejs".into()].iter().flat_map(|name| in_path(name)).collect()
}

async fn node_version(program: PathBuf) -> Option<Interpreter> {
    let text = output(&program, &["-p", "process.versions.node.split('.')[0] + ' ' + process.execPath"], false).await?;
    let (major, program) = text.trim().split_once(' ')?;
    Some(Interpreter { program: program.into(), version: major.parse().ok()? })
}

/// Those of `JAVA_HOME`, of the path, and those that Debian and Fedora install beside one another.
fn java_programs() -> Vec<PathBuf> {
    let home = std::env::var_os("JAVA_HOME").map(|home| PathBuf::from(home).join("bin/java"));
    let mut programs: Vec<PathBuf> = home.into_iter().chain(in_path("java")).collect();
    if let Ok(entries) = std::fs::read_dir("/usr/lib/jvm") {
        programs.extend(entries.flatten().map(|entry| entry.path().join("bin/java")));
    }
    programs.retain(|program| program.is_file());
    let mut distinct: BTreeMap<PathBuf, PathBuf> = BTreeMap::new();
    for program in programs {
        let real = program.canonicalize().unwrap_or_else(|_| program.clone());
        distinct.entry(real).or_insert(program);
    }
    distinct.into_keys().collect()
}

async fn java_version(program: PathBuf) -> Option<Interpreter> {
    let version = parse_java_version(&output(&program, &["-version"], true).await?)?;
    Some(Interpreter { program, version })
}

/// The major version in `openjdk version "17.0.15" …`; before Java 9 it was `1.8.0_402`.
fn parse_java_version(text: &str) -> Option<u32> {
    let mut numbers = text.split('"').nth(1)?.split(['.', '_', '-', '+']).map(str::parse::<u32>);
    match numbers.next()?.ok()? {
        1 => numbers.next()?.ok(),
        major => Some(major),
    }
}

/// Programs of this name, in the order of the path.
pub(super) fn in_path(name: &str) -> Vec<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).map(|directory| directory.join(name)).filter(|program| program.is_file()).collect()
}

async fn probe_all<F: Future<Output = Option<Interpreter>>>(
    programs: Vec<PathBuf>,
    probe: impl Fn(PathBuf) -> F,
) -> Vec<Interpreter> {
    let mut found = Vec::new();
    for program in programs {
        found.extend(probe(program).await);
    }
    found
}

fn nearest(wanted: u32, found: Vec<Interpreter>) -> Option<Interpreter> {
    found.into_iter().min_by_key(|found| (found.version.abs_diff(wanted), u32::MAX - found.version))
}

/// An older JVM does not load classes of a newer one, so a newer is nearer than any older.
fn nearest_java(wanted: u32, found: Vec<Interpreter>) -> Option<Interpreter> {
    found.into_iter().min_by_key(|found| (found.version < wanted, found.version.abs_diff(wanted)))
}

/// What a program prints, if it ends well and in time.
async fn output(program: &Path, arguments: &[impl AsRef<OsStr>], of_stderr: bool) -> Option<String> {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).kill_on_drop(true);
    let output = tokio::time::timeout(PROBE_WAIT_MAX, command.output()).await.ok()?.ok()?;
    let text = if of_stderr { output.stderr } else { output.stdout };
    output.status.success().then(|| String::from_utf8_lossy(&text).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_version_is_taken() {
        let found = |versions: &[u32]| -> Vec<Interpreter> {
            versions.iter().map(|&version| Interpreter { program: "x".into(), version }).collect()
        };
        let of = |interpreter: Option<Interpreter>| interpreter.map(|found| found.version);
        assert_eq!(of(nearest(12, found(&[9, 11, 13]))), Some(13));
        assert_eq!(of(nearest(12, found(&[9, 11]))), Some(11));
        assert_eq!(of(nearest(12, found(&[]))), None);
        assert_eq!(of(nearest_java(17, found(&[11, 25, 21]))), Some(21));
        assert_eq!(of(nearest_java(17, found(&[8, 11]))), Some(11));
    }

    #[test]
    fn java_tells_its_version_in_two_forms() {
        assert_eq!(parse_java_version("openjdk version \"17.0.15\" 2025-04-15\n"), Some(17));
        assert_eq!(parse_java_version("java version \"1.8.0_402\"\n"), Some(8));
        assert_eq!(parse_java_version("openjdk version \"24-ea\" 2025"), Some(24));
        assert_eq!(parse_java_version("no such thing"), None);
    }
}

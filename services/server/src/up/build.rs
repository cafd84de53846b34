//! Building functions, and finding their programs.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anabranch_lambda::Executable;
use anabranch_template::{Function, FunctionCode, ResourceKind, Stack};
use serde::Deserialize;
use tokio::process::Command;

use super::error::UpError;
use super::options::Builder;
use super::package;
use crate::process::with_umask;

/// What runs each function.
#[derive(Debug)]
pub(super) enum Executables {
    /// Programs and packages by function name.
    Local(BTreeMap<String, Executable>),
    /// All are invoked at this endpoint.
    Remote(String),
}

impl Executables {
    pub(super) fn of(&self, function: &str) -> Option<Executable> {
        match self {
            Self::Local(executables) => executables.get(function).cloned(),
            Self::Remote(url) => Some(Executable::Remote(url.clone())),
        }
    }
}

/// The parts of `cargo metadata` that are needed.
#[derive(Debug, Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    workspace_root: PathBuf,
    target_directory: PathBuf,
}

#[derive(Debug, Deserialize)]
struct Package {
    name: String,
    manifest_path: PathBuf,
    targets: Vec<Target>,
}

#[derive(Debug, Deserialize)]
struct Target {
    name: String,
    kind: Vec<String>,
}

/// A crate to build, and the program wanted from it.
struct Wanted {
    package: String,
    binary: String,
}

/// Builds all functions, those of one workspace in one call, and finds their programs.
pub(super) async fn build(
    stack: &Stack,
    directory: &Path,
    builds: &Path,
    builder: Builder,
    profile: &str,
    umask: Option<u32>,
) -> Result<Executables, UpError> {
    // Cargo's `dev` profile is the one whose directory has another name.
    let profile_directory = if profile == "dev" { "debug" } else { profile };
    let mut executables = BTreeMap::new();
    let mut workspaces: BTreeMap<PathBuf, (Metadata, BTreeMap<String, Wanted>)> = BTreeMap::new();
    for resource in &stack.resources {
        let ResourceKind::Function(function) = &resource.kind else { continue };
        let code = match &function.code {
            FunctionCode::Uri(uri) => directory.join(uri),
            FunctionCode::Inline(text) => package::inline(function, text, builds).await?,
        };
        if function.build_method.is_none() {
            let executable = match function.runtime.starts_with("provided") {
                true => prebuilt(function, &code)?,
                false => {
                    let built = package::build(function, &code, builds, builder != Builder::None, umask).await?;
                    Executable::Package { directory: built, runtime: function.runtime.clone() }
                }
            };
            executables.insert(function.name.clone(), executable);
            continue;
        }
        let metadata = metadata(&function.name, &code, umask).await?;
        let wanted = wanted(function, &code, &metadata)?;
        let root = metadata.workspace_root.clone();
        workspaces.entry(root).or_insert((metadata, BTreeMap::new())).1.insert(function.name.clone(), wanted);
    }
    for (root, (metadata, functions)) in workspaces {
        run_build(&root, &functions, builder, profile, umask).await?;
        for (function, wanted) in functions {
            let program = match builder {
                Builder::Cargo | Builder::None => {
                    metadata.target_directory.join(profile_directory).join(&wanted.binary)
                }
                Builder::CargoLambda => metadata.target_directory.join("lambda").join(&wanted.binary).join("bootstrap"),
            };
            executables.insert(function.clone(), Executable::Binary(existing(&function, program)?));
        }
    }
    Ok(Executables::Local(executables))
}

/// Code that is already built: a program, or a directory that holds `bootstrap`.
fn prebuilt(function: &Function, code: &Path) -> Result<Executable, UpError> {
    if !code.is_dir() {
        return existing(&function.name, code.to_path_buf()).map(Executable::Binary);
    }
    existing(&function.name, code.join("bootstrap"))?;
    let directory = std::path::absolute(code).unwrap_or_else(|_| code.to_path_buf());
    Ok(Executable::Package { directory, runtime: function.runtime.clone() })
}

fn existing(function: &str, program: PathBuf) -> Result<PathBuf, UpError> {
    let absolute = std::path::absolute(&program).unwrap_or(program);
    if absolute.is_file() {
        return Ok(absolute);
    }
    Err(UpError::Build { what: function.into(), reason: format!("there is no program {}", absolute.display()) })
}

async fn metadata(function: &str, code: &Path, umask: Option<u32>) -> Result<Metadata, UpError> {
    let failed = |reason: String| UpError::Build { what: function.into(), reason };
    let output = with_umask(&mut Command::new("cargo"), umask)
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .current_dir(code)
        .stdin(Stdio::null())
        .output()
        .await
        .map_err(|error| failed(format!("cargo can't be run in {}: {error}", code.display())))?;
    if !output.status.success() {
        return Err(failed(String::from_utf8_lossy(&output.stderr).trim().to_string()));
    }
    serde_json::from_slice(&output.stdout).map_err(|error| failed(format!("cargo metadata: {error}")))
}

/// The crate in `code`, and its program: the one the template names, or the only one.
fn wanted(function: &Function, code: &Path, metadata: &Metadata) -> Result<Wanted, UpError> {
    let failed = |reason: String| UpError::Build { what: function.name.clone(), reason };
    let manifest = code.join("Cargo.toml");
    let manifest = manifest.canonicalize().map_err(|error| failed(format!("{}: {error}", manifest.display())))?;
    let package = metadata.packages.iter().find(|package| package.manifest_path == manifest);
    let package = package.ok_or_else(|| failed(format!("{} is not a package of its workspace", manifest.display())))?;
    let binaries: Vec<&str> = package
        .targets
        .iter()
        .filter(|target| target.kind.iter().any(|kind| kind == "bin"))
        .map(|target| target.name.as_str())
        .collect();
    let binary = match (&function.binary, binaries.as_slice()) {
        (Some(named), _) if binaries.contains(&named.as_str()) => named.clone(),
        (Some(named), _) => {
            return Err(failed(format!("{} has no program {named}; it has {}", package.name, binaries.join(", "))));
        }
        (None, [only]) => (*only).to_string(),
        (None, _) => {
            return Err(failed(format!("name one of {} in Metadata.BuildProperties.Binary", binaries.join(", "))));
        }
    };
    Ok(Wanted { package: package.name.clone(), binary })
}

async fn run_build(
    root: &Path,
    functions: &BTreeMap<String, Wanted>,
    builder: Builder,
    profile: &str,
    umask: Option<u32>,
) -> Result<(), UpError> {
    let what = functions.keys().cloned().collect::<Vec<_>>().join(", ");
    let mut command = Command::new("cargo");
    with_umask(&mut command, umask);
    match builder {
        Builder::None => return Ok(()),
        Builder::Cargo => command.arg("build"),
        Builder::CargoLambda => command.args(["lambda", "build", "--compiler", "cargo"]),
    };
    command.args(["--profile", profile]);
    let packages: BTreeSet<&str> = functions.values().map(|wanted| wanted.package.as_str()).collect();
    packages.iter().for_each(|package| {
        command.args(["-p", package]);
    });
    eprintln!("Building {what} …");
    // Cargo's own output is the progress and, where it fails, the reason.
    let status = command.current_dir(root).stdin(Stdio::null()).status().await;
    let status = status.map_err(|error| UpError::Build { what: what.clone(), reason: format!("cargo: {error}") })?;
    if status.success() { Ok(()) } else { Err(UpError::Build { what, reason: format!("cargo: {status}") }) }
}

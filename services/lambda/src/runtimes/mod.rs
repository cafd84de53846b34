//! AWS's managed runtimes, on the interpreters that this machine has.
//!
//! [`Runtimes::start`] says how a function's processes are started: `provided` runtimes start the
//! package's `bootstrap`, Python and Node.js a loop of our own with the interpreter, Java AWS's runtime
//! interface client. What AWS's runtimes hold beside that (the SDKs) is installed when code names it.
//!
//! Layers can't lie at `/opt` without the rights of root: they are found by the variables that AWS's
//! runtimes set (`PYTHONPATH`, `NODE_PATH`, `PATH`, `LD_LIBRARY_PATH`).

mod interpreters;
mod java;
mod layers;
mod mentions;
mod nodejs;
mod packages;
mod python;
mod runtime;
mod start;

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anabranch_protocol::Clock;

use crate::function::{Executable, FunctionSpec};
use interpreters::{Interpreter, Interpreters};
use packages::Packages;
pub(crate) use runtime::Runtime;
pub(crate) use start::Start;
use start::joined;

/// Within the directory of the runtimes.
const TEMPORARY_DIRECTORIES: &str = "tmp";

/// Why a function's process can't even be started.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CannotStart {
    #[error("Couldn't find valid bootstrap(s): [{}]", .0.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(" "))]
    NoBootstrap(Vec<PathBuf>),
    #[error("fork/exec {}: {reason}", .program.display())]
    NotExecutable { program: PathBuf, reason: String },
    #[error("{0}")]
    Runtime(String),
}

/// The program that functions of a runtime (`python3.12`) run on here: the interpreter of its version,
/// or else the nearest.
///
/// # Errors
/// Says what is missing.
pub async fn interpreter(runtime: &str) -> Result<PathBuf, String> {
    let parsed: Runtime = runtime.parse().map_err(|error| format!("{error}"))?;
    let found = Interpreters::default().find(parsed).await;
    Ok(found
        .ok_or_else(|| format!("the runtime {runtime} needs {parsed}, and no version of that is installed"))?
        .program)
}

/// The runtimes of all functions.
pub(crate) struct Runtimes {
    directory: PathBuf,
    interpreters: Interpreters,
    packages: Packages,
}

impl Runtimes {
    /// Keeps what it writes and installs in `directory`. What environments that an earlier server
    /// ran had in their temporary directories is removed.
    pub(crate) fn open(directory: PathBuf, clock: Arc<dyn Clock>) -> io::Result<Self> {
        // Processes start elsewhere.
        let directory = std::path::absolute(directory)?;
        let temporary = directory.join(TEMPORARY_DIRECTORIES);
        match fs::remove_dir_all(&temporary) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => fs::create_dir_all(&temporary)?,
        }
        let packages = Packages::new(directory.clone(), clock);
        Ok(Self { packages, interpreters: Interpreters::default(), directory })
    }

    /// A new directory in the place of `/tmp`, for one environment, which removes it.
    pub(crate) fn temporary(&self) -> io::Result<PathBuf> {
        // Paths of sockets are short.
        let name = &uuid::Uuid::new_v4().simple().to_string()[..12];
        let temporary = self.directory.join(TEMPORARY_DIRECTORIES).join(name);
        fs::create_dir(&temporary)?;
        Ok(temporary)
    }

    /// How processes of the function `spec` are started. What users may want to know goes to `tell`.
    pub(crate) async fn start<T: Future<Output = ()>>(
        &self,
        spec: &FunctionSpec,
        tell: impl Fn(String) -> T,
    ) -> Result<Start, CannotStart> {
        let failed = |error: io::Error| CannotStart::Runtime(format!("{}: {error}", self.directory.display()));
        let (layers, cache) = (spec.layers.clone(), self.directory.join("layers"));
        let merged = blocking(move || {
            let opt = layers::merged(&layers, &cache)?.map(std::path::absolute).transpose()?;
            let extensions = opt.as_deref().map(layers::extensions).unwrap_or_default();
            Ok((opt, extensions))
        });
        let (opt, extensions) = merged.await.map_err(failed)?;
        if !extensions.is_empty() {
            tell(format!("External extensions are not run here: {}", extensions.join(", "))).await;
        }
        let opt = opt.as_deref();
        let start = match &spec.executable {
            Executable::Package { directory, runtime } => {
                let code = std::path::absolute(directory).unwrap_or_else(|_| directory.clone());
                self.start_package(spec, runtime, &code, opt, tell).await?
            }
            Executable::Binary(program) => start_program(program.clone()).await?,
            Executable::Remote(url) => return Err(CannotStart::Runtime(format!("the function runs at {url}"))),
        };
        Ok(with_paths(start, opt))
    }

    async fn start_package<T: Future<Output = ()>>(
        &self,
        spec: &FunctionSpec,
        name: &str,
        code: &Path,
        opt: Option<&Path>,
        tell: impl Fn(String) -> T,
    ) -> Result<Start, CannotStart> {
        let runtime: Runtime = name.parse().map_err(|error| CannotStart::Runtime(format!("{error}")))?;
        if runtime == Runtime::Provided {
            return start_bootstrap(code, opt).await;
        }
        let interpreter = self.interpreters.find(runtime).await.ok_or_else(|| {
            CannotStart::Runtime(format!("the runtime {name} needs {runtime}, and no version of that is installed"))
        })?;
        if let Some(line) = not_exact(runtime, &interpreter) {
            tell(line).await;
        }
        let roots: Vec<PathBuf> = std::iter::once(code).chain(opt).map(Path::to_path_buf).collect();
        let cannot_write = |error: io::Error| CannotStart::Runtime(format!("{}: {error}", self.directory.display()));
        Ok(match runtime {
            Runtime::Python(_) => {
                let needs_sdk = blocking(move || mentions::python_sdk(&roots)).await;
                let sdk = match needs_sdk {
                    true => self.packages.get(python::sdk(&interpreter), tell).await,
                    false => None,
                };
                let is_complete = sdk.is_some() || !needs_sdk;
                let file = self.loop_file(python::LOOP).await.map_err(cannot_write)?;
                Start { is_complete, ..python::start(&interpreter, &file, code, opt, sdk) }
            }
            Runtime::Nodejs(_) => {
                let named = blocking(move || mentions::node_sdk(&roots)).await;
                let sdk = match named.is_empty() {
                    true => None,
                    false => self.packages.get(nodejs::sdk(&named), tell).await,
                };
                let is_complete = sdk.is_some() || named.is_empty();
                let file = self.loop_file(nodejs::LOOP).await.map_err(cannot_write)?;
                Start { is_complete, ..nodejs::start(&interpreter, &file, code, opt, sdk, spec.memory_mb) }
            }
            Runtime::Java(_) => {
                let client = self.packages.get(java::client(), tell).await.ok_or_else(|| {
                    CannotStart::Runtime(
                        "AWS's runtime interface client for Java is missing; install Maven (mvn)".into(),
                    )
                })?;
                java::start(&interpreter, &client, code, opt, &spec.handler, spec.memory_mb)
            }
            Runtime::Provided => return start_bootstrap(code, opt).await,
        })
    }

    /// Our loop of a language, as a file.
    async fn loop_file(&self, (name, text): (&'static str, &'static str)) -> io::Result<PathBuf> {
        let directory = self.directory.join("loops");
        blocking(move || {
            let file = directory.join(name);
            if fs::read(&file).is_ok_and(|there| there == text.as_bytes()) {
                return Ok(file);
            }
            fs::create_dir_all(&directory)?;
            let partial = directory.join(format!(".{}", uuid::Uuid::new_v4().simple()));
            fs::write(&partial, text)?;
            fs::rename(&partial, &file)?;
            Ok(file)
        })
        .await
    }
}

fn not_exact(runtime: Runtime, found: &Interpreter) -> Option<String> {
    let is = match runtime {
        Runtime::Python(minor) if minor != found.version => Runtime::Python(found.version),
        Runtime::Nodejs(major) if major != found.version => Runtime::Nodejs(found.version),
        Runtime::Java(major) if major != found.version => Runtime::Java(found.version),
        _ => return None,
    };
    Some(format!("Runs on {is}: {runtime} is not installed"))
}

/// The variables that every runtime has.
fn with_paths(mut start: Start, opt: Option<&Path>) -> Start {
    let mut programs: Vec<PathBuf> = start.program.parent().map(Path::to_path_buf).into_iter().collect();
    programs.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()));
    let mut libraries = vec![start.task_root.clone(), start.task_root.join("lib")];
    if let Some(opt) = opt {
        programs.push(opt.join("bin"));
        libraries.push(opt.join("lib"));
    }
    start.variables.insert("PATH".into(), joined(&programs));
    start.variables.insert("LD_LIBRARY_PATH".into(), joined(&libraries));
    start
}

/// A program that a build made, in its place.
async fn start_program(program: PathBuf) -> Result<Start, CannotStart> {
    blocking(move || {
        let found = fs::canonicalize(&program);
        let program = found.map_err(|error| CannotStart::NotExecutable { program, reason: os_text(&error) })?;
        let directory = program.parent().unwrap_or(Path::new("/")).to_path_buf();
        Ok(Start::new(program, directory))
    })
    .await
}

/// The `bootstrap` of a package, or of a layer.
async fn start_bootstrap(code: &Path, opt: Option<&Path>) -> Result<Start, CannotStart> {
    let code = code.to_path_buf();
    let places: Vec<PathBuf> =
        std::iter::once(code.as_path()).chain(opt).map(|place| place.join("bootstrap")).collect();
    blocking(move || {
        let Some(program) = places.iter().find(|place| place.is_file()) else {
            return Err(CannotStart::NoBootstrap(places));
        };
        let mode = fs::metadata(program).map(|metadata| metadata.permissions().mode()).unwrap_or_default();
        if mode & 0o111 == 0 {
            return Err(CannotStart::NotExecutable { program: program.clone(), reason: "permission denied".into() });
        }
        Ok(Start::new(program.clone(), code))
    })
    .await
}

/// An error in the words of the system, without Rust's number.
pub(crate) fn os_text(error: &io::Error) -> String {
    let text = error.to_string();
    match text.find(" (os error") {
        Some(end) => text[..end].to_lowercase(),
        None => text,
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(value) => value,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // The runtime ends, and this with it.
            Err(_) => std::future::pending().await,
        },
    }
}

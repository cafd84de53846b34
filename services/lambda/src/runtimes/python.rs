//! `python3.x`: handlers of Python, run by a loop of our own (`bootstrap.py`).

use std::path::{Path, PathBuf};

use super::interpreters::Interpreter;
use super::packages::Wanted;
use super::start::{Start, joined};

pub(super) const LOOP: (&str, &str) = ("bootstrap.py", include_str!("bootstrap.py"));

/// boto3 as it is installed for this interpreter.
pub(super) fn sdk(interpreter: &Interpreter) -> Wanted {
    let mut pip = vec!["-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check"];
    pip.extend(["--target", ".", "boto3"]);
    Wanted {
        name: format!("python3.{}/boto3", interpreter.version),
        what: format!("boto3 for Python 3.{}", interpreter.version),
        install: (interpreter.program.clone(), pip),
        files: Vec::new(),
    }
}

/// The process of a function. Without `site` (`-S`), it sees none of the packages that are installed on
/// this machine, as AWS's runtime has none.
pub(super) fn start(
    interpreter: &Interpreter,
    loop_file: &Path,
    code: &Path,
    opt: Option<&Path>,
    sdk: Option<PathBuf>,
) -> Start {
    let mut packages = Vec::new();
    if let Some(opt) = opt {
        let version = interpreter.version;
        packages.push(opt.join(format!("python/lib/python3.{version}/site-packages")));
        packages.push(opt.join("python"));
    }
    packages.extend(sdk);
    Start::new(interpreter.program.clone(), code.to_path_buf())
        .argument("-S")
        .argument("-u")
        .argument(loop_file.to_string_lossy())
        .variable("PYTHONPATH", joined(&packages))
        // Code directories may be someone's sources.
        .variable("PYTHONDONTWRITEBYTECODE", "1")
}

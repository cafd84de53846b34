//! `nodejs*`: handlers of JavaScript, run by a loop of our own (`bootstrap.mjs`).

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use super::interpreters::Interpreter;
use super::packages::Wanted;
use super::start::{Start, joined};

pub(super) const LOOP: (&str, &str) = ("bootstrap.mjs", include_str!("bootstrap.mjs"));

/// Of the function's memory, what V8 may take for old objects, in percent.
const OLD_SPACE_PERCENT: u32 = 90;

/// These packages of the AWS SDK for JavaScript, as they are installed with the `npm` of the path.
pub(super) fn sdk(packages: &BTreeSet<String>) -> Wanted {
    let mut hasher = DefaultHasher::new();
    packages.hash(&mut hasher);
    // Those of @smithy have versions of their own.
    let version = |name: &String| if name.starts_with("@aws-sdk/") { json!("3") } else { json!("*") };
    let dependencies: Map<String, Value> = packages.iter().map(|name| (name.clone(), version(name))).collect();
    let arguments =
        vec!["install", "--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts", "--loglevel=error"];
    Wanted {
        name: format!("nodejs/{:016x}", hasher.finish()),
        what: packages.iter().cloned().collect::<Vec<_>>().join(", "),
        install: ("npm".into(), arguments),
        files: vec![("package.json", json!({ "private": true, "dependencies": dependencies }).to_string())],
    }
}

/// The process of a function.
pub(super) fn start(
    interpreter: &Interpreter,
    loop_file: &Path,
    code: &Path,
    opt: Option<&Path>,
    sdk: Option<PathBuf>,
    memory_mb: u32,
) -> Start {
    let mut packages = Vec::new();
    if let Some(opt) = opt {
        packages.push(opt.join(format!("nodejs/node{}/node_modules", interpreter.version)));
        packages.push(opt.join("nodejs/node_modules"));
    }
    packages.extend(sdk.map(|directory| directory.join("node_modules")));
    packages.push(code.to_path_buf());
    Start::new(interpreter.program.clone(), code.to_path_buf())
        .argument(format!("--max-old-space-size={}", memory_mb * OLD_SPACE_PERCENT / 100))
        .argument(loop_file.to_string_lossy())
        .variable("NODE_PATH", joined(&packages))
}

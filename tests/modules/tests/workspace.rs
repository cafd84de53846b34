//! No crate has modules in a circle, but those that `known_circles.toml` lists.

#![allow(clippy::unwrap_used, reason = "a failed step is a failed test")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use anabranch_modules::ModuleGraph;
use serde::Deserialize;

/// The modules of each circle, by `package` for a library and `package/binary` for a program.
type Circles = BTreeMap<String, Vec<Vec<String>>>;

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    targets: Vec<Target>,
}

#[derive(Deserialize)]
struct Target {
    kind: Vec<String>,
    name: String,
    src_path: PathBuf,
}

#[test]
fn no_circle_but_the_known() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let list = here.join("known_circles.toml");
    let known: Circles = toml::from_str(&std::fs::read_to_string(&list).unwrap()).unwrap();
    let mut complaints = String::new();
    let mut found = Circles::new();
    for (name, root) in roots(here) {
        for circle in ModuleGraph::read(&root).unwrap().circles() {
            let listed = known.get(&name).is_some_and(|circles| circles.contains(&circle.modules));
            if !listed {
                complaints += &format!("{name} has a circle that is not in {}:\n{circle}", list.display());
                complaints += &format!("    as it would stand there: {:?}\n", circle.modules);
            }
            found.entry(name.clone()).or_default().push(circle.modules);
        }
    }
    for (name, circles) in &known {
        for circle in circles {
            if !found.get(name).is_some_and(|found| found.contains(circle)) {
                complaints += &format!("{name} no longer has this circle; take it off the list: {circle:?}\n");
            }
        }
    }
    assert!(complaints.is_empty(), "\n{complaints}");
}

/// The root file of each library and program of the workspace.
fn roots(here: &Path) -> Vec<(String, PathBuf)> {
    let cargo = std::env::var_os("CARGO").unwrap_or("cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(here)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Metadata = serde_json::from_slice(&output.stdout).unwrap();
    let mut roots = Vec::new();
    for package in metadata.packages {
        for target in package.targets {
            if target.kind.iter().any(|kind| kind == "lib") {
                roots.push((package.name.clone(), target.src_path));
            } else if target.kind.iter().any(|kind| kind == "bin") {
                roots.push((format!("{}/{}", package.name, target.name), target.src_path));
            }
        }
    }
    assert!(roots.len() > 20, "only {} roots", roots.len());
    roots
}

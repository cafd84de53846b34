//! Which packages of AWS's runtimes a function's code names, so that only those are installed.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// Files that are looked through at most; whatever lies beyond counts as not mentioned.
const FILES_MAX: usize = 20_000;
/// Larger files are bundles of data.
const FILE_BYTES_MAX: u64 = 16 << 20;

/// What comes with AWS's Python runtimes: boto3 and what it needs.
const PYTHON_PACKAGES: [&str; 6] = ["boto3", "botocore", "s3transfer", "jmespath", "dateutil", "urllib3"];
/// Scopes of the AWS SDK for JavaScript v3, which AWS's Node.js runtimes hold whole.
const NODE_SCOPES: [&str; 2] = ["@aws-sdk/", "@smithy/"];

/// Whether Python code in `roots` names a package of the SDK that none of them holds itself.
pub(super) fn python_sdk(roots: &[PathBuf]) -> bool {
    let holds_own = roots.iter().any(|root| root.join("boto3").is_dir() || root.join("python/boto3").is_dir());
    let mut named = false;
    if !holds_own {
        walk(roots, &mut |file| {
            if file.extension().is_some_and(|end| end == "py") {
                let text = fs::read(file).unwrap_or_default();
                named |= PYTHON_PACKAGES.iter().any(|package| contains(&text, package.as_bytes()));
            }
            !named
        });
    }
    named
}

/// The packages of the SDK that JavaScript in `roots` names: in its own files, or as what one of its
/// packages expects to be there. Without those that a root holds itself.
pub(super) fn node_sdk(roots: &[PathBuf]) -> BTreeSet<String> {
    let mut named = BTreeSet::new();
    walk(roots, &mut |file| {
        let is_installed = file.components().any(|part| part.as_os_str() == "node_modules");
        let end = file.extension().and_then(|end| end.to_str()).unwrap_or_default();
        if is_installed {
            if file.file_name().is_some_and(|name| name == "package.json") {
                named.extend(peers(&fs::read(file).unwrap_or_default()));
            }
        } else if ["js", "mjs", "cjs"].contains(&end) {
            let text = fs::read(file).unwrap_or_default();
            NODE_SCOPES.iter().for_each(|scope| names_of(&text, scope, &mut named));
        }
        true
    });
    let held = |name: &String| {
        let within = ["node_modules", "nodejs/node_modules"];
        roots.iter().any(|root| within.iter().any(|place| root.join(place).join(name).is_dir()))
    };
    named.retain(|name| !held(name));
    named
}

fn peers(package: &[u8]) -> Vec<String> {
    let package: Value = serde_json::from_slice(package).unwrap_or_default();
    let peers = package["peerDependencies"].as_object().into_iter().flatten().map(|(name, _)| name.clone());
    peers.filter(|name| NODE_SCOPES.iter().any(|scope| name.starts_with(scope))).collect()
}

fn names_of(text: &[u8], scope: &str, found: &mut BTreeSet<String>) {
    for at in 0..text.len().saturating_sub(scope.len()) {
        if text[at] != b'@' || !text[at..].starts_with(scope.as_bytes()) {
            continue;
        }
        let rest = &text[at + scope.len()..];
        let length = rest.iter().take_while(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-')).count();
        if length > 0 {
            found.insert(format!("{scope}{}", String::from_utf8_lossy(&rest[..length])));
        }
    }
}

fn contains(text: &[u8], what: &[u8]) -> bool {
    text.windows(what.len()).any(|window| window == what)
}

/// Visits files until `visit` has seen enough.
fn walk(roots: &[PathBuf], visit: &mut dyn FnMut(&Path) -> bool) {
    let mut directories: Vec<PathBuf> = roots.to_vec();
    let mut files = 0;
    while let Some(directory) = directories.pop() {
        let Ok(entries) = fs::read_dir(&directory) else { continue };
        for entry in entries.flatten() {
            let Ok(kind) = entry.file_type() else { continue };
            if kind.is_dir() {
                directories.push(entry.path());
            } else if entry.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.len() <= FILE_BYTES_MAX) {
                files += 1;
                if files > FILES_MAX || !visit(&entry.path()) {
                    return;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(root: &Path, path: &str, text: &str) {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    #[test]
    fn python_that_names_the_sdk_needs_it_unless_it_brings_it() {
        let directory = tempfile::tempdir().unwrap();
        let roots = [directory.path().to_path_buf()];
        write(&roots[0], "app.py", "def handler(event, context): return event\n");
        assert!(!python_sdk(&roots));
        write(&roots[0], "lib/store.py", "import boto3\n");
        assert!(python_sdk(&roots));
        write(&roots[0], "boto3/__init__.py", "");
        assert!(!python_sdk(&roots));
    }

    #[test]
    fn javascript_names_its_clients() {
        let directory = tempfile::tempdir().unwrap();
        let roots = [directory.path().to_path_buf()];
        write(&roots[0], "index.mjs", "import { S3 } from '@aws-sdk/client-s3';\nimport '@aws-sdk/client-sqs/x.js'");
        write(&roots[0], "node_modules/@aws-sdk/client-sqs/package.json", "{}");
        write(&roots[0], "node_modules/tool/index.js", "require('@aws-sdk/client-sns')");
        write(&roots[0], "node_modules/tool/package.json", r#"{"peerDependencies": {"@aws-sdk/client-ssm": "3"}}"#);
        let expected = ["@aws-sdk/client-s3", "@aws-sdk/client-ssm"];
        assert_eq!(node_sdk(&roots).into_iter().collect::<Vec<_>>(), expected);
    }
}

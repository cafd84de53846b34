//! Packages of Python, Node.js and Java functions, as `sam build` makes them: a function's code with
//! the packages that its `requirements.txt`, `package.json` or `pom.xml` names.
//!
//! What needs no build is used where it lies. What does is built into a directory whose name is a hash of
//! all that goes into it, so that it is built again only when something of that has changed; the
//! packages alone are kept likewise, so that a change of the code doesn't fetch them again.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anabranch_lambda::interpreter;
use anabranch_template::Function;
use tokio::process::Command;

use super::error::UpError;
use crate::process::with_umask;

/// Directories of a function's code that are no part of it: what tools make.
const LEFT_OUT: [&str; 6] = [".aws-sam", ".git", ".venv", "__pycache__", "node_modules", "target"];

/// How a function's packages are fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tool {
    Pip,
    Npm,
    Maven,
}

impl Tool {
    /// What builds the code, if anything has to.
    fn of(runtime: &str, code: &Path) -> Option<Self> {
        let has = |name: &str| code.join(name).is_file();
        match runtime {
            _ if runtime.starts_with("python") && has("requirements.txt") => Some(Self::Pip),
            // Packages that are there already are the function's.
            _ if runtime.starts_with("nodejs") && has("package.json") && !code.join("node_modules").is_dir() => {
                Some(Self::Npm)
            }
            _ if runtime.starts_with("java") && has("pom.xml") => Some(Self::Maven),
            _ => None,
        }
    }

    /// The files that decide which packages are fetched.
    fn manifests(self) -> &'static [&'static str] {
        match self {
            Self::Pip => &["requirements.txt"],
            Self::Npm => &["package.json", "package-lock.json", ".npmrc"],
            Self::Maven => &[],
        }
    }
}

/// The code within the template as a directory.
pub(super) async fn inline(function: &Function, text: &str, builds: &Path) -> Result<PathBuf, UpError> {
    let name = if function.runtime.starts_with("python") { "index.py" } else { "index.js" };
    let whole = absolute(builds).join(format!("{}-{}", function.name, hash(&[name.as_bytes(), text.as_bytes()])));
    let made = make(&whole, async |partial| fs::write(partial.join(name), text).map_err(|error| error.to_string()));
    made.await.map_err(|reason| UpError::Build { what: function.name.clone(), reason })?;
    Ok(whole)
}

/// The directory that the function is run from: that of its code, or of a build of it unless none is
/// to be made.
pub(super) async fn build(
    function: &Function,
    code: &Path,
    builds: &Path,
    may_build: bool,
    umask: Option<u32>,
) -> Result<PathBuf, UpError> {
    let failed = |reason: String| UpError::Build { what: function.name.clone(), reason };
    let (code, builds) = (absolute(code), absolute(builds));
    if code.extension().is_some_and(|end| end == "jar") && code.is_file() {
        return jar(function, &code, &builds).await.map_err(failed);
    }
    if !code.is_dir() {
        return Err(failed(format!("there is no directory {}", code.display())));
    }
    let Some(tool) = Tool::of(&function.runtime, &code).filter(|_| may_build) else { return Ok(code) };
    let sources = hash_of(&code).map_err(|error| failed(error.to_string()))?;
    let whole = builds.join(format!("{}-{}", function.name, hash(&[function.runtime.as_bytes(), sources.as_bytes()])));
    let builder = Build { function, code: &code, builds: &builds, umask };
    let made = make(&whole, async |partial| builder.run(tool, partial).await);
    made.await.map_err(failed)?;
    Ok(whole)
}

/// A jar that is built already.
async fn jar(function: &Function, jar: &Path, builds: &Path) -> Result<PathBuf, String> {
    let content = fs::read(jar).map_err(|error| format!("{}: {error}", jar.display()))?;
    let whole = builds.join(format!("{}-{}", function.name, hash(&[&content])));
    let fill = async |partial: &Path| {
        let place = partial.join("lib");
        fs::create_dir_all(&place)
            .and_then(|()| fs::write(place.join("function.jar"), &content))
            .map_err(|error| error.to_string())
    };
    make(&whole, fill).await?;
    Ok(whole)
}

struct Build<'a> {
    function: &'a Function,
    code: &'a Path,
    builds: &'a Path,
    umask: Option<u32>,
}

impl Build<'_> {
    async fn run(&self, tool: Tool, partial: &Path) -> Result<(), String> {
        eprintln!("Building {} …", self.function.name);
        if tool == Tool::Maven {
            return self.maven(partial).await;
        }
        let packages = self.packages(tool).await?;
        let copied = copy(&packages, partial, false).and_then(|()| copy(self.code, partial, true));
        copied.map_err(|error| error.to_string())
    }

    /// The function's packages, without its code.
    async fn packages(&self, tool: Tool) -> Result<PathBuf, String> {
        let mut parts: Vec<Vec<u8>> = vec![self.function.runtime.clone().into_bytes()];
        for name in tool.manifests() {
            parts.push(fs::read(self.code.join(name)).unwrap_or_default());
        }
        let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
        let whole = self.builds.join(format!("packages-{}", hash(&parts)));
        make(&whole, async |partial| match tool {
            Tool::Pip => {
                let python = interpreter(&self.function.runtime).await?;
                let mut pip = Command::new(python);
                pip.args(["-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check"]);
                pip.args(["--requirement", "requirements.txt", "--target"]).arg(partial).current_dir(self.code);
                self.call(pip).await
            }
            Tool::Npm | Tool::Maven => {
                for name in tool.manifests() {
                    let source = self.code.join(name);
                    if source.is_file() {
                        fs::copy(&source, partial.join(name))
                            .map_err(|error| format!("{}: {error}", source.display()))?;
                    }
                }
                let mut npm = Command::new("npm");
                let install = if self.code.join("package-lock.json").is_file() { "ci" } else { "install" };
                npm.args([install, "--omit=dev", "--no-audit", "--no-fund", "--loglevel=error"]).current_dir(partial);
                self.call(npm).await
            }
        })
        .await?;
        Ok(whole)
    }

    /// Classes at the top, jars in `lib`.
    async fn maven(&self, partial: &Path) -> Result<(), String> {
        let sources = partial.join(".sources");
        fs::create_dir_all(&sources)
            .and_then(|()| copy(self.code, &sources, true))
            .map_err(|error| error.to_string())?;
        let mut maven = Command::new("mvn");
        maven.args(["-B", "-q", "-DskipTests", "package", "dependency:copy-dependencies", "-DincludeScope=runtime"]);
        maven.arg(format!("-DoutputDirectory={}", partial.join("lib").display())).current_dir(&sources);
        self.call(maven).await?;
        let classes = copy(&sources.join("target/classes"), partial, false);
        classes.and_then(|()| fs::remove_dir_all(&sources)).map_err(|error| error.to_string())
    }

    /// The tool's own output is the progress and, where it fails, the reason.
    async fn call(&self, mut command: Command) -> Result<(), String> {
        with_umask(&mut command, self.umask);
        let program = Path::new(command.as_std().get_program()).display().to_string();
        let status = command.stdin(Stdio::null()).status().await.map_err(|error| format!("{program}: {error}"))?;
        if status.success() { Ok(()) } else { Err(format!("{program}: {status}")) }
    }
}

/// Makes a directory that is there whole or not at all, unless it is there.
async fn make(whole: &Path, fill: impl AsyncFnOnce(&Path) -> Result<(), String>) -> Result<(), String> {
    if whole.is_dir() {
        return Ok(());
    }
    let parent = whole.parent().unwrap_or(Path::new("/"));
    let made = fs::create_dir_all(parent).and_then(|()| tempfile::Builder::new().prefix(".").tempdir_in(parent));
    let partial = made.map_err(|error| format!("{}: {error}", parent.display()))?;
    fill(partial.path()).await?;
    fs::rename(partial.keep(), whole).map_err(|error| format!("{}: {error}", whole.display()))
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf())
}

fn hash(parts: &[&[u8]]) -> String {
    let mut hasher = DefaultHasher::new();
    parts.hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

/// A hash of all files of the code, their names and contents.
fn hash_of(code: &Path) -> io::Result<String> {
    let mut files = Vec::new();
    list(code, true, &mut files)?;
    files.sort();
    let mut parts = Vec::new();
    for file in files {
        parts.push(file.as_os_str().as_encoded_bytes().to_vec());
        parts.push(fs::read(&file)?);
    }
    Ok(hash(&parts.iter().map(Vec::as_slice).collect::<Vec<_>>()))
}

fn list(directory: &Path, is_code: bool, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if is_code && entry.file_name().to_str().is_some_and(|name| LEFT_OUT.contains(&name)) {
            continue;
        }
        // A link to a directory is followed, as packaging does.
        match fs::metadata(entry.path()) {
            Ok(metadata) if metadata.is_dir() => list(&entry.path(), is_code, files)?,
            Ok(_) => files.push(entry.path()),
            // A link to nothing is no part of a package.
            Err(_) => {}
        }
    }
    Ok(())
}

/// Copies files into a directory; those of packages, which never change, as links.
fn copy(from: &Path, to: &Path, is_code: bool) -> io::Result<()> {
    let mut files = Vec::new();
    list(from, is_code, &mut files)?;
    for file in files {
        let target = to.join(file.strip_prefix(from).unwrap_or(&file));
        if let Some(parent) = target.parent() {
            fs::create_dir_all(parent)?;
        }
        if target.exists() {
            fs::remove_file(&target)?;
        }
        if is_code || fs::hard_link(&file, &target).is_err() {
            fs::copy(&file, &target)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use anabranch_template::{Options, ResourceKind};

    fn function(properties: &str) -> Function {
        let source = format!(
            "Resources:\n  F:\n    Type: AWS::Serverless::Function\n    Properties: {{FunctionName: f, {properties}}}\n"
        );
        let options = Options {
            stack_name: "s".into(),
            region: "us-east-1".into(),
            account_id: "0".into(),
            parameters: std::collections::BTreeMap::new(),
        };
        match anabranch_template::read(&source, "t.yaml", &options).unwrap().resources.remove(0).kind {
            ResourceKind::Function(function) => function,
            other => panic!("{other:?}"),
        }
    }

    fn names(directory: &Path) -> Vec<String> {
        let mut names: Vec<String> =
            fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[tokio::test]
    async fn code_within_the_template_is_a_file() {
        let builds = tempfile::tempdir().unwrap();
        let f = function("Runtime: nodejs20.x, Handler: index.handler, InlineCode: 'exports.handler = 1'");
        let directory = inline(&f, "exports.handler = 1", builds.path()).await.unwrap();
        assert_eq!(fs::read_to_string(directory.join("index.js")).unwrap(), "exports.handler = 1");
        assert_eq!(inline(&f, "exports.handler = 1", builds.path()).await.unwrap(), directory);
        assert_ne!(inline(&f, "exports.handler = 2", builds.path()).await.unwrap(), directory);
    }

    #[tokio::test]
    async fn code_is_built_once_for_what_goes_into_it() {
        let (code, builds) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::write(code.path().join("index.js"), "1").unwrap();
        let f = function("Runtime: nodejs20.x, Handler: index.handler, CodeUri: x");
        let build = async |may| build(&f, code.path(), builds.path(), may, None).await.unwrap();
        assert_eq!(build(true).await, code.path(), "there is nothing to build");
        if std::process::Command::new("npm").arg("--version").output().is_err() {
            eprintln!("left out: there is no npm on this machine");
            return;
        }
        fs::write(code.path().join("package.json"), r#"{"name": "f", "version": "1.0.0"}"#).unwrap();
        assert_eq!(build(false).await, code.path());
        let first = build(true).await;
        assert!(first.starts_with(builds.path()) && names(&first).contains(&"index.js".into()), "{first:?}");
        assert_eq!(build(true).await, first);
        fs::write(code.path().join("index.js"), "2").unwrap();
        let second = build(true).await;
        assert_ne!(second, first);
        assert_eq!(fs::read_to_string(second.join("index.js")).unwrap(), "2");
        let packages = names(builds.path()).into_iter().filter(|name| name.starts_with("packages-")).count();
        assert_eq!(packages, 1, "the packages are those of before");
    }
}

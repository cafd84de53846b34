//! A server that lives as long as its measurement.

use std::env;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// How long a server may take until it answers.
const START_LIMIT: Duration = Duration::from_secs(20);

/// A child process, ended when dropped.
pub(crate) struct Server(Child);

/// Where the search path has `program`.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|directory| directory.join(program)).find(|file| file.is_file())
}

/// Why the contender that needs `program` is left out, if it is absent.
pub(crate) fn missing(program: &str) -> Option<String> {
    find(program).is_none().then(|| format!("{program} is not on the search path"))
}

impl Server {
    /// Starts `program`; what it prints goes to a file in `directory`.
    pub(crate) fn start(program: &str, arguments: &[&str], directory: &Path) -> Self {
        let output = File::create(directory.join("output")).unwrap();
        let child = Command::new(find(program).unwrap())
            .args(arguments)
            .current_dir(directory)
            .stdin(Stdio::null())
            .stderr(output.try_clone().unwrap())
            .stdout(output)
            .spawn()
            .unwrap();
        Self(child)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

/// Connects as soon as the server that was just started lets it.
pub(crate) fn connect<S>(mut attempt: impl FnMut() -> io::Result<S>) -> S {
    let began = Instant::now();
    loop {
        match attempt() {
            Ok(stream) => return stream,
            Err(error) if began.elapsed() > START_LIMIT => panic!("the server does not answer: {error}"),
            Err(_) => thread::sleep(Duration::from_millis(5)),
        }
    }
}

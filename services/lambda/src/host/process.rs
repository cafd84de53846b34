//! Function processes: starting, killing, measuring, and cleaning up after a server that
//! was killed.

use rustix::fs::Mode;
use rustix::process::{Pid, Signal, kill_process_group};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use std::{fs, io};
use tokio::process::{Child, Command};

/// Variables of the server's environment that functions get too. All else they get is
/// what Lambda would give them, so that nothing works here by accident, and nothing of its user's
/// (credentials, tokens, settings of SDKs) is theirs.
const PASSED_ON: [&str; 3] = ["SSL_CERT_FILE", "SSL_CERT_DIR", "RUST_BACKTRACE"];

/// Between the signal that asks a process to end and the one that ends it, as on AWS.
pub(super) const TERMINATION_WAIT_MAX: Duration = Duration::from_millis(500);

/// What is started, and how.
#[derive(Debug)]
pub(super) struct Program {
    pub(super) program: PathBuf,
    pub(super) arguments: Vec<String>,
    pub(super) directory: PathBuf,
    pub(super) variables: BTreeMap<String, String>,
    /// Instead of our own umask.
    pub(super) umask: Option<u32>,
}

/// Starts a program in a process group of its own, so that whatever it starts dies with it.
pub(super) fn spawn(program: Program) -> io::Result<Child> {
    let mut command = Command::new(&program.program);
    command.args(&program.arguments).current_dir(&program.directory).env_clear();
    for name in PASSED_ON {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    command.envs(&program.variables);
    command.process_group(0).kill_on_drop(true);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    if let Some(umask) = program.umask.map(Mode::from_bits_truncate) {
        let set_umask = move || {
            rustix::process::umask(umask);
            Ok(())
        };
        // SAFETY: between fork and exec the closure makes one system call, which is
        // async-signal-safe; it allocates nothing and takes no lock.
        unsafe { command.pre_exec(set_umask) };
    }
    command.spawn()
}

/// Kills the process group led by `pid`. It is not an error if it is already gone.
pub(crate) fn kill_group(pid: u32) {
    signal_group(pid, Signal::KILL);
}

/// Asks the process group led by `pid` to end.
pub(super) fn terminate_group(pid: u32) {
    signal_group(pid, Signal::TERM);
}

fn signal_group(pid: u32, signal: Signal) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        let _ = kill_process_group(pid, signal);
    }
}

/// How a process ended, in the words Lambda uses.
pub(crate) fn exit_text(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt;
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit status {code}"),
        (None, Some(9)) => "signal: killed".into(),
        (None, Some(6)) => "signal: aborted".into(),
        (None, Some(11)) => "signal: segmentation fault".into(),
        (None, signal) => format!("signal: {}", signal.unwrap_or_default()),
    }
}

/// Pids of running environments, one file each, named by pid and holding the log stream
/// name, which also stands in the process's environment and so proves whose process it is.
#[derive(Debug, Clone)]
pub(crate) struct PidFiles(PathBuf);

impl PidFiles {
    /// Opens the folder and kills what an earlier server left running.
    pub(crate) fn open(directory: PathBuf) -> io::Result<Self> {
        fs::create_dir_all(&directory)?;
        let files = Self(directory);
        files.kill_recorded()?;
        Ok(files)
    }

    /// Kills every process that is recorded, after making sure that it is a function's.
    pub(crate) fn kill_recorded(&self) -> io::Result<()> {
        for entry in fs::read_dir(&self.0)? {
            let path = entry?.path();
            // What is not named by a pid is not ours.
            let pid = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.parse().ok());
            let Some(pid) = pid else { continue };
            if let Ok(log_stream) = fs::read_to_string(&path)
                && is_ours(pid, &log_stream)
            {
                tracing::warn!(pid, "killing a function process that was left over");
                kill_group(pid);
            }
            // Its own end may have removed it meanwhile.
            if let Err(error) = fs::remove_file(&path)
                && error.kind() != io::ErrorKind::NotFound
            {
                return Err(error);
            }
        }
        Ok(())
    }

    pub(crate) fn add(&self, pid: u32, log_stream: &str) {
        if let Err(error) = fs::write(self.0.join(pid.to_string()), log_stream) {
            // Only cleaning up after a crash depends on it.
            tracing::warn!(pid, %error, "cannot record a function process");
        }
    }

    pub(crate) fn remove(&self, pid: u32) {
        let _ = fs::remove_file(self.0.join(pid.to_string()));
    }
}

fn is_ours(pid: u32, log_stream: &str) -> bool {
    let Ok(environment) = fs::read(format!("/proc/{pid}/environ")) else { return false };
    let expected = format!("AWS_LAMBDA_LOG_STREAM_NAME={log_stream}");
    !log_stream.is_empty() && environment.split(|&byte| byte == 0).any(|variable| variable == expected.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn processes_left_over_are_killed_and_strangers_are_not() {
        let directory = tempfile::tempdir().unwrap();
        let variable = |value: &str| [("AWS_LAMBDA_LOG_STREAM_NAME".to_string(), value.to_string())].into();
        let sleep = |variables| {
            let mut command = Command::new("sleep");
            command.arg("60").env_clear().envs::<BTreeMap<String, String>, _, _>(variables).process_group(0);
            command.kill_on_drop(true).spawn().unwrap()
        };
        let (mut ours, mut stranger) = (sleep(variable("ours")), sleep(variable("another")));
        let files = PidFiles(directory.path().to_path_buf());
        files.add(ours.id().unwrap(), "ours");
        files.add(stranger.id().unwrap(), "ours");
        fs::write(directory.path().join("notes.txt"), "someone's").unwrap();
        PidFiles::open(directory.path().to_path_buf()).unwrap();
        assert_eq!(exit_text(ours.wait().await.unwrap()), "signal: killed");
        assert!(stranger.try_wait().unwrap().is_none(), "a pid that was reused must be left alone");
        let left: Vec<_> = fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["notes.txt"], "what no server put here stays");
    }
}

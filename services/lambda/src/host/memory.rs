//! How much memory an environment's processes hold, from `/proc`.
//!
//! The limit is kept by looking: control groups need rights that a developer's process mostly hasn't, and
//! limits on address space (`RLIMIT_AS`) end JVMs and V8, which reserve far more than they use. What a
//! process takes and gives back between two looks goes unseen.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Pause between two looks, while an invocation runs.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// Processes of an environment that are looked at.
const PROCESSES_MAX: usize = 1_024;

/// The memory of the processes that one process started, itself included.
#[derive(Debug, Clone)]
pub(super) struct Memory {
    pid: u32,
    /// The most that was seen, in kB.
    peak_kb: Arc<AtomicU64>,
}

impl Memory {
    pub(super) fn of(pid: u32) -> Self {
        Self { pid, peak_kb: Arc::default() }
    }

    /// Completes when the processes hold more than `limit_mb` of memory that is theirs alone (not
    /// of files, which the system can drop).
    #[allow(clippy::disallowed_methods, reason = "the function's process lives in the machine's time")]
    pub(super) async fn exceeds(&self, limit_mb: u32) {
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            let pid = self.pid;
            let held_kb = tokio::task::spawn_blocking(move || held_kb(pid)).await.unwrap_or_default();
            self.peak_kb.fetch_max(held_kb, Ordering::Relaxed);
            if held_kb > u64::from(limit_mb) * 1024 {
                return;
            }
        }
    }

    /// The most memory that was ever held, in MB: by the first process at any time, or by all
    /// together when they were looked at.
    pub(super) fn max_mb(&self) -> Option<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid)).ok()?;
        let kilobytes = field(&status, "VmHWM:")?.max(self.peak_kb.load(Ordering::Relaxed));
        Some(kilobytes.div_ceil(1024))
    }
}

/// What the process and those it started hold now, in kB.
fn held_kb(pid: u32) -> u64 {
    let mut processes = vec![pid];
    let mut next = 0;
    while next < processes.len() && processes.len() < PROCESSES_MAX {
        processes.extend(children(processes[next]));
        next += 1;
    }
    let held = |pid: &u32| {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let anonymous = field(&status, "RssAnon:").unwrap_or_default();
        anonymous + field(&status, "RssShmem:").unwrap_or_default()
    };
    processes.iter().map(held).sum()
}

fn children(pid: u32) -> Vec<u32> {
    let Ok(threads) = fs::read_dir(format!("/proc/{pid}/task")) else { return Vec::new() };
    let of_thread = |thread: fs::DirEntry| fs::read_to_string(thread.path().join("children")).ok();
    let lists = threads.flatten().filter_map(of_thread);
    lists
        .flat_map(|list| list.split_ascii_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<_>>())
        .collect()
}

fn field(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().trim_end_matches("kB").trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_memory_of_processes_started_by_processes_counts() {
        let mut shell = std::process::Command::new("sh").args(["-c", "sleep 60 & wait"]).spawn().unwrap();
        while children(shell.id()).is_empty() {
            std::thread::yield_now();
        }
        let child = children(shell.id())[0];
        assert!(held_kb(shell.id()) > held_kb(child));
        assert!(Memory::of(shell.id()).max_mb().unwrap() > 0);
        std::process::Command::new("kill").arg(child.to_string()).status().unwrap();
        shell.wait().unwrap();
        assert_eq!(held_kb(shell.id()), 0);
    }
}

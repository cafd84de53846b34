//! One execution environment: a function process, its Runtime API listener, its output.

use anabranch_protocol::Clipped;
use bytes::Bytes;
use rustix::io::Errno;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use std::{io, path::PathBuf};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::net::TcpListener;
use tokio::process::Child;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;

use super::function_log::FunctionLog;
use super::memory::Memory;
use super::process::{self, PidFiles, Program};
use super::runtime_api;
use super::session::{Answer, Progress, Session, Work};
use crate::invoke::AnswerStream;
use crate::runtimes::{CannotStart, Start};

/// A longer line of output is cut into pieces of this size.
const LINE_BYTES_MAX: usize = 64 << 10;

/// Why a process did not come to ask for its first event.
#[derive(Debug)]
pub(crate) enum InitFailure {
    /// There is nothing to start.
    CannotStart(CannotStart),
    /// The program could not be started at all.
    Spawn { program: PathBuf, error: io::Error },
    /// It posted to `/runtime/init/error`.
    Reported(Bytes),
    /// It ended, in [`process::exit_text`]'s words.
    Exited(String),
    /// It took too long.
    TimedOut(Duration),
}

impl std::fmt::Display for InitFailure {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::CannotStart(reason) => write!(formatter, "{reason}"),
            Self::Spawn { error, .. } => write!(formatter, "its process can't be started: {error}"),
            Self::Reported(payload) => {
                write!(formatter, "it reported {}", Clipped(String::from_utf8_lossy(payload)))
            }
            Self::Exited(exit) => write!(formatter, "its process ended at once: {exit}"),
            Self::TimedOut(limit) => write!(formatter, "it did not ask for an event within {} s", limit.as_secs_f64()),
        }
    }
}

impl InitFailure {
    /// Whether the process could not be started for want of processes, memory, or descriptors for
    /// its pipes. That is no fault of the function, and passes.
    pub(crate) fn is_exhaustion(&self) -> bool {
        let Self::Spawn { error, .. } = self else { return false };
        let code = error.raw_os_error().map(Errno::from_raw_os_error);
        code.is_some_and(|code| matches!(code, Errno::MFILE | Errno::NFILE | Errno::AGAIN | Errno::NOMEM))
    }
}

/// How an invocation ended.
#[derive(Debug)]
pub(crate) enum Ended {
    Answered(Answer),
    TimedOut,
    /// It held more memory than the function has, and was killed.
    OutOfMemory,
    Exited(String),
    /// The process ended before it took the event: another environment may take it.
    NotTaken,
}

/// A running environment. Dropping it kills the process group.
pub(crate) struct Environment {
    session: Arc<Session>,
    work: mpsc::Sender<Work>,
    progress: watch::Receiver<Progress>,
    flush: Vec<mpsc::Sender<oneshot::Sender<()>>>,
    listener: JoinHandle<()>,
    pid: u32,
    memory: Memory,
    pub(crate) init_duration: Duration,
    /// Whether an invocation was run in it already.
    pub(crate) used: bool,
}

/// What an environment is started with.
pub(crate) struct Launch<'a> {
    pub(crate) start: &'a Start,
    /// All variables but `AWS_LAMBDA_RUNTIME_API`.
    pub(crate) variables: BTreeMap<String, String>,
    /// Its own directory in the place of `/tmp`, removed when it ends.
    pub(crate) temporary: PathBuf,
    /// See [`crate::LambdaConfig::umask`].
    pub(crate) umask: Option<u32>,
    pub(crate) log_stream: String,
    pub(crate) log: FunctionLog,
    pub(crate) pid_files: PidFiles,
    pub(crate) init_timeout: Duration,
}

impl Environment {
    /// Starts the process and waits until it asks for its first event.
    pub(crate) async fn start(launch: Launch<'_>) -> Result<Self, InitFailure> {
        let began = Instant::now();
        let temporary = RemovedWhenDropped(launch.temporary);
        let failed = |error| InitFailure::Spawn { program: launch.start.program.clone(), error };
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let mut variables = launch.variables;
        variables.insert("AWS_LAMBDA_RUNTIME_API".into(), address.to_string());
        let program = Program {
            program: launch.start.program.clone(),
            arguments: launch.start.arguments(&temporary.0),
            directory: launch.start.task_root.clone(),
            variables,
            umask: launch.umask,
        };
        let (log_stream, pid_files) = (launch.log_stream, launch.pid_files);
        // Forking and noting the process wait for the disk.
        let start = move || -> io::Result<_> {
            let child = process::spawn(program)?;
            pid_files.add(child.id().unwrap_or_default(), &log_stream);
            Ok((child, pid_files))
        };
        let started = tokio::task::spawn_blocking(start).await.map_err(io::Error::other).flatten();
        let (mut child, pid_files) = started.map_err(failed)?;
        let pid = child.id().unwrap_or_default();

        let (work, events) = mpsc::channel(1);
        let (session, progress) = Session::new(events, launch.log);
        let session = Arc::new(session);
        let serving = runtime_api::serve(listener, pid, session.clone());
        let listener = tokio::spawn(async move {
            if let Err(error) = serving.await {
                tracing::error!(%error, "a Runtime API listener ended");
            }
        });
        let mut flush = Vec::new();
        let mut readers = Vec::new();
        if let Some(stdout) = child.stdout.take() {
            let (sender, requests) = mpsc::channel(1);
            flush.push(sender);
            readers.push(tokio::spawn(read_output(stdout, session.clone(), requests)));
        }
        if let Some(stderr) = child.stderr.take() {
            let (sender, requests) = mpsc::channel(1);
            flush.push(sender);
            readers.push(tokio::spawn(read_output(stderr, session.clone(), requests)));
        }
        tokio::spawn(watch_exit(child, pid, pid_files, temporary, session.clone(), readers));

        let (memory, init_duration) = (Memory::of(pid), Duration::ZERO);
        let mut environment =
            Self { session, work, progress, flush, listener, pid, memory, init_duration, used: false };
        environment.initialised(launch.init_timeout).await?;
        environment.init_duration = began.elapsed();
        Ok(environment)
    }

    async fn initialised(&mut self, limit: Duration) -> Result<(), InitFailure> {
        let settled =
            |progress: &Progress| progress.next_calls > 0 || progress.exit.is_some() || progress.init_error.is_some();
        let Ok(progress) = tokio::time::timeout(limit, self.progress.wait_for(settled)).await else {
            return Err(InitFailure::TimedOut(limit));
        };
        let progress = progress.map(|progress| progress.clone()).unwrap_or_default();
        match progress {
            Progress { init_error: Some(payload), .. } => Err(InitFailure::Reported(payload)),
            Progress { next_calls: 1.., .. } => Ok(()),
            Progress { exit, .. } => Err(InitFailure::Exited(exit.unwrap_or_default())),
        }
    }

    /// Whether the process still runs.
    pub(crate) fn is_alive(&self) -> bool {
        self.progress.borrow().exit.is_none()
    }

    /// Completes when the process has ended.
    pub(crate) async fn exited(&self) {
        self.exit_watch().await;
    }

    /// The same, without borrowing the environment.
    pub(crate) fn exit_watch(&self) -> impl Future<Output = ()> + Send + 'static {
        let mut progress = self.progress.clone();
        async move {
            let _ = progress.wait_for(|progress| progress.exit.is_some()).await;
        }
    }

    /// Runs one event, for at most `timeout`, with at most `memory_mb`.
    #[allow(clippy::disallowed_methods, reason = "the function's process lives in the machine's time")]
    pub(crate) async fn run(
        &mut self,
        work: Work,
        stream: Option<AnswerStream>,
        timeout: Duration,
        memory_mb: u32,
    ) -> Ended {
        self.used = true;
        let answered = self.session.begin(&work.request_id, stream);
        self.session.started(&work.request_id).await;
        if self.work.try_send(work).is_err() {
            return Ended::NotTaken;
        }
        let ended = tokio::select! {
            biased;
            Ok(answer) = answered => Ended::Answered(answer),
            () = self.exited() => Ended::Exited(self.progress.borrow().exit.clone().unwrap_or_default()),
            () = tokio::time::sleep(timeout) => Ended::TimedOut,
            () = self.memory.exceeds(memory_mb) => Ended::OutOfMemory,
        };
        self.session.end();
        let not_taken = self.work.capacity() == 0;
        match ended {
            Ended::Exited(_) if not_taken => Ended::NotTaken,
            ended => ended,
        }
    }

    /// How many events the process has asked for so far.
    pub(crate) fn next_calls(&self) -> u64 {
        self.progress.borrow().next_calls
    }

    /// Waits until the process asks for an event after the first `calls`, so that it is
    /// idle again. False if it ended or took longer than `limit`.
    pub(crate) async fn settled(&mut self, calls: u64, limit: Duration) -> bool {
        let settled = |progress: &Progress| progress.next_calls > calls || progress.exit.is_some();
        let waited = tokio::time::timeout(limit, self.progress.wait_for(settled)).await;
        matches!(waited, Ok(Ok(progress)) if progress.exit.is_none())
    }

    /// Waits until the output written so far has been read, as far as the pipes show.
    pub(crate) async fn flush_output(&self) {
        for reader in &self.flush {
            let (sender, flushed) = oneshot::channel();
            if reader.send(sender).await.is_ok() {
                let _ = flushed.await;
            }
        }
    }

    /// Writes the line that ends an invocation, and returns the end of its log.
    pub(crate) async fn report(&self, text: &str) -> Bytes {
        self.session.report(text).await
    }

    pub(crate) fn memory_max_mb(&self) -> Option<u64> {
        self.memory.max_mb()
    }

    /// Writes a line of the host's own into the log of the invocation.
    pub(crate) async fn note(&self, text: &str) {
        self.session.output(text).await;
    }

    /// Asks the process group to end, kills it if it doesn't, and waits until the process is gone.
    pub(crate) async fn stop(&self) {
        if self.is_alive() {
            process::terminate_group(self.pid);
            let ended = tokio::time::timeout(process::TERMINATION_WAIT_MAX, self.exited()).await;
            if ended.is_err() {
                process::kill_group(self.pid);
            }
        }
        self.exited().await;
    }

    /// Kills the process group and waits until the process is gone.
    pub(crate) async fn kill(&self) {
        if self.is_alive() {
            process::kill_group(self.pid);
        }
        self.exited().await;
    }
}

impl Drop for Environment {
    fn drop(&mut self) {
        if self.is_alive() {
            process::kill_group(self.pid);
        }
        self.listener.abort();
    }
}

/// A directory that goes with what it is for. Dropping it waits for the disk.
struct RemovedWhenDropped(PathBuf);

impl Drop for RemovedWhenDropped {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            tracing::warn!(directory = %self.0.display(), %error, "a function's temporary directory stays");
        }
    }
}

async fn watch_exit(
    mut child: Child,
    pid: u32,
    pid_files: PidFiles,
    temporary: RemovedWhenDropped,
    session: Arc<Session>,
    readers: Vec<JoinHandle<()>>,
) {
    let exit = match child.wait().await {
        Ok(status) => process::exit_text(status),
        Err(error) => format!("unknown: {error}"),
    };
    // What the process started may still hold its pipes; it goes with it.
    process::kill_group(pid);
    for reader in readers {
        let _ = reader.await;
    }
    let cleaned = move || {
        pid_files.remove(pid);
        drop(temporary);
    };
    let _ = tokio::task::spawn_blocking(cleaned).await;
    session.exited(exit);
}

/// Reads one of the process's pipes line by line until it is closed.
async fn read_output(
    mut pipe: impl AsyncRead + Unpin,
    session: Arc<Session>,
    mut flush_requests: mpsc::Receiver<oneshot::Sender<()>>,
) {
    let mut buffer = Vec::with_capacity(8 << 10);
    loop {
        tokio::select! {
            biased;
            read = pipe.read_buf(&mut buffer) => match read {
                Ok(1..) => emit_lines(&mut buffer, &session).await,
                Ok(0) | Err(_) => break,
            },
            Some(flushed) = flush_requests.recv() => {
                // What was written without an end of line is that invocation's all the same.
                if !buffer.is_empty() {
                    session.output(&String::from_utf8_lossy(&std::mem::take(&mut buffer))).await;
                }
                let _ = flushed.send(());
            }
        }
    }
    if !buffer.is_empty() {
        session.output(&String::from_utf8_lossy(&buffer)).await;
    }
}

async fn emit_lines(buffer: &mut Vec<u8>, session: &Session) {
    loop {
        let (line_bytes, taken) = match buffer.iter().position(|&byte| byte == b'\n') {
            Some(end) => (end, end + 1),
            None if buffer.len() >= LINE_BYTES_MAX => (LINE_BYTES_MAX, LINE_BYTES_MAX),
            None => return,
        };
        let line = String::from_utf8_lossy(&buffer[..line_bytes]).into_owned();
        buffer.drain(..taken);
        session.output(&line).await;
    }
}

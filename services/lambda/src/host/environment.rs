//! One execution environment: a function process, its Runtime API listener, its output.

use anabranch_protocol::{Clipped, Clock};
use bytes::Bytes;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use std::{io, path::Path};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::net::TcpListener;
use tokio::process::Child;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;

use super::function_log::{FunctionLog, Tail};
use super::process::{self, PidFiles};
use super::runtime_api;
use crate::invoke::InvokeOutcome;

/// A longer line of output is cut into pieces of this size.
const LINE_BYTES_MAX: usize = 64 << 10;

/// An event for the function.
#[derive(Debug, Clone)]
pub(crate) struct Work {
    pub(crate) request_id: String,
    pub(crate) payload: Bytes,
    pub(crate) deadline_ms: u64,
    pub(crate) function_arn: String,
    pub(crate) trace_id: String,
    /// JSON text.
    pub(crate) client_context: Option<String>,
}

/// What the function's runtime posted for an event.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) payload: Bytes,
    /// Set when it was posted as an error.
    pub(crate) error_type: Option<String>,
}

/// How far the process has come.
#[derive(Debug, Default, Clone)]
struct Progress {
    next_calls: u64,
    init_error: Option<Bytes>,
    exit: Option<String>,
}

/// What the listener, the output readers and the environment share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) work: tokio::sync::Mutex<mpsc::Receiver<Work>>,
    progress: watch::Sender<Progress>,
    current: Mutex<Option<(String, oneshot::Sender<Answer>)>>,
    /// The request id that output belongs to.
    log_request_id: Mutex<String>,
    tail: Mutex<Tail>,
    log: FunctionLog,
}

impl Shared {
    pub(crate) fn asked_for_next(&self) {
        self.progress.send_modify(|progress| progress.next_calls += 1);
    }

    pub(crate) fn init_failed(&self, payload: Bytes) {
        self.progress.send_modify(|progress| progress.init_error = Some(payload));
    }

    /// Passes an answer on; false when no such invocation is under way.
    pub(crate) fn answer(&self, request_id: &str, answer: Answer) -> bool {
        let mut current = self.current.lock();
        match current.take() {
            Some((id, sender)) if id == request_id => {
                // The invocation may have timed out meanwhile; then nobody listens.
                let _ = sender.send(answer);
                true
            }
            other => {
                *current = other;
                false
            }
        }
    }

    async fn output(&self, line: &str) {
        let request_id = self.log_request_id.lock().clone();
        self.tail.lock().push_line(line);
        self.log.line(&request_id, line).await;
    }
}

/// Why a process did not come to ask for its first event.
#[derive(Debug)]
pub(crate) enum InitFailure {
    /// The program could not be started at all.
    Spawn(io::Error),
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
            Self::Spawn(error) => write!(formatter, "its process can't be started: {error}"),
            Self::Reported(payload) => {
                write!(formatter, "it reported {}", Clipped(String::from_utf8_lossy(payload)))
            }
            Self::Exited(exit) => write!(formatter, "its process ended at once: {exit}"),
            Self::TimedOut(limit) => write!(formatter, "it did not ask for an event within {} s", limit.as_secs_f64()),
        }
    }
}

/// How an invocation ended.
#[derive(Debug)]
pub(crate) enum Ended {
    Answered(Answer),
    TimedOut,
    Exited(String),
    /// The process ended before it took the event: another environment may take it.
    NotTaken,
}

/// A running environment. Dropping it kills the process group.
pub(crate) struct Environment {
    shared: Arc<Shared>,
    work: mpsc::Sender<Work>,
    progress: watch::Receiver<Progress>,
    flush: Vec<mpsc::Sender<oneshot::Sender<()>>>,
    listener: JoinHandle<()>,
    pid: u32,
    pub(crate) init_duration: Duration,
    /// Whether an invocation was run in it already.
    pub(crate) used: bool,
    pub(crate) idle_since: Instant,
}

/// What an environment is started with.
pub(crate) struct Launch<'a> {
    pub(crate) program: &'a Path,
    /// All variables but `AWS_LAMBDA_RUNTIME_API`.
    pub(crate) variables: BTreeMap<String, String>,
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
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(InitFailure::Spawn)?;
        let address = listener.local_addr().map_err(InitFailure::Spawn)?;
        let mut variables = launch.variables;
        variables.insert("AWS_LAMBDA_RUNTIME_API".into(), address.to_string());
        let mut child = process::spawn(launch.program, &variables, launch.umask).map_err(InitFailure::Spawn)?;
        let pid = child.id().unwrap_or_default();
        launch.pid_files.add(pid, &launch.log_stream);

        let (work, receiver) = mpsc::channel(1);
        let (progress_sender, progress) = watch::channel(Progress::default());
        let shared = Arc::new(Shared {
            work: tokio::sync::Mutex::new(receiver),
            progress: progress_sender,
            current: Mutex::new(None),
            log_request_id: Mutex::new("-".into()),
            tail: Mutex::default(),
            log: launch.log,
        });
        let serving = runtime_api::serve(listener, pid, shared.clone());
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
            readers.push(tokio::spawn(read_output(stdout, shared.clone(), requests)));
        }
        if let Some(stderr) = child.stderr.take() {
            let (sender, requests) = mpsc::channel(1);
            flush.push(sender);
            readers.push(tokio::spawn(read_output(stderr, shared.clone(), requests)));
        }
        tokio::spawn(watch_exit(child, pid, launch.pid_files, shared.clone(), readers));

        let init_duration = Duration::ZERO;
        let idle_since = Instant::now();
        let mut environment =
            Self { shared, work, progress, flush, listener, pid, init_duration, used: false, idle_since };
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

    /// Runs one event, for at most `timeout`.
    pub(crate) async fn run(&mut self, work: Work, timeout: Duration) -> Ended {
        self.used = true;
        let (sender, answered) = oneshot::channel();
        *self.shared.current.lock() = Some((work.request_id.clone(), sender));
        *self.shared.log_request_id.lock() = work.request_id.clone();
        self.shared.tail.lock().clear();
        if self.work.try_send(work).is_err() {
            return Ended::NotTaken;
        }
        let ended = tokio::select! {
            biased;
            Ok(answer) = answered => Ended::Answered(answer),
            () = self.exited() => Ended::Exited(self.progress.borrow().exit.clone().unwrap_or_default()),
            () = tokio::time::sleep(timeout) => Ended::TimedOut,
        };
        *self.shared.current.lock() = None;
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
        self.shared.output(text).await;
        *self.shared.log_request_id.lock() = "-".into();
        self.shared.tail.lock().bytes().into()
    }

    pub(crate) fn memory_max_mb(&self) -> Option<u64> {
        process::memory_max_mb(self.pid)
    }

    /// Kills the process group and waits until the process is gone.
    pub(crate) async fn stop(&self) {
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

async fn watch_exit(
    mut child: Child,
    pid: u32,
    pid_files: PidFiles,
    shared: Arc<Shared>,
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
    pid_files.remove(pid);
    shared.progress.send_modify(|progress| progress.exit = Some(exit));
}

/// Reads one of the process's pipes line by line until it is closed.
async fn read_output(
    mut pipe: impl AsyncRead + Unpin,
    shared: Arc<Shared>,
    mut flush_requests: mpsc::Receiver<oneshot::Sender<()>>,
) {
    let mut buffer = Vec::with_capacity(8 << 10);
    loop {
        tokio::select! {
            biased;
            read = pipe.read_buf(&mut buffer) => match read {
                Ok(1..) => emit_lines(&mut buffer, &shared).await,
                Ok(0) | Err(_) => break,
            },
            Some(flushed) = flush_requests.recv() => {
                let _ = flushed.send(());
            }
        }
    }
    if !buffer.is_empty() {
        shared.output(&String::from_utf8_lossy(&buffer)).await;
    }
}

async fn emit_lines(buffer: &mut Vec<u8>, shared: &Shared) {
    loop {
        let (line_bytes, taken) = match buffer.iter().position(|&byte| byte == b'\n') {
            Some(end) => (end, end + 1),
            None if buffer.len() >= LINE_BYTES_MAX => (LINE_BYTES_MAX, LINE_BYTES_MAX),
            None => return,
        };
        let line = String::from_utf8_lossy(&buffer[..line_bytes]).into_owned();
        buffer.drain(..taken);
        shared.output(&line).await;
    }
}

/// When an invocation that starts now has to be done, in ms since the Unix epoch.
pub(crate) fn deadline_ms(clock: &dyn Clock, timeout: Duration) -> u64 {
    clock.now_ms() + timeout.as_millis() as u64
}

/// The outcome of an invocation whose answer was given by the runtime.
pub(crate) fn outcome(request_id: &str, answer: Answer) -> InvokeOutcome {
    let function_error = answer.error_type.map(|_| "Unhandled".to_string());
    InvokeOutcome { request_id: request_id.into(), payload: answer.payload, function_error, log_tail: None }
}

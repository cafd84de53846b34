//! What an environment and the process in it tell each other: events, answers, progress, output.

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot, watch};

use super::function_log::{FunctionLog, Tail};
use crate::invoke::AnswerStream;

/// Stands for the request id in lines that are written outside of an invocation.
pub(super) const NO_REQUEST: &str = "-";

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
pub(super) struct Progress {
    pub(super) next_calls: u64,
    pub(super) init_error: Option<Bytes>,
    pub(super) exit: Option<String>,
}

/// No invocation of this id is under way.
#[derive(Debug)]
pub(super) struct NotUnderWay;

/// The invocation under way.
#[derive(Debug)]
struct Current {
    request_id: String,
    answer: oneshot::Sender<Answer>,
    stream: Option<AnswerStream>,
}

/// The talk between an environment, the process's Runtime API and the readers of its output.
#[derive(Debug)]
pub(crate) struct Session {
    events: tokio::sync::Mutex<mpsc::Receiver<Work>>,
    progress: watch::Sender<Progress>,
    current: Mutex<Option<Current>>,
    /// The request id that output belongs to.
    log_request_id: Mutex<String>,
    tail: Mutex<Tail>,
    log: FunctionLog,
}

impl Session {
    /// A session whose process gets what is sent to `events`, and the watch over its progress.
    pub(super) fn new(events: mpsc::Receiver<Work>, log: FunctionLog) -> (Self, watch::Receiver<Progress>) {
        let (progress, watched) = watch::channel(Progress::default());
        let session = Self {
            events: tokio::sync::Mutex::new(events),
            progress,
            current: Mutex::new(None),
            log_request_id: Mutex::new(NO_REQUEST.into()),
            tail: Mutex::default(),
            log,
        };
        (session, watched)
    }

    /// The process asks for its next event, and is idle until there is one; `None` once the
    /// environment is being stopped.
    pub(super) async fn next_event(&self) -> Option<Work> {
        let mut events = self.events.lock().await;
        self.progress.send_modify(|progress| progress.next_calls += 1);
        events.recv().await
    }

    pub(super) fn init_failed(&self, payload: Bytes) {
        self.progress.send_modify(|progress| progress.init_error = Some(payload));
    }

    pub(super) fn exited(&self, exit: String) {
        self.progress.send_modify(|progress| progress.exit = Some(exit));
    }

    /// An invocation begins; its answer, if the process gives one, comes through the receiver.
    pub(super) fn begin(&self, request_id: &str, stream: Option<AnswerStream>) -> oneshot::Receiver<Answer> {
        let (answer, answered) = oneshot::channel();
        *self.current.lock() = Some(Current { request_id: request_id.to_string(), answer, stream });
        *self.log_request_id.lock() = request_id.to_string();
        self.tail.lock().clear();
        answered
    }

    /// The invocation no longer takes an answer.
    pub(super) fn end(&self) {
        *self.current.lock() = None;
    }

    /// Where a streamed answer to an invocation goes, if its caller takes one; an error when no such
    /// invocation is under way.
    pub(super) fn stream(&self, request_id: &str) -> Result<Option<AnswerStream>, NotUnderWay> {
        let mut current = self.current.lock();
        let current = current.as_mut().filter(|current| current.request_id == request_id);
        Ok(current.ok_or(NotUnderWay)?.stream.take())
    }

    /// Passes an answer on; false when no such invocation is under way.
    pub(super) fn answer(&self, request_id: &str, answer: Answer) -> bool {
        let mut current = self.current.lock();
        match current.take() {
            Some(under_way) if under_way.request_id == request_id => {
                // The invocation may have timed out meanwhile; then nobody listens.
                let _ = under_way.answer.send(answer);
                true
            }
            other => {
                *current = other;
                false
            }
        }
    }

    pub(super) async fn output(&self, line: &str) {
        let request_id = self.log_request_id.lock().clone();
        self.tail.lock().push_line(line);
        self.log.line(&request_id, line).await;
    }

    /// Logs the line that begins an invocation.
    pub(super) async fn started(&self, request_id: &str) {
        let line = format!("START RequestId: {request_id} Version: {}", self.log.version());
        self.output(&line).await;
    }

    /// Logs the lines that end an invocation, of which `line` is the last, and returns the end of its
    /// log.
    pub(super) async fn report(&self, line: &str) -> Bytes {
        let request_id = self.log_request_id.lock().clone();
        self.output(&format!("END RequestId: {request_id}")).await;
        self.output(line).await;
        *self.log_request_id.lock() = NO_REQUEST.into();
        self.tail.lock().bytes().into()
    }
}

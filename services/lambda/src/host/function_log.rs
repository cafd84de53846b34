//! The log of one function: a log stream for each of its environments, a bounded file under
//! `lambda/<name>.log`, written in the background, and the last 4 KB of the invocation that runs.

use std::collections::VecDeque;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anabranch_ports::{LogSink, LogStreamName};
use anabranch_protocol::Clock;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use crate::function_id::LATEST_VERSION;
use crate::time::iso_ms;

/// Lines that may wait for the disk; beyond that the function's output has to wait.
const LINES_WAITING_MAX: usize = 1_024;
/// Bytes of lines that may wait for the disk, for the same reason. A longer line waits alone.
const LINE_BYTES_WAITING_MAX: usize = 256 << 10;
/// What `X-Amz-Log-Type: Tail` returns at most.
const TAIL_BYTES_MAX: usize = 4_096;

/// A handle to the log; clones write to the same file.
#[derive(Debug, Clone)]
pub(crate) struct FunctionLog {
    function: String,
    /// The version that writes.
    version: String,
    clock: Arc<dyn Clock>,
    lines: mpsc::Sender<Line>,
    room: Arc<Semaphore>,
    stream: Option<(Arc<dyn LogSink>, Arc<LogStreamName>)>,
}

/// A line on its way to the disk, and the room that it takes until it is there.
type Line = (String, OwnedSemaphorePermit);

impl FunctionLog {
    /// Opens `<directory>/<function>.log` when the first line comes.
    pub(crate) fn new(directory: &Path, function: &str, clock: Arc<dyn Clock>, bytes_max: u64) -> Self {
        let (lines, mut waiting) = mpsc::channel(LINES_WAITING_MAX);
        let mut file = LogFile { path: directory.join(format!("{function}.log")), bytes_max, open: None };
        tokio::task::spawn(async move {
            let mut batch = Vec::new();
            while waiting.recv_many(&mut batch, LINES_WAITING_MAX).await > 0 {
                let (lines, room): (Vec<String>, Vec<OwnedSemaphorePermit>) = batch.drain(..).unzip();
                let text = lines.concat();
                drop(lines);
                let written = tokio::task::spawn_blocking(move || {
                    let outcome = file.append(text.as_bytes());
                    (file, outcome)
                });
                let Ok((returned, outcome)) = written.await else { return };
                drop(room);
                file = returned;
                if let Err(error) = outcome {
                    file.open = None;
                    tracing::warn!(path = %file.path.display(), %error, "cannot write a function's log; lines are lost");
                }
            }
        });
        Self {
            function: function.into(),
            version: LATEST_VERSION.into(),
            clock,
            lines,
            room: Arc::new(Semaphore::new(LINE_BYTES_WAITING_MAX)),
            stream: None,
        }
    }

    /// The same log, written by a version of the function.
    pub(crate) fn of_version(&self, version: &str) -> Self {
        Self { version: version.into(), ..self.clone() }
    }

    /// The version that writes.
    pub(crate) fn version(&self) -> &str {
        &self.version
    }

    /// The same log for an environment of its own: lines go to its log stream too.
    pub(crate) fn of_stream(&self, sink: &Arc<dyn LogSink>, stream: LogStreamName) -> Self {
        Self { stream: Some((sink.clone(), Arc::new(stream))), ..self.clone() }
    }

    /// Adds a line of the invocation `request_id` (`-` outside of one).
    pub(crate) async fn line(&self, request_id: &str, text: &str) {
        tracing::info!(target: "anabranch::function", function = %self.function, request_id, "{text}");
        let now_ms = self.clock.now_ms();
        if let Some((sink, stream)) = &self.stream {
            sink.append(stream, now_ms, format!("{text}\n"));
        }
        let line = format!("{} {request_id} {text}\n", iso_ms(now_ms));
        let room = line.len().min(LINE_BYTES_WAITING_MAX) as u32;
        let Ok(room) = self.room.clone().acquire_many_owned(room).await else { return };
        // The receiver ends only with the runtime.
        let _ = self.lines.send((line, room)).await;
    }
}

#[derive(Debug)]
struct LogFile {
    path: PathBuf,
    bytes_max: u64,
    open: Option<(File, u64)>,
}

impl LogFile {
    fn append(&mut self, text: &[u8]) -> io::Result<()> {
        if self.open.as_ref().is_some_and(|(_, bytes)| bytes + text.len() as u64 > self.bytes_max) {
            self.open = None;
            fs::rename(&self.path, self.path.with_extension("log.1"))?;
        }
        let (file, bytes) = match &mut self.open {
            Some(open) => open,
            None => {
                if let Some(directory) = self.path.parent() {
                    fs::create_dir_all(directory)?;
                }
                let file = OpenOptions::new().create(true).append(true).open(&self.path)?;
                let bytes = file.metadata()?.len();
                self.open.insert((file, bytes))
            }
        };
        file.write_all(text)?;
        *bytes += text.len() as u64;
        Ok(())
    }
}

/// The last bytes of an invocation's log.
#[derive(Debug, Default)]
pub(crate) struct Tail(VecDeque<u8>);

impl Tail {
    pub(crate) fn push_line(&mut self, line: &str) {
        self.0.extend(line.bytes().chain([b'\n']));
        let excess = self.0.len().saturating_sub(TAIL_BYTES_MAX);
        self.0.drain(..excess);
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.0.iter().copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use anabranch_protocol::SystemClock;

    use super::*;

    #[tokio::test]
    async fn lines_wait_for_room_and_not_in_memory() {
        let directory = tempfile::tempdir().unwrap();
        let log = FunctionLog::new(directory.path(), "f", Arc::new(SystemClock), 1 << 20);
        let line = "x".repeat(64 << 10);
        // One that takes all the room there is waits for the others to be written.
        for _ in 0..16 {
            log.line("id", &line).await;
            assert!(log.room.available_permits() <= LINE_BYTES_WAITING_MAX);
        }
        log.line("id", &"y".repeat(LINE_BYTES_WAITING_MAX + 1)).await;
        assert_eq!(log.room.available_permits(), 0);
    }

    #[test]
    fn a_full_log_moves_aside() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("clicks.log");
        let mut log = LogFile { path: path.clone(), bytes_max: 10, open: None };
        for line in [b"first\n", b"again\n", b"third\n"] {
            log.append(line).unwrap();
        }
        assert_eq!(fs::read(&path).unwrap(), b"third\n");
        assert_eq!(fs::read(directory.path().join("clicks.log.1")).unwrap(), b"again\n");
    }

    #[test]
    fn the_tail_keeps_the_end() {
        let mut tail = Tail::default();
        (0..2_000).for_each(|line| tail.push_line(&line.to_string()));
        assert_eq!(tail.bytes().len(), TAIL_BYTES_MAX);
        assert!(tail.bytes().ends_with(b"1998\n1999\n"));
    }
}

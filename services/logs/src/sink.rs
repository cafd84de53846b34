//! Lines of other services on their way into log streams.
//!
//! They wait in a queue of bounded length and size, and one task puts what waits, stream by stream.
//! Whoever writes a line never waits; what finds no room is counted and told in its stream.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use anabranch_ports::{LogSink, LogStreamName};
use anabranch_protocol::{ApiError, ErrorKind, RequestContext};
use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::JoinHandle;

use crate::batch::LogEvent;
use crate::limits::{BATCH_BYTES_MAX, BATCH_SPAN_MS_MAX, EVENT_BYTES_MAX, EVENT_OVERHEAD_BYTES, EVENTS_MAX};
use crate::limits::{SINK_BYTES_MAX, SINK_LINES_MAX};
use crate::new_group::new_group;
use crate::shared::Shared;

/// A line, its stream, and the room that it takes until it is on the disk.
struct Line {
    stream: Arc<LogStreamName>,
    event: LogEvent,
    _room: OwnedSemaphorePermit,
}

/// The queue's entrance.
pub(crate) struct Sink {
    lines: Mutex<Option<mpsc::Sender<Line>>>,
    room: Arc<Semaphore>,
    lost: Arc<Lost>,
    task: Mutex<Option<JoinHandle<()>>>,
}

/// Lines that found no room, by stream, until the stream says so.
type Lost = Mutex<HashMap<Arc<LogStreamName>, u64>>;

impl fmt::Debug for Sink {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Sink").finish_non_exhaustive()
    }
}

impl LogSink for Sink {
    fn append(&self, stream: &Arc<LogStreamName>, timestamp_ms: u64, mut message: String) {
        if message.is_empty() {
            return;
        }
        message.truncate(message.floor_char_boundary(EVENT_BYTES_MAX - EVENT_OVERHEAD_BYTES));
        let bytes = (message.len() + EVENT_OVERHEAD_BYTES) as u32;
        let event = LogEvent { timestamp_ms, message };
        let room = self.room.clone().try_acquire_many_owned(bytes).ok();
        let line = room.map(|room| Line { stream: stream.clone(), event, _room: room });
        let sent =
            line.is_some_and(|line| self.lines.lock().as_ref().is_some_and(|lines| lines.try_send(line).is_ok()));
        if !sent {
            *self.lost.lock().entry(stream.clone()).or_default() += 1;
        }
    }
}

impl Sink {
    /// A sink over `shared`. Call it within a Tokio runtime.
    pub(crate) fn new(shared: &Arc<Shared>) -> Self {
        let (lines, waiting) = mpsc::channel(SINK_LINES_MAX);
        let lost = Arc::new(Lost::default());
        let task = tokio::spawn(run(shared.clone(), waiting, lost.clone()));
        let room = Arc::new(Semaphore::new(SINK_BYTES_MAX));
        Self { lines: Mutex::new(Some(lines)), room, lost, task: Mutex::new(Some(task)) }
    }

    /// Takes no more lines, and returns once those that wait are stored.
    pub(crate) async fn close(&self) {
        self.lines.lock().take();
        let task = self.task.lock().take();
        if let Some(task) = task {
            let _ = task.await;
        }
    }
}

async fn run(shared: Arc<Shared>, mut waiting: mpsc::Receiver<Line>, lost: Arc<Lost>) {
    let mut lines = Vec::new();
    while waiting.recv_many(&mut lines, SINK_LINES_MAX).await > 0 {
        let mut by_stream: HashMap<Arc<LogStreamName>, Vec<LogEvent>> = HashMap::new();
        let mut room = Vec::with_capacity(lines.len());
        for Line { stream, event, _room } in lines.drain(..) {
            by_stream.entry(stream).or_default().push(event);
            room.push(_room);
        }
        let puts = by_stream.into_iter().map(|(stream, mut events)| {
            if let Some(count) = lost.lock().remove(&stream) {
                let timestamp_ms = events.last().map_or(0, |event| event.timestamp_ms);
                events.push(LogEvent {
                    timestamp_ms,
                    message: format!("[{count} lines were lost: they came faster than they could be stored]\n"),
                });
            }
            put(&shared, stream, events)
        });
        futures::future::join_all(puts).await;
    }
}

/// Puts the lines of a stream, which is made if need be.
async fn put(shared: &Arc<Shared>, stream: Arc<LogStreamName>, mut events: Vec<LogEvent>) {
    events.sort_by_key(|event| event.timestamp_ms);
    while !events.is_empty() {
        let rest = events.split_off(batch_length(&events));
        if let Err(error) = put_batch(shared, &stream, events).await {
            tracing::warn!(group = stream.group, stream = stream.stream, %error, "lines of a log are lost");
        }
        events = rest;
    }
}

/// How many events one put takes, at least one.
fn batch_length(events: &[LogEvent]) -> usize {
    let first_ms = events.first().map_or(0, |event| event.timestamp_ms);
    let mut bytes = 0;
    let fits = |event: &&LogEvent| {
        bytes += event.message.len() + EVENT_OVERHEAD_BYTES;
        bytes <= BATCH_BYTES_MAX && event.timestamp_ms - first_ms <= BATCH_SPAN_MS_MAX
    };
    events.iter().take(EVENTS_MAX).take_while(fits).count().max(1)
}

async fn put_batch(shared: &Arc<Shared>, stream: &LogStreamName, events: Vec<LogEvent>) -> Result<(), ApiError> {
    let invalid = |_| ApiError::internal("a log line names no account and region");
    let account = stream.account.parse().map_err(invalid)?;
    let region = stream.region.parse().map_err(invalid)?;
    let context = RequestContext::new(region, account);
    let group = match shared.groups.find(&context, &stream.group) {
        Ok(group) => group,
        Err(_) => {
            let row = new_group(&context, stream.group.clone(), shared.store.clock.now_ms());
            let made = shared.blocking(move |shared| shared.groups.create(&shared.store, row)).await;
            match made {
                Err(error) if error.kind == ErrorKind::Conflict => shared.groups.find(&context, &stream.group)?,
                made => made?,
            }
        }
    };
    let name = stream.stream.clone();
    let making = group.clone();
    let found = shared.blocking(move |shared| {
        let exists = making.log(&shared.store)?.stream(&name)?.is_some();
        Ok(if exists { Ok(()) } else { making.create_stream(&shared.store, &name).map_err(ApiError::from) })
    });
    match found.await? {
        Err(error) if error.kind != ErrorKind::Conflict => return Err(error),
        _ => {}
    }
    shared.put(group, stream.stream.clone(), events).await.map(drop)
}

//! One shard of one mapping: reads, collects a batch, runs it, sets the checkpoint.

use anabranch_ports::{PortError, ShardCursor, Start};
use anabranch_protocol::ServiceInstant;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::batch::{self, BatchEnd};
use super::checkpoint::Checkpoint;
use crate::invoke::PAYLOAD_BYTES_MAX;
use crate::mapping::context::Context;
use crate::mapping::payload::{self, EventRecord};

/// Waits in a row that may end without new records before the poller slows down.
const EMPTY_READS_MAX: u32 = 3;
/// Its pause then.
const EMPTY_READ_PAUSE: Duration = Duration::from_millis(20);

/// How the polling of a shard ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum PollEnd {
    /// The shard is closed and done: its children may start.
    ShardEnd,
    /// The mapping was stopped.
    Stopped,
}

/// Polls `shard_id` from its checkpoint on.
pub(crate) async fn run(context: Arc<Context>, shard_id: String) -> PollEnd {
    let Some((cursor, done_through)) = start(&context, &shard_id).await else { return PollEnd::Stopped };
    let poller = Poller {
        context: &context,
        shard_id: &shard_id,
        cursor,
        done_through,
        buffer: VecDeque::new(),
        at_tip: false,
        drained: false,
    };
    let end = poller.run().await;
    context.stat.waits_since(&shard_id, None);
    end
}

/// The place of the checkpoint; for a shard without one, which is then a child of one that
/// was done, its oldest record.
async fn start(context: &Context, shard_id: &str) -> Option<(ShardCursor, Option<String>)> {
    if let Some(Checkpoint::At { cursor, done_through }) = context.checkpoints.get(&context.uuid, shard_id) {
        return Some((cursor, done_through));
    }
    let mut failures = 0;
    loop {
        let resolved = async { context.stream().await?.resolve_start(shard_id, Start::TrimHorizon).await };
        match resolved.await {
            Ok(cursor) => return Some((cursor, None)),
            Err(error) => {
                failures += 1;
                context.source_failed(shard_id, &error);
                if context.stopped_during(context.backoff.after(failures)).await {
                    return None;
                }
            }
        }
    }
}

struct Poller<'a> {
    context: &'a Context,
    shard_id: &'a str,
    /// Where the next read starts.
    cursor: ShardCursor,
    /// Records up to this one were done before a restart.
    done_through: Option<String>,
    buffer: VecDeque<Buffered>,
    /// The last read left nothing behind.
    at_tip: bool,
    /// The shard is closed and nothing is left to read.
    drained: bool,
}

struct Buffered {
    event: EventRecord,
    /// Where the read that returned it started.
    read_at: Arc<ShardCursor>,
}

impl Poller<'_> {
    async fn run(mut self) -> PollEnd {
        loop {
            if !self.collect().await {
                return PollEnd::Stopped;
            }
            if self.buffer.is_empty() && self.drained {
                self.context.checkpoints.set(&self.context.uuid, self.shard_id, Checkpoint::ShardEnd);
                return PollEnd::ShardEnd;
            }
            if self.invoke().await == BatchEnd::Stopped {
                return PollEnd::Stopped;
            }
        }
    }

    /// Fills the buffer until a batch is due. False when the mapping is stopped.
    async fn collect(&mut self) -> bool {
        let window = Duration::from_secs(self.context.settings.batching_window_seconds.into());
        let clock = self.context.clock.clone();
        let mut window_end = (!self.buffer.is_empty()).then(|| clock.instant() + window);
        let mut failures = 0;
        let mut empty_reads = 0;
        loop {
            if self.context.is_stopped() {
                return false;
            }
            if self.is_full() || self.drained {
                return true;
            }
            let found = match self.read().await {
                Ok(found) => found,
                Err(error) => {
                    failures += 1;
                    self.context.source_failed(self.shard_id, &error);
                    if self.context.stopped_during(self.context.backoff.after(failures)).await {
                        return false;
                    }
                    continue;
                }
            };
            failures = 0;
            self.context.stat.failing.succeeded(self.shard_id);
            if window_end.is_none() && !self.buffer.is_empty() {
                window_end = Some(clock.instant() + window);
            }
            if window_end.is_some_and(|end| end <= clock.instant()) {
                return true;
            }
            // A source whose waits end without anything new must not keep a core busy.
            empty_reads = if found == Found::Nothing { empty_reads + 1 } else { 0 };
            if empty_reads > EMPTY_READS_MAX && self.context.stopped_during(EMPTY_READ_PAUSE).await {
                return false;
            }
            if found != Found::More && !self.drained && !self.is_full() {
                self.wait(window_end).await;
            }
        }
    }

    fn is_full(&self) -> bool {
        let records = self.buffer.len();
        records >= self.context.settings.batch_size as usize
            || payload::fitting(self.buffer.iter().map(|buffered| &buffered.event)) < records
    }

    async fn read(&mut self) -> Result<Found, PortError> {
        let records_max = self.context.settings.batch_size as usize - self.buffer.len();
        let buffered: usize = self.buffer.iter().map(|buffered| buffered.event.payload_bytes()).sum();
        // Base64 makes four bytes of three.
        let bytes_max = (PAYLOAD_BYTES_MAX.saturating_sub(buffered) / 4 * 3).max(1);
        let stream = self.context.stream().await?;
        let read = stream.read(self.shard_id, &self.cursor, records_max, bytes_max).await?;
        let read_at = Arc::new(std::mem::replace(&mut self.cursor, read.next));
        let mut filtered_out = 0;
        for record in &read.records {
            if self.done_through.as_deref().is_some_and(|done| !is_after(record.identifier(), done)) {
                continue;
            }
            if !self.context.passes(&**record) {
                filtered_out += 1;
                continue;
            }
            let event = EventRecord::new(&**record);
            self.buffer.push_back(Buffered { event, read_at: read_at.clone() });
        }
        if filtered_out > 0 {
            self.context.stat.filtered_out(filtered_out);
        }
        if self.buffer.is_empty() && filtered_out > 0 {
            // No batch will take the checkpoint past them.
            let checkpoint = Checkpoint::At { cursor: self.cursor.clone(), done_through: None };
            self.context.checkpoints.set(&self.context.uuid, self.shard_id, checkpoint);
        }
        self.at_tip = read.at_tip || read.records.is_empty();
        self.drained = read.closed_and_drained;
        match (self.buffer.front(), read.records.last()) {
            (Some(oldest), _) => self.waits_since(Some(oldest.event.arrival_ms)),
            // All of them were filtered out or done before; what comes behind them is younger.
            (None, Some(last)) if !self.at_tip => self.waits_since(Some(last.arrival_ms())),
            (None, _) => self.waits_since(None),
        }
        Ok(match (read.records.is_empty(), read.at_tip) {
            (true, _) => Found::Nothing,
            (false, true) => Found::Tip,
            (false, false) => Found::More,
        })
    }

    /// Notes the arrival of the oldest record that is not done.
    fn waits_since(&self, arrival_ms: Option<u64>) {
        self.context.stat.waits_since(self.shard_id, arrival_ms);
    }

    /// Completes when a read may find something new, or tells why the shard can't be read.
    async fn growth(&self) {
        if let Ok(stream) = self.context.stream().await
            && let Err(error) = stream.wait(self.shard_id, &self.cursor).await
        {
            tracing::debug!(shard_id = self.shard_id, %error, "nothing to wait for");
        }
    }

    /// Waits for new records, the end of the window or a stop, whichever is first.
    async fn wait(&self, window_end: Option<ServiceInstant>) {
        let window = async {
            match window_end {
                Some(end) => self.context.clock.sleep_until(end).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = self.growth() => {}
            () = window => {}
            () = self.context.stopped() => {}
        }
    }

    /// Runs the records that fit one payload and takes them out of the buffer.
    async fn invoke(&mut self) -> BatchEnd {
        let count = payload::fitting(self.buffer.iter().map(|buffered| &buffered.event)).min(self.buffer.len());
        let batch: Vec<Buffered> = self.buffer.drain(..count).collect();
        let (records, read_at): (Vec<EventRecord>, Vec<Arc<ShardCursor>>) =
            batch.into_iter().map(|buffered| (buffered.event, buffered.read_at)).unzip();
        let (context, shard_id) = (self.context, self.shard_id);
        let after = match self.buffer.front() {
            Some(next) => next.read_at.clone(),
            None => Arc::new(self.cursor.clone()),
        };
        let nothing_left = self.buffer.is_empty();
        // Once all are done; what was not read yet is younger than they are.
        let next_arrival_ms = match self.buffer.front() {
            Some(next) => Some(next.event.arrival_ms),
            None => records.last().filter(|_| !self.at_tip).map(|last| last.arrival_ms),
        };
        let mut saved = 0;
        let mut progress = |done: usize| {
            if done == saved {
                return;
            }
            saved = done;
            let whole = done == records.len();
            let oldest_ms = if whole { next_arrival_ms } else { Some(records[done].arrival_ms) };
            context.stat.waits_since(shard_id, oldest_ms);
            let cursor = if whole { after.as_ref() } else { read_at[done].as_ref() }.clone();
            let done_through = (!whole || !nothing_left).then(|| records[done - 1].identifier.clone());
            context.checkpoints.set(&context.uuid, shard_id, Checkpoint::At { cursor, done_through });
        };
        batch::run(context, shard_id, &records, &mut progress).await
    }
}

#[derive(PartialEq, Eq)]
enum Found {
    /// Records, and there are more.
    More,
    /// Records, and these were the last for now.
    Tip,
    Nothing,
}

/// Whether sequence number `a` comes after `b`: they are compared as numbers.
fn is_after(a: &str, b: &str) -> bool {
    (a.len(), a) > (b.len(), b)
}

//! One shard of one mapping: reads, cuts batches, runs them in lanes, sets the checkpoint.

use std::sync::Arc;
use std::time::Duration;

use anabranch_ports::{PortError, ShardCursor, Start};
use anabranch_protocol::ServiceInstant;
use parking_lot::Mutex;
use tokio::task::JoinSet;

use super::batch::{self, BatchEnd};
use super::checkpoint::Checkpoint;
use super::lane::{Lane, lane_of};
use super::tracker::Tracker;
use super::window::TumblingWindow;
use crate::invoke::PAYLOAD_BYTES_MAX;
use crate::mapping::context::Context;
use crate::mapping::payload::{self, EventRecord};
use crate::mapping::sources::SourceRecord;

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
    let Some(place) = start(&context, &shard_id).await else { return PollEnd::Stopped };
    let settings = context.stream_settings();
    // A window has one state, so its batches run one after another.
    let lanes = if settings.tumbling_window_seconds > 0 { 1 } else { settings.parallelization_factor as usize };
    let poller = Poller {
        shard_id: shard_id.as_str().into(),
        done_through: place.done_through,
        lanes: std::iter::repeat_with(Lane::default).take(lanes).collect(),
        running: JoinSet::new(),
        tracker: Arc::new(Mutex::new(Tracker::new(place.cursor.clone(), place.window.clone()))),
        window: place.window,
        cursor: place.cursor,
        at_tip_since_ms: None,
        drained: false,
        empty_reads: 0,
        failures: 0,
        context: context.clone(),
    };
    let end = poller.run().await;
    context.stat.waits_since(&shard_id, None);
    end
}

/// Where polling goes on.
struct Place {
    cursor: ShardCursor,
    done_through: Option<String>,
    window: Option<TumblingWindow>,
}

/// The place of the checkpoint; for a shard without one, which is then a child of one that
/// was done, its oldest record.
async fn start(context: &Context, shard_id: &str) -> Option<Place> {
    if let Some(Checkpoint::At { cursor, done_through, window }) = context.checkpoints.get(&context.uuid, shard_id) {
        return Some(Place { cursor, done_through, window });
    }
    let mut failures = 0;
    loop {
        let resolved = async { context.stream().await?.resolve_start(shard_id, Start::TrimHorizon).await };
        match resolved.await {
            Ok(cursor) => return Some(Place { cursor, done_through: None, window: None }),
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

struct Poller {
    context: Arc<Context>,
    shard_id: Arc<str>,
    /// Where the next read starts.
    cursor: ShardCursor,
    /// Records up to this one were done before a restart.
    done_through: Option<String>,
    lanes: Vec<Lane>,
    /// A batch of each lane at most.
    running: JoinSet<Ended>,
    tracker: Arc<Mutex<Tracker>>,
    /// The tumbling window that is open, while no batch has it.
    window: Option<TumblingWindow>,
    /// When the last read began, if it left nothing behind and nothing new is known of.
    at_tip_since_ms: Option<u64>,
    /// The shard is closed and nothing is left to read.
    drained: bool,
    empty_reads: u32,
    /// Reads that failed, in a row.
    failures: u32,
}

/// What a batch leaves behind.
struct Ended {
    lane: usize,
    window: Option<TumblingWindow>,
}

impl Poller {
    async fn run(mut self) -> PollEnd {
        while !self.context.is_stopped() {
            self.begin_due();
            if self.is_done() {
                self.context.checkpoints.set(&self.context.uuid, &self.shard_id, Checkpoint::ShardEnd);
                return PollEnd::ShardEnd;
            }
            if self.has_room() && self.at_tip_since_ms.is_none() {
                self.read().await;
            } else {
                self.wait().await;
            }
        }
        // What they did is to be in the checkpoint.
        while self.running.join_next().await.is_some() {}
        PollEnd::Stopped
    }

    fn is_done(&self) -> bool {
        self.drained && self.running.is_empty() && self.lanes.iter().all(Lane::is_empty) && self.window.is_none()
    }

    /// Whether anything may be read. What waits is bounded by a batch for each lane, so records of a
    /// key that is stuck hold up the others once they are that many.
    fn has_room(&self) -> bool {
        let bytes: usize = self.lanes.iter().map(Lane::bytes).sum();
        !self.drained && self.records_room() > 0 && bytes < PAYLOAD_BYTES_MAX * self.lanes.len()
    }

    fn records_room(&self) -> usize {
        let waiting: usize = self.lanes.iter().map(Lane::len).sum();
        (self.batch_size() * self.lanes.len()).saturating_sub(waiting)
    }

    fn batch_size(&self) -> usize {
        self.context.settings.batch_size as usize
    }

    /// When a batch is due whose first record came now.
    fn due(&self) -> ServiceInstant {
        self.context.clock.instant() + Duration::from_secs(self.context.settings.batching_window_seconds.into())
    }

    /// Begins all batches that are due in lanes that are idle.
    fn begin_due(&mut self) {
        for lane in 0..self.lanes.len() {
            if self.lanes[lane].is_busy {
                continue;
            }
            if self.window_is_over(lane) {
                self.end_window(lane);
            } else if self.is_due(lane) {
                self.begin_batch(lane);
            }
        }
    }

    fn is_due(&self, lane: usize) -> bool {
        let lane = &self.lanes[lane];
        let spans_windows = |(first, last): (&EventRecord, &EventRecord)| {
            let seconds = self.context.stream_settings().tumbling_window_seconds;
            seconds > 0 && !TumblingWindow::of(first.arrival_ms, seconds).holds(last.arrival_ms)
        };
        let clock = &self.context.clock;
        let now = clock.instant();
        !lane.is_empty()
            && (lane.is_full(self.batch_size())
                || self.drained
                || lane.due.is_some_and(|due| due <= now)
                || self.window.as_ref().is_some_and(|window| window.end_ms <= clock.now_ms())
                || lane.first().zip(lane.last()).is_some_and(spans_windows))
    }

    /// Whether the open window gets no more records: one of a later window came, or its time is over
    /// and all that arrived until then was read, or the shard ended.
    fn window_is_over(&self, lane: usize) -> bool {
        let Some(window) = &self.window else { return false };
        if self.context.stream_settings().tumbling_window_seconds == 0 {
            // The mapping had windows before it was changed.
            return true;
        }
        match self.lanes[lane].first() {
            Some(next) => !window.holds(next.arrival_ms),
            None => self.drained || self.at_tip_since_ms.is_some_and(|read_ms| read_ms >= window.end_ms),
        }
    }

    fn begin_batch(&mut self, lane: usize) {
        let (settings, due) = (self.context.stream_settings(), self.due());
        let first_ms = self.lanes[lane].first().map_or(0, |first| first.arrival_ms);
        let window = (settings.tumbling_window_seconds > 0).then(|| {
            self.window.take().unwrap_or_else(|| TumblingWindow::of(first_ms, settings.tumbling_window_seconds))
        });
        let members_bytes =
            window.as_ref().map_or(0, |window| batch::members_bytes(&self.context, &self.shard_id, window));
        let of_window = |record: &&EventRecord| window.as_ref().is_none_or(|window| window.holds(record.arrival_ms));
        let records = self.lanes[lane].records().take(self.batch_size()).take_while(of_window);
        let count = payload::fitting(records, members_bytes);
        let taken = self.lanes[lane].take(count, due);
        let (records, positions): (Vec<EventRecord>, Vec<u64>) =
            taken.into_iter().map(|waiting| (waiting.event, waiting.position)).unzip();
        self.lanes[lane].is_busy = true;
        let (context, shard_id, tracker) = (self.context.clone(), self.shard_id.clone(), self.tracker.clone());
        self.running.spawn(async move {
            let mut window = window;
            let mut saved = 0;
            let mut progress = |done: usize, window: Option<&TumblingWindow>| {
                let positions = &positions[saved..done];
                saved = done;
                let mut tracker = tracker.lock();
                tracker.set_window(window.cloned());
                if tracker.done(positions) || window.is_some() {
                    save(&context, &shard_id, &tracker);
                }
            };
            let end = batch::run(&context, &shard_id, &records, &mut window, &mut progress).await;
            // A mapping that was stopped polls no more.
            Ended { lane, window: window.filter(|_| end == BatchEnd::Complete) }
        });
    }

    /// Invokes the function for the last time in the open window.
    fn end_window(&mut self, lane: usize) {
        let Some(window) = self.window.take() else { return };
        self.lanes[lane].is_busy = true;
        let (context, shard_id, tracker) = (self.context.clone(), self.shard_id.clone(), self.tracker.clone());
        self.running.spawn(async move {
            if batch::end_window(&context, &shard_id, &window).await == BatchEnd::Complete {
                let mut tracker = tracker.lock();
                tracker.set_window(None);
                save(&context, &shard_id, &tracker);
            }
            Ended { lane, window: None }
        });
    }

    fn ended(&mut self, ended: Result<Ended, tokio::task::JoinError>) {
        match ended {
            Ok(Ended { lane, window }) => {
                self.lanes[lane].is_busy = false;
                self.window = window;
            }
            // A bug of ours, which the supervisor tells of.
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            Err(_) => {}
        }
    }

    /// Reads what there is room for, or tells why that can't be and waits a little.
    async fn read(&mut self) {
        let pause = match self.read_once().await {
            Ok(found_any) => {
                self.failures = 0;
                self.context.stat.failing.succeeded(&self.shard_id);
                // A source whose waits end without anything new must not keep a core busy.
                self.empty_reads = if found_any { 0 } else { self.empty_reads + 1 };
                (self.empty_reads > EMPTY_READS_MAX).then_some(EMPTY_READ_PAUSE)
            }
            Err(error) => {
                self.failures += 1;
                self.context.source_failed(&self.shard_id, &error);
                Some(self.context.backoff.after(self.failures))
            }
        };
        if let Some(pause) = pause {
            self.context.stopped_during(pause).await;
        }
    }

    async fn read_once(&mut self) -> Result<bool, PortError> {
        let waiting: usize = self.lanes.iter().map(Lane::bytes).sum();
        // Base64 makes four bytes of three.
        let bytes_max = ((PAYLOAD_BYTES_MAX * self.lanes.len()).saturating_sub(waiting) / 4 * 3).max(1);
        let began_ms = self.context.clock.now_ms();
        let stream = self.context.stream().await?;
        let read = stream.read(&self.shard_id, &self.cursor, self.records_room(), bytes_max).await?;
        let read_at = std::mem::replace(&mut self.cursor, read.next);
        let is_new = |record: &&dyn SourceRecord| {
            self.done_through.as_deref().is_none_or(|done| is_after(record.identifier(), done))
        };
        let new: Vec<&dyn SourceRecord> = read.records.iter().map(|record| &**record).filter(is_new).collect();
        let new_count = new.len();
        let events = EventRecord::of_all(new.into_iter().filter(|record| self.context.passes(*record)));
        let filtered_out = new_count - events.len();
        self.context.stat.filtered_out(filtered_out);
        let at_tip = read.at_tip || read.records.is_empty();
        self.at_tip_since_ms = at_tip.then_some(began_ms);
        self.drained = read.closed_and_drained;
        let behind_ms = read.records.last().filter(|_| !at_tip).map(|last| last.arrival_ms());
        let mut tracker = self.tracker.lock();
        let first = tracker.add(read_at, self.cursor.clone(), &events, behind_ms);
        if tracker.is_empty() && filtered_out > 0 {
            // No batch will take the checkpoint past them.
            save(&self.context, &self.shard_id, &tracker);
        } else {
            self.context.stat.waits_since(&self.shard_id, tracker.waits_since());
        }
        drop(tracker);
        let (due, count) = (self.due(), self.lanes.len());
        for (event, position) in events.into_iter().zip(first..) {
            self.lanes[lane_of(&event, count)].push(event, position, due);
        }
        Ok(!read.records.is_empty())
    }

    /// Waits for new records, the end of a batch or of a window, or a stop, whichever is first.
    async fn wait(&mut self) {
        let deadline = self.deadline();
        let may_read = self.has_room();
        let Self { context, shard_id, cursor, running, .. } = self;
        let window = async {
            match deadline {
                Some(deadline) => context.clock.sleep_until(deadline).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            Some(ended) = running.join_next(), if !running.is_empty() => self.ended(ended),
            () = growth(context, shard_id, cursor), if may_read => self.at_tip_since_ms = None,
            () = window => {
                // What arrived until then is read before a tumbling window ends.
                self.at_tip_since_ms = None;
            }
            () = context.stopped() => {}
        }
    }

    /// When the next batch of an idle lane is due, or the open window ends.
    fn deadline(&self) -> Option<ServiceInstant> {
        let idle = self.lanes.iter().filter(|lane| !lane.is_busy);
        let batches = idle.filter_map(|lane| lane.due);
        let now_ms = self.context.clock.now_ms();
        let window = self
            .window
            .as_ref()
            .map(|window| self.context.clock.instant() + Duration::from_millis(window.end_ms.saturating_sub(now_ms)));
        batches.chain(window).min()
    }
}

/// Completes when a read may find something new, or tells why the shard can't be read.
async fn growth(context: &Context, shard_id: &str, cursor: &ShardCursor) {
    if let Ok(stream) = context.stream().await
        && let Err(error) = stream.wait(shard_id, cursor).await
    {
        tracing::debug!(shard_id, %error, "nothing to wait for");
    }
}

/// Sets the checkpoint. The tracker is locked meanwhile, so that a later one is set later.
fn save(context: &Context, shard_id: &str, tracker: &Tracker) {
    context.stat.waits_since(shard_id, tracker.waits_since());
    context.checkpoints.set(&context.uuid, shard_id, tracker.checkpoint());
}

/// Whether sequence number `a` comes after `b`: they are compared as numbers.
fn is_after(a: &str, b: &str) -> bool {
    (a.len(), a) > (b.len(), b)
}

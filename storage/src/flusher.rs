//! Group commit: whoever comes first flushes for everyone who waits.
//!
//! A thread that blocks on an append becomes the leader if nobody flushes. As soon as flushes serve
//! several, a thread of the log leads instead, for as long as that lasts: it goes from one flush to
//! the next without waiting to be woken. Futures can't block, so for them that thread flushes too.
//! It ends after some idle time, so that thousands of quiet logs cost no threads.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::config::FlushPolicy;
use crate::core::Core;
use crate::error::Result;
use crate::faults::{Fault, committed};
use crate::group::Ticket;
use crate::segment::Segment;
use crate::sync::atomic::Ordering;
use crate::sync::{Builder, MutexGuard, now, yield_now};
use crate::writer::{Group, Step, Writer};

/// Quiet time after which a mark is written after the last frame.
const MARK_AFTER: Duration = Duration::from_millis(50);
/// Quiet time after which the flusher thread ends.
const THREAD_IDLE_MAX: Duration = Duration::from_secs(5);

impl Core {
    /// Writes and flushes all that waits, unless another thread is at it. Returns with the lock.
    pub(crate) fn flush_pending<'a>(&'a self, writer: MutexGuard<'a, Writer>) -> MutexGuard<'a, Writer> {
        self.flush_gathered(writer, false)
    }

    /// The same, once others had the time to join if `gather`: that pays where threads wait, who
    /// are back at once, not where futures do, whose way back is a longer one.
    fn flush_gathered<'a>(&'a self, mut writer: MutexGuard<'a, Writer>, gather: bool) -> MutexGuard<'a, Writer> {
        if writer.flushing || !writer.has_work() || self.poison.get().is_some() {
            return writer;
        }
        writer.flushing = true;
        if gather {
            writer = self.gather(writer);
        }
        let served = self.appends.swap(0, Ordering::Relaxed);
        let steps = writer.take_work();
        let mut written = Vec::with_capacity(1);
        let began = now();
        let outcome = MutexGuard::unlocked(&mut writer, || self.run_steps(steps, &mut written));
        writer.flushing = false;
        let waiting = self.appends.load(Ordering::Relaxed);
        writer.gathering.flushed(served, waiting, now() - began);
        match outcome {
            Ok(buffer) => writer.give_back(buffer),
            Err(error) => {
                self.poison(&error);
                writer.release_all();
            }
        }
        if !writer.thread_leads {
            writer.ask_for_leader();
        }
        self.flushed.notify_all();
        MutexGuard::unlocked(&mut writer, || written.iter().for_each(|ticket| ticket.done()));
        writer
    }

    /// As [`Core::flush_pending`], by one who waits for an append. Has the log's thread lead from
    /// now on if there are several.
    pub(crate) fn lead<'a>(self: &'a Arc<Self>, writer: MutexGuard<'a, Writer>) -> MutexGuard<'a, Writer> {
        let mut writer = self.flush_gathered(writer, true);
        if writer.gathering.is_shared() && !writer.thread_leads && self.config.flush == FlushPolicy::Fsync {
            writer.thread_leads = self.start_or_notify(&mut writer);
        }
        writer
    }

    /// Waits a moment for the first append after a flush that served several.
    fn await_first<'a>(&'a self, writer: &mut MutexGuard<'a, Writer>) -> bool {
        if !writer.gathering.is_shared() {
            return false;
        }
        let mut wait = writer.gathering.for_first();
        MutexGuard::unlocked(writer, || {
            while !wait.is_over(self.appends.load(Ordering::Relaxed)) {
                yield_now();
            }
        });
        writer.has_work()
    }

    /// Lets those join whom the flush before released, as far as that pays.
    fn gather<'a>(&'a self, mut writer: MutexGuard<'a, Writer>) -> MutexGuard<'a, Writer> {
        if self.config.flush != FlushPolicy::Fsync {
            return writer;
        }
        let Some(mut wait) = writer.gathering.begin(self.appends.load(Ordering::Relaxed)) else { return writer };
        // Those who are to join need the lock more than this thread does.
        MutexGuard::unlocked(&mut writer, || {
            while !wait.is_over(self.appends.load(Ordering::Relaxed)) {
                yield_now();
            }
        });
        writer.gathering.ended(&wait);
        writer
    }

    fn run_steps(&self, steps: impl IntoIterator<Item = Step>, written: &mut Vec<Arc<Ticket>>) -> Result<Vec<u8>> {
        let mut buffer = Vec::new();
        let mut outcome = Ok(());
        for step in steps {
            match step {
                Step::Write(segment, offset, group) => {
                    written.push(group.ticket.clone());
                    if outcome.is_ok() {
                        outcome = self.write_group(&segment, offset, group).map(|emptied| buffer = emptied);
                    }
                }
                Step::Seal(segment) if outcome.is_ok() => outcome = segment.seal(),
                Step::Seal(_) => {}
            }
        }
        outcome.map(|()| buffer)
    }

    fn write_group(&self, segment: &Segment, offset: u64, mut group: Group) -> Result<Vec<u8>> {
        let frames_end = offset + group.bytes.len() as u64;
        self.ensure(self.continues(segment, offset, &group), "dense positions")?;
        group.finish(segment, offset);
        segment.write(&group.bytes, offset)?;
        if committed(Fault::VisibleBeforeDurable) {
            self.show(segment, &group);
        }
        if self.config.flush == FlushPolicy::Fsync {
            match segment.flush(frames_end) {
                Err(_) if committed(Fault::FlushAgainAfterError) => segment.flush(frames_end)?,
                outcome => outcome?,
            }
            self.flushes.fetch_add(1, Ordering::Relaxed);
        }
        if !committed(Fault::VisibleBeforeDurable) {
            let is_durable = self.config.flush != FlushPolicy::Fsync || segment.durable_offset() >= frames_end;
            self.ensure(is_durable, "acknowledged ≤ durable")?;
            self.show(segment, &group);
        }
        Ok(group.bytes)
    }

    /// Whether the frames follow those that readers see, in place and position, without a gap.
    fn continues(&self, segment: &Segment, offset: u64, group: &Group) -> bool {
        let (Some((_, first)), Some((_, last))) = (group.frames.first(), group.frames.last()) else { return false };
        let shown = segment.summary();
        (first.offset, first.first_position) == (offset, shown.end_position)
            && offset == shown.frames_end
            && last.first_position.0 + last.positions == group.end_position
            && self.visible() <= first.first_position
    }

    /// The frames are durable: indexes them; only then may anyone see or be told of them.
    fn show(&self, segment: &Segment, group: &Group) {
        segment.publish(group.frames.iter().map(|(_, place)| *place));
        self.visible.store(group.end_position, Ordering::Release);
        self.waiters.wake(group.end_position);
    }

    /// Flushes, or waits for whoever does, until `holds`. Returns with the lock.
    pub(crate) fn flush_until<'a>(
        &'a self,
        mut writer: MutexGuard<'a, Writer>,
        holds: impl Fn(&Writer) -> bool,
    ) -> Result<MutexGuard<'a, Writer>> {
        while !holds(&writer) {
            self.check_poison()?;
            if writer.flushing {
                self.flushed.wait(&mut writer);
            } else {
                writer = self.flush_pending(writer);
            }
        }
        Ok(writer)
    }

    /// Makes sure that what waits is flushed without anyone blocking on it.
    pub(crate) fn flush_in_background(self: &Arc<Self>) {
        let writer = self.writer.lock();
        if writer.has_work() || writer.flushing || writer.thread_running {
            self.hand_to_thread(writer);
        }
    }

    /// Makes sure that frames just stored are flushed as the policy says, and that a segment they
    /// filled is sealed.
    pub(crate) fn stored(self: &Arc<Self>, mut writer: MutexGuard<'_, Writer>) {
        let first_unsynced = !std::mem::replace(&mut writer.unsynced, true);
        if writer.has_work() || (first_unsynced && matches!(self.config.flush, FlushPolicy::Interval(_))) {
            self.hand_to_thread(writer);
        }
    }

    fn hand_to_thread(self: &Arc<Self>, mut writer: MutexGuard<'_, Writer>) {
        if !self.start_or_notify(&mut writer) {
            // Without a thread to be had, the caller's flushes.
            drop(self.flush_pending(writer));
        }
    }

    /// False if no thread is to be had.
    fn start_or_notify(self: &Arc<Self>, writer: &mut Writer) -> bool {
        if writer.thread_running {
            self.work.notify_one();
            return true;
        }
        if !self.directory.platform.has_threads() {
            return false;
        }
        let core = self.clone();
        match Builder::new().name("log flusher".into()).spawn(move || core.flusher_loop()) {
            Ok(thread) => {
                writer.thread_running = true;
                // A thread that ended earlier has nothing left to join for.
                *self.flusher_thread.lock() = Some(thread);
                true
            }
            Err(_) => false,
        }
    }

    fn flusher_loop(&self) {
        let mut writer = self.writer.lock();
        let mut quiet_since = now();
        let mut unsynced_since: Option<Instant> = None;
        loop {
            if writer.flushing {
                self.flushed.wait(&mut writer);
                continue;
            }
            if self.poison.get().is_some() {
                // Who counted on this thread to flush.
                writer.release_all();
                break;
            }
            if writer.has_work() {
                writer.unsynced |= self.config.flush != FlushPolicy::Fsync;
                let leads = writer.thread_leads;
                writer = self.flush_gathered(writer, leads);
                quiet_since = now();
                continue;
            }
            if writer.thread_leads {
                writer.thread_leads = self.await_first(&mut writer);
                continue;
            }
            if std::mem::take(&mut writer.unsynced) {
                unsynced_since.get_or_insert_with(now);
            }
            if self.is_closed() {
                break;
            }
            let mut wait = THREAD_IDLE_MAX.saturating_sub(now() - quiet_since);
            match (self.config.flush, unsynced_since) {
                (FlushPolicy::Interval(interval), Some(since)) if (now() - since) >= interval => {
                    unsynced_since = None;
                    MutexGuard::unlocked(&mut writer, || self.sync_written());
                    continue;
                }
                (FlushPolicy::Interval(interval), Some(since)) => wait = interval - (now() - since),
                (FlushPolicy::Fsync, _) if writer.is_unmarked() && (now() - quiet_since) >= MARK_AFTER => {
                    writer.mark();
                    continue;
                }
                (FlushPolicy::Fsync, _) if writer.is_unmarked() => wait = MARK_AFTER - (now() - quiet_since),
                _ if wait.is_zero() => break,
                _ => {}
            }
            self.work.wait_for(&mut writer, wait);
        }
        writer.thread_running = false;
        writer.thread_leads = false;
    }

    /// The flush that [`FlushPolicy::Interval`] promises.
    pub(crate) fn sync_written(&self) {
        let segments = self.segment_list();
        let Some(segment) = segments.last() else { return };
        let written = segment.summary().frames_end;
        if let Err(error) = segment.flush(written) {
            return self.poison(&error);
        }
        self.flushes.fetch_add(1, Ordering::Relaxed);
    }
}

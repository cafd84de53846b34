//! Group commit: whoever comes first flushes for everyone who waits.
//!
//! A thread that blocks on an append becomes the leader if nobody flushes. Futures can't block,
//! so for them a thread of the log flushes; it starts with the first such wait and ends after
//! some idle time, so that thousands of quiet logs cost no threads.

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

/// Quiet time after which a mark is written behind the last frame.
const MARK_AFTER: Duration = Duration::from_millis(50);
/// Quiet time after which the flusher thread ends.
const THREAD_IDLE: Duration = Duration::from_secs(5);

impl Core {
    /// Writes and flushes all that waits, unless another thread is at it. Returns with the lock.
    pub(crate) fn flush_pending<'a>(&'a self, mut writer: MutexGuard<'a, Writer>) -> MutexGuard<'a, Writer> {
        if writer.flushing || !writer.has_work() || self.poison.get().is_some() {
            return writer;
        }
        writer.flushing = true;
        writer = self.gather(writer);
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
        // The next leader is asked first: the disk must not idle while all others are woken.
        writer.ask_for_leader();
        self.flushed.notify_all();
        MutexGuard::unlocked(&mut writer, || written.iter().for_each(|ticket| ticket.done()));
        writer
    }

    /// Lets those join whom the flush before released, as far as that pays.
    fn gather<'a>(&'a self, mut writer: MutexGuard<'a, Writer>) -> MutexGuard<'a, Writer> {
        let appends = self.appends.load(Ordering::Relaxed);
        if self.config.flush != FlushPolicy::Fsync || !writer.gathering.is_worth_it(appends) {
            return writer;
        }
        let mut wait = writer.gathering.begin(appends);
        // Those who are to join need the lock more than this thread does.
        let complete = MutexGuard::unlocked(&mut writer, || {
            loop {
                if let Some(complete) = wait.outcome(self.appends.load(Ordering::Relaxed)) {
                    return complete;
                }
                yield_now();
            }
        });
        writer.gathering.ended(complete);
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
        group.finish(segment);
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
            self.show(segment, &group);
        }
        Ok(group.bytes)
    }

    /// The frames are durable: indexes them; only then may anyone see or be told of them.
    fn show(&self, segment: &Segment, group: &Group) {
        segment.publish(group.frames.iter().map(|(_, place)| *place));
        self.visible.store(group.end_position, Ordering::Release);
        self.waiters.wake(group.end_position);
    }

    /// Blocks until `pending_bytes` allows another append.
    pub(crate) fn wait_for_room<'a>(&'a self, mut writer: MutexGuard<'a, Writer>) -> Result<MutexGuard<'a, Writer>> {
        while writer.pending_bytes() > self.config.pending_bytes_max {
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
            self.start_or_notify(writer);
        }
    }

    /// Makes sure that frames just stored are flushed as the policy says, and that a segment they
    /// filled is sealed.
    pub(crate) fn stored(self: &Arc<Self>, mut writer: MutexGuard<'_, Writer>) {
        let first_unsynced = !std::mem::replace(&mut writer.unsynced, true);
        if writer.has_work() || (first_unsynced && matches!(self.config.flush, FlushPolicy::Interval(_))) {
            self.start_or_notify(writer);
        }
    }

    fn start_or_notify(self: &Arc<Self>, mut writer: MutexGuard<'_, Writer>) {
        if writer.thread_running {
            self.work.notify_one();
            return;
        }
        let core = self.clone();
        match Builder::new().name("log flusher".into()).spawn(move || core.flusher_loop()) {
            Ok(thread) => {
                writer.thread_running = true;
                // A thread that ended earlier has nothing left to join for.
                *self.flusher_thread.lock() = Some(thread);
            }
            // Without a thread to be had, the caller's flushes.
            Err(_) => drop(self.flush_pending(writer)),
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
                break;
            }
            if writer.has_work() {
                writer.unsynced |= self.config.flush != FlushPolicy::Fsync;
                writer = self.flush_pending(writer);
                quiet_since = now();
                continue;
            }
            if std::mem::take(&mut writer.unsynced) {
                unsynced_since.get_or_insert_with(now);
            }
            if self.is_closed() {
                break;
            }
            let mut wait = THREAD_IDLE.saturating_sub(now() - quiet_since);
            match (self.config.flush, unsynced_since) {
                (FlushPolicy::Interval(interval), Some(since)) if (now() - since) >= interval => {
                    unsynced_since = None;
                    MutexGuard::unlocked(&mut writer, || self.sync_written());
                    continue;
                }
                (FlushPolicy::Interval(interval), Some(since)) => wait = interval - (now() - since),
                (FlushPolicy::Fsync, _) if writer.is_unmarked() && (now() - quiet_since) >= MARK_AFTER => {
                    writer.mark(self);
                    continue;
                }
                (FlushPolicy::Fsync, _) if writer.is_unmarked() => wait = MARK_AFTER - (now() - quiet_since),
                _ if wait.is_zero() => break,
                _ => {}
            }
            self.work.wait_for(&mut writer, wait);
        }
        writer.thread_running = false;
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

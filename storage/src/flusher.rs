//! Group commit: whoever comes first flushes for everyone who waits.
//!
//! A thread that blocks on an append becomes the leader if nobody flushes. Futures can't block,
//! so for them a thread of the log flushes; it starts with the first such wait and ends after
//! some idle time, so that thousands of quiet logs cost no threads.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use parking_lot::MutexGuard;

use crate::config::FlushPolicy;
use crate::core::Core;
use crate::error::Result;
use crate::frame::decode_header;
use crate::position::Position;
use crate::segment::Segment;
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
        let steps = writer.take_work();
        let outcome = MutexGuard::unlocked(&mut writer, || self.run_steps(steps));
        writer.flushing = false;
        match outcome {
            Ok(buffer) => writer.give_back(buffer),
            Err(error) => self.poison(&error),
        }
        self.flushed.notify_all();
        writer
    }

    fn run_steps(&self, steps: impl IntoIterator<Item = Step>) -> Result<Vec<u8>> {
        let mut buffer = Vec::new();
        for step in steps {
            match step {
                Step::Write(segment, offset, group) => buffer = self.write_group(&segment, offset, group)?,
                Step::Seal(segment) => segment.seal()?,
            }
        }
        Ok(buffer)
    }

    fn write_group(&self, segment: &Segment, offset: u64, mut group: Group) -> Result<Vec<u8>> {
        let frames_end = offset + group.bytes.len() as u64;
        group.finish(segment);
        segment.write(&group.bytes, offset)?;
        if self.config.flush == FlushPolicy::Fsync {
            segment.flush(frames_end)?;
            self.flushes.fetch_add(1, Ordering::Relaxed);
        }
        segment.publish(group.frames.iter().filter_map(|(at, place)| {
            let header = decode_header(&group.bytes[*at..], place.offset, &segment.identity);
            debug_assert!(header.is_some(), "a frame just encoded decodes");
            Some((header?, place.offset))
        }));
        // The frames are durable and indexed; only now may anyone see or be told of them.
        self.visible.store(group.end_position, Ordering::Release);
        self.waiters.wake(group.end_position);
        Ok(group.bytes)
    }

    /// Blocks until all positions below `end` are durable.
    pub(crate) fn wait_durable(&self, end: Position) -> Result<()> {
        if self.visible() >= end {
            return Ok(());
        }
        let mut writer = self.writer.lock();
        while self.visible() < end {
            self.check_poison()?;
            if writer.flushing {
                self.flushed.wait(&mut writer);
            } else {
                writer = self.flush_pending(writer);
            }
        }
        Ok(())
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
        let mut writer = self.writer.lock();
        if writer.thread_running {
            self.work.notify_one();
            return;
        }
        if !writer.has_work() && !writer.flushing {
            return;
        }
        let core = self.clone();
        match std::thread::Builder::new().name("log flusher".into()).spawn(move || core.flusher_loop()) {
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
        let mut quiet_since = Instant::now();
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
                writer = self.flush_pending(writer);
                quiet_since = Instant::now();
                unsynced_since.get_or_insert(quiet_since);
                continue;
            }
            if self.is_closed() {
                break;
            }
            let mut wait = THREAD_IDLE.saturating_sub(quiet_since.elapsed());
            match (self.config.flush, unsynced_since) {
                (FlushPolicy::Interval(interval), Some(since)) if since.elapsed() >= interval => {
                    unsynced_since = None;
                    MutexGuard::unlocked(&mut writer, || self.sync_written());
                    continue;
                }
                (FlushPolicy::Interval(interval), Some(since)) => wait = interval - since.elapsed(),
                (FlushPolicy::Fsync, _) if writer.is_unmarked() && quiet_since.elapsed() >= MARK_AFTER => {
                    writer.mark(self);
                    continue;
                }
                (FlushPolicy::Fsync, _) if writer.is_unmarked() => wait = MARK_AFTER - quiet_since.elapsed(),
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

//! The log: the handle through which all else is reached.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use crate::append::{Appended, LaneBatch, VisiblePast, append};
use crate::backup::{Backup, backup};
use crate::config::{Config, FlushPolicy};
use crate::core::Core;
use crate::directory::{Directory, Lock};
use crate::error::{Error, Result};
use crate::faults::{Fault, committed};
use crate::health::{Condition, Health};
use crate::maps::checked;
use crate::platform::{LocalPlatform, Platform};
use crate::position::{LaneId, Position};
use crate::reader::{ReadLimit, Records, read, seek_time};
use crate::recovery::{Recovered, Recovery, recover};
use crate::retention::trim;
use crate::rolling::{SegmentPlan, make_segment};
use crate::segment::Segment;
use crate::start::{FoundStart, Start};
use crate::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use crate::sync::{Condvar, Mutex, RwLock};
use crate::waiters::Waiters;
use crate::writer::Writer;

/// A durable log of records in lanes, in one directory. Cheap to clone; the last handle that goes
/// closes it.
#[derive(Debug, Clone)]
pub struct Log {
    core: Arc<Core>,
    _closer: Arc<Closer>,
}

/// Closes the log when the last handle goes; tickets and records may outlive it.
#[derive(Debug)]
struct Closer(Arc<Core>);

impl Drop for Closer {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// Figures of a log at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stat {
    /// Segments.
    pub segments: usize,
    /// Bytes that the segments take on the disk, and the files kept to be used again.
    pub reserved_bytes: u64,
    /// Bytes of them that hold frames.
    pub used_bytes: u64,
    /// Records that are held.
    pub records: u64,
    /// The earliest position held.
    pub start: Position,
    /// All positions below are durable and readable.
    pub visible: Position,
    /// Flushes since the log was opened.
    pub flushes: u64,
}

/// Who needs a log at one moment; see [`Log::usage`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// Handles of the log, this one among them.
    pub handles: usize,
    /// Futures and threads that wait for an append, or for something to become visible.
    pub waiters: usize,
    /// Whether something was appended that is not flushed yet.
    pub unflushed: bool,
}

impl Usage {
    /// Whether nobody waits and nothing is under way: closing the log now disturbs nobody.
    pub fn is_idle(&self) -> bool {
        self.waiters == 0 && !self.unflushed
    }
}

impl Log {
    /// Opens the log in `directory`, creating it if absent, and says what recovery found.
    ///
    /// # Errors
    /// [`crate::Error::Locked`] when another process owns it, [`crate::Error::NoLog`],
    /// [`crate::Error::NewerFormat`], [`crate::Error::ForeignSegment`], [`crate::Error::UnknownKey`],
    /// [`crate::Error::WrongKey`], [`crate::Error::NoSpace`], [`crate::Error::TooManyOpenFiles`], or
    /// what the file system says. After an error nothing is held open, and opening may be tried again.
    pub fn open(directory: &Path, config: Config) -> Result<(Self, Recovery)> {
        Self::open_on(Arc::new(LocalPlatform), directory, config)
    }

    /// As [`Log::open`], on a machine other than this one: a simulated disk, say.
    ///
    /// # Errors
    /// As [`Log::open`].
    pub fn open_on(platform: Arc<dyn Platform>, directory: &Path, config: Config) -> Result<(Self, Recovery)> {
        config.check()?;
        checked(|| Self::open_checked(platform, directory, config))
    }

    fn open_checked(platform: Arc<dyn Platform>, directory: &Path, config: Config) -> Result<(Self, Recovery)> {
        let directory = Directory::new(platform, directory, config.spare_segments_max);
        if !config.create && !directory.platform.exists(&directory.path) {
            return Err(Error::NoLog { path: directory.path });
        }
        let (lock, is_made) = directory.open_locked()?;
        if !is_made {
            directory.remove_unfinished()?;
            // The process before may have been killed between renaming a file and making that durable.
            directory.sync()?;
        }
        let recovered = recover(&directory, config.keys.as_deref())?;
        if recovered.is_new {
            if !config.create {
                return Err(Error::NoLog { path: directory.path });
            }
            directory.sync_parent()?;
        }
        recovered.remove_unused_files(&directory)?;
        let report = recovered.report.clone();
        let is_proven = recovered.tail_is_proven || committed(Fault::CutFramesComeBack);
        let core = Arc::new(Core::new(directory, config, lock, recovered)?);
        if !is_proven {
            // Proves from now on that what was found is durable, and keeps frames that were cut off
            // from being taken for its continuation.
            core.mark_tail()?;
        }
        Ok((Self { _closer: Arc::new(Closer(core.clone())), core }, report))
    }

    /// Appends `batches` and returns at once; the result tells where they are and completes once
    /// they are durable. The records of each batch get dense positions, in order; those of one
    /// call may become several frames, each of which survives a crash whole or not at all.
    ///
    /// `timestamp_ms` (milliseconds since the Unix epoch) is raised to that of the append before
    /// if it is lower, so that times never decrease along the log.
    ///
    /// # Errors
    /// [`crate::Error::NoSpace`] and [`crate::Error::TooManyOpenFiles`] (nothing was appended; try
    /// again once there is room, or a file descriptor), [`crate::Error::RecordTooLarge`],
    /// [`crate::Error::Poisoned`], [`crate::Error::Closed`].
    pub fn append(&self, timestamp_ms: u64, batches: &[LaneBatch<'_>]) -> Result<Appended> {
        append(&self.core, timestamp_ms, batches)
    }

    /// Blocks until all that was appended so far is durable (as the flush policy means it), whoever
    /// waits for it or not.
    ///
    /// # Errors
    /// [`crate::Error::Poisoned`] when a write or flush failed.
    pub fn flush(&self) -> Result<()> {
        let writer = self.core.writer.lock();
        let end = Position(writer.next_position());
        self.core.flush_until(writer, |_| self.core.visible() >= end).map(drop)
    }

    /// All positions below this one are durable (as the flush policy means it) and readable.
    pub fn visible(&self) -> Position {
        self.core.visible()
    }

    /// Waits until [`Log::visible`] is past `position`, or the log is closed or poisoned.
    pub fn visible_past(&self, position: Position) -> VisiblePast {
        VisiblePast::new(self.core.clone(), position)
    }

    /// Reads visible records of `lane` at or after `from`, in order. Starts at [`Log::start`] if
    /// `from` is no longer held because it was dropped.
    ///
    /// # Errors
    /// [`crate::Error::Damaged`] when the next record, or what may have been it, can't be read or is
    /// gone; to pass over it knowingly, read from its `resume` on.
    pub fn read(&self, lane: LaneId, from: Position, limit: ReadLimit) -> Result<Records> {
        read(&self.core, lane, from, limit)
    }

    /// The first position of `lane` whose time is at or after `timestamp_ms`; [`Log::visible`] if
    /// there is none.
    ///
    /// # Errors
    /// None today; a lane's index may come to need reading.
    pub fn seek_time(&self, lane: LaneId, timestamp_ms: u64) -> Result<Position> {
        Ok(seek_time(&self.core, lane, timestamp_ms))
    }

    /// The earliest position held.
    pub fn start(&self) -> Position {
        self.core.segment_list().first().map_or(Position(0), |segment| segment.base_position())
    }

    /// Drops whole segments all of whose records are older than `timestamp_ms`. Returns how many.
    ///
    /// # Errors
    /// [`crate::Error::Closed`], [`crate::Error::Poisoned`], [`crate::Error::NoSpace`],
    /// [`crate::Error::TooManyOpenFiles`], or what the file system says; some may be dropped then.
    pub fn trim_before(&self, timestamp_ms: u64) -> Result<usize> {
        trim(&self.core, |summary| summary.last_timestamp_ms < timestamp_ms)
    }

    /// Drops whole segments all of whose records lie before `position`. Returns how many.
    ///
    /// # Errors
    /// As [`Log::trim_before`].
    pub fn trim_to(&self, position: Position) -> Result<usize> {
        trim(&self.core, |summary| summary.end_position <= position)
    }

    /// Makes a consistent copy of the log, as of now, in the directory `target`, which must not
    /// exist yet. Sealed segments are hard links and cost no room until the log drops them; what
    /// is not sealed is copied. The copy is a log: it can be opened in place, or copied back.
    /// Appending and reading go on meanwhile; dropping segments waits.
    ///
    /// # Errors
    /// [`crate::Error::Target`] when `target` exists, [`crate::Error::Closed`], or what the file
    /// system says.
    pub fn backup(&self, target: &Path) -> Result<Backup> {
        backup(&self.core, target)
    }

    /// Figures of the log now.
    pub fn stat(&self) -> Stat {
        let segments = self.core.segment_list();
        let summaries: Vec<_> = segments.iter().map(|segment| segment.summary()).collect();
        Stat {
            segments: segments.len(),
            reserved_bytes: segments.iter().map(|segment| segment.header.capacity).sum::<u64>()
                + self.core.directory.spare_bytes(),
            used_bytes: summaries.iter().map(|summary| summary.frames_end).sum(),
            records: summaries.iter().map(|summary| summary.records).sum(),
            start: self.start(),
            visible: self.visible(),
            flushes: self.core.flushes.load(Ordering::Relaxed),
        }
    }

    /// What is wrong with the log, if anything. Cheap enough to be asked by every health check.
    pub fn health(&self) -> Health {
        let start = self.core.start.lock().start;
        self.core.condition.lock().health(self.core.poison.get().cloned(), start)
    }

    /// Who needs the log now. To close a log that is not in use: take its handle away from where
    /// others find it, close it if this [`Usage::is_idle`], and open it again for the next one who
    /// asks. Nothing is lost if someone comes in between: an append that is late fails with
    /// [`crate::Error::Closed`] and can be made again on the log as it is opened then, waits end, and
    /// what was read stays readable.
    pub fn usage(&self) -> Usage {
        let writer = self.core.writer.lock();
        Usage {
            handles: Arc::strong_count(&self._closer),
            waiters: self.core.waiters.count() + self.core.blocked.load(Ordering::Relaxed) as usize,
            unflushed: writer.has_work() || writer.flushing,
        }
    }

    /// Whether [`Log::close`] was called. Waits are over, reading goes on but shows nothing new.
    pub fn is_closed(&self) -> bool {
        self.core.is_closed()
    }

    /// Flushes what was appended, ends the log's threads and releases its directory, so that it
    /// can be opened again, here or by another process. Appending, dropping segments and backups fail
    /// with [`crate::Error::Closed`] from now on; reading goes on, and records, tickets and waits from
    /// before stay valid. Returns once all that is done, whoever began it.
    ///
    /// A log at rest holds two file descriptors, the lock's and that of the segment written to; a
    /// closed one holds none.
    ///
    /// # Errors
    /// [`crate::Error::Poisoned`] when the last flush failed, or one before it. The log is closed all
    /// the same, and opening it again is the way to go on: that reads it from the disk, and flushes
    /// what it finds beyond what is known to be durable before anyone sees it.
    pub fn close(&self) -> Result<()> {
        self.core.close();
        self.core.check_poison()
    }
}

impl Core {
    fn new(directory: Directory, config: Config, lock: Lock, recovered: Recovered) -> Result<Self> {
        let next_position = recovered.next_position;
        let condition = Condition::new(recovered.report.damage.clone());
        let raise = if committed(Fault::CutFramesComeBack) { 0 } else { 1 };
        let generation = (recovered.generation + raise).max(1);
        let log_id = recovered.log_id.unwrap_or_else(|| directory.platform.random().to_le_bytes());
        let mut segments = recovered.segments;
        for segment in segments.iter().filter(|segment| segment.cipher.is_none()) {
            if let Some(key) = segment.header.key {
                return Err(Error::UnknownKey { path: segment.path.clone(), key: key.id });
            }
        }
        let platform = &*directory.platform;
        // Frames in the segment behind prove that a sealed one was flushed.
        let filled = segments.iter().rev().find(|segment| segment.summary().frames > 0);
        if let Some(sealed) = filled.filter(|segment| segment.is_sealed()) {
            sealed.seal_again(platform)?;
        }
        let open = segments.last().filter(|_| recovered.tail_is_open).cloned();
        let tail = match open {
            Some(tail) if is_of_current_key(&tail, &config) => {
                tail.resume(platform, config.stores())?;
                tail
            }
            of_another_key => {
                if let Some(tail) = &of_another_key {
                    tail.resume(platform, false)?;
                }
                let plan = SegmentPlan { log_id, generation, base_position: next_position };
                let made = make_segment(&directory, &config, &plan, config.segment_bytes_min)?;
                // An empty segment gave its name to the new one; others are sealed once that is there.
                segments.retain(|segment| segment.base_position() != next_position);
                if let Some(tail) = of_another_key.filter(|tail| tail.base_position() != next_position) {
                    tail.seal()?;
                }
                segments.push(made.clone());
                made
            }
        };
        let start = match recovered.start {
            FoundStart::Whole(start) => start,
            FoundStart::Absent | FoundStart::Damaged => {
                let start = Start { log_id, start: recovered.report.start, last: tail.base_position() };
                directory.write_start(&start, &directory.syncer()?)?;
                start
            }
        };
        Ok(Self {
            directory: Arc::new(directory),
            config,
            log_id,
            generation,
            lock: Mutex::new(Some(lock)),
            writer: Mutex::new(Writer::new(tail, next_position, recovered.last_timestamp_ms, generation)),
            appends: AtomicU32::new(0),
            flushed: Condvar::new(),
            work: Condvar::new(),
            segments: RwLock::new(Arc::new(segments)),
            start: Mutex::new(start),
            missing: Mutex::new(recovered.missing),
            dropping: Mutex::new(()),
            visible: AtomicU64::new(next_position.0),
            waiters: Waiters::default(),
            poison: OnceLock::new(),
            closed: AtomicBool::new(false),
            closing: Mutex::new(()),
            blocked: AtomicU32::new(0),
            condition: Mutex::new(condition),
            preparing: Mutex::new(None),
            flusher_thread: Mutex::new(None),
            flushes: AtomicU64::new(0),
        })
    }

    fn mark_tail(&self) -> Result<()> {
        let mut writer = self.writer.lock();
        writer.mark_anew();
        drop(self.flush_pending(writer));
        self.check_poison()
    }

    fn close(&self) {
        let _closing = self.closing.lock();
        if self.closed.swap(true, Ordering::AcqRel) {
            return;
        }
        let mut writer = self.writer.lock();
        while writer.flushing {
            self.flushed.wait(&mut writer);
        }
        writer.mark();
        while writer.has_work() && self.poison.get().is_none() {
            writer = self.flush_pending(writer);
            while writer.flushing {
                self.flushed.wait(&mut writer);
            }
        }
        drop(writer);
        if self.config.flush != FlushPolicy::Fsync {
            self.sync_written();
        }
        self.work.notify_all();
        self.flushed.notify_all();
        self.waiters.wake_all();
        if let Some(thread) = self.flusher_thread.lock().take() {
            // The thread holds no result; if it panicked, the panic was printed already.
            let _ = thread.join();
        }
        if let Some(prepared) = self.take_prepared() {
            prepared.keep(&self.directory);
        }
        // Nothing more is written.
        self.segment_list().iter().for_each(|segment| segment.close_file());
        // Whoever drops segments or makes a backup has the directory until then.
        let _dropping = self.dropping.lock();
        *self.lock.lock() = None;
    }
}

/// Whether new frames may follow the segment's: encrypted with the same key, or none.
fn is_of_current_key(segment: &Segment, config: &Config) -> bool {
    segment.header.key.map(|key| key.id) == config.keys.as_ref().map(|keys| keys.current().0)
}

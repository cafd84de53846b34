//! Stub of the public API, replaced by the engine.
#![allow(missing_docs, dead_code, unused)]
use std::path::Path;
use std::time::Duration;

/// A lane: an ordered sequence of records within the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LaneId(pub u32);
/// A place in the log. Dense over the whole log (all lanes share the numbering), never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Position(pub u64);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FlushPolicy { Fsync, Interval(Duration), Os }
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression { None, Zstd { level: i32 } }

#[derive(Debug, Clone)]
pub struct Config { pub segment_bytes_min: u64, pub segment_bytes_max: u64, pub flush: FlushPolicy, pub compression: Compression }
impl Default for Config { fn default() -> Self { unimplemented!() } }

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("no space")] NoSpace,
    #[error("poisoned")] Poisoned,
    #[error("io")] Io,
    #[error("record too large")] RecordTooLarge,
    #[error("corrupt")] Corrupt,
}
pub type Result<T> = std::result::Result<T, Error>;

/// Records of one lane that are appended together.
pub struct LaneBatch<'a> { pub lane: LaneId, pub records: &'a [&'a [u8]] }

#[derive(Debug, Clone, Copy)]
pub struct ReadLimit { pub records: usize, pub bytes: usize }

/// What opening found and did (torn tail cut, damage).
#[derive(Debug, Default)]
pub struct Recovery {}

/// Cheap to clone.
#[derive(Clone)]
pub struct Log;
impl Log {
    /// Opens the log in `directory`, creating it if absent.
    pub fn open(directory: &Path, config: Config) -> Result<(Log, Recovery)> { unimplemented!() }
    /// Reserves positions, copies the records and returns at once; `Appended` says when they are durable.
    /// `timestamp_ms` is raised to that of the latest append if it is lower.
    pub fn append(&self, timestamp_ms: u64, batches: &[LaneBatch<'_>]) -> Result<Appended> { unimplemented!() }
    /// All positions below this one are durable and readable.
    pub fn visible(&self) -> Position { unimplemented!() }
    /// Waits until `visible() > position`.
    pub fn visible_past(&self, position: Position) -> VisiblePast { unimplemented!() }
    /// Reads visible records of `lane` at or after `from`, in order. At least one record is returned if there is one.
    pub fn read(&self, lane: LaneId, from: Position, limit: ReadLimit) -> Result<Records> { unimplemented!() }
    /// The first position of `lane` whose timestamp is at or after `timestamp_ms`; `visible()` if there is none.
    pub fn seek_time(&self, lane: LaneId, timestamp_ms: u64) -> Result<Position> { unimplemented!() }
    /// The earliest position the log still holds.
    pub fn start(&self) -> Position { unimplemented!() }
    /// Drops whole segments all of whose records are older than `timestamp_ms`. Returns the number dropped.
    pub fn trim_before(&self, timestamp_ms: u64) -> Result<usize> { unimplemented!() }
    /// Drops whole segments all of whose records lie before `position`.
    pub fn trim_to(&self, position: Position) -> Result<usize> { unimplemented!() }
    /// Flushes and closes; later appends fail.
    pub fn close(&self) -> Result<()> { unimplemented!() }
}
/// Result of an append; a future that completes once all its records are durable and visible.
pub struct Appended;
impl Appended {
    /// First position of each batch, in the order given; a batch's records follow densely.
    pub fn first_positions(&self) -> &[Position] { unimplemented!() }
    /// The timestamp that the records carry.
    pub fn timestamp_ms(&self) -> u64 { unimplemented!() }
    /// Blocks until durable.
    pub fn wait(self) -> Result<()> { unimplemented!() }
}
impl Future for Appended {
    type Output = Result<()>;
    fn poll(self: std::pin::Pin<&mut Self>, _: &mut std::task::Context<'_>) -> std::task::Poll<Self::Output> { unimplemented!() }
}
pub struct VisiblePast;
impl VisiblePast { pub fn wait(self) {} }
impl Future for VisiblePast {
    type Output = ();
    fn poll(self: std::pin::Pin<&mut Self>, _: &mut std::task::Context<'_>) -> std::task::Poll<Self::Output> { unimplemented!() }
}
/// Records that a read found. Borrowed from the memory map where not compressed.
pub struct Records;
impl Records {
    pub fn is_empty(&self) -> bool { unimplemented!() }
    pub fn len(&self) -> usize { unimplemented!() }
    pub fn iter(&self) -> impl Iterator<Item = Record<'_>> { std::iter::empty() }
    /// Where the next read of this lane goes on: after the last record, or (when nothing was left) at `visible()` as of the read.
    pub fn next(&self) -> Position { unimplemented!() }
}
pub struct Record<'a> { pub position: Position, pub timestamp_ms: u64, pub data: &'a [u8] }

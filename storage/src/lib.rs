//! A durable, segmented, append-only log of CRC-framed records.
//!
//! A [`Log`] is a directory with one owner. Records go into *lanes*, ordered sequences that share
//! the log's flushes: one group commit makes the records of thousands of lanes durable. An append
//! is acknowledged, and shown to readers, only once a flush covers it.
//!
//! It is not a queue and not a database: it keeps no consumers, no keys, no time of its own, and
//! deletes only whole segments from the front. It knows no asynchronous runtime either:
//! [`Appended`] and [`VisiblePast`] are plain futures, and every wait has a blocking form.
//!
//! ```
//! use anabranch_storage::{Config, LaneBatch, LaneId, Log, Position, ReadLimit};
//!
//! let directory = tempfile::tempdir()?;
//! let (log, _) = Log::open(directory.path(), Config::default())?;
//! let appended = log.append(1_763_000_000_000, &[LaneBatch { lane: LaneId(7), records: &[b"one", b"two"] }])?;
//! appended.wait()?;
//! let found = log.read(LaneId(7), Position(0), ReadLimit { records: 10, bytes: 1 << 20 })?;
//! let data: Vec<&[u8]> = found.iter().map(|record| record.data).collect();
//! assert_eq!(data, [b"one", b"two"]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Reading as records come, and looking at a log at rest:
//!
//! ```
//! # use anabranch_storage::{Config, LaneBatch, LaneId, Log, Position, ReadLimit, inspect};
//! let directory = tempfile::tempdir()?;
//! let (log, recovery) = Log::open(directory.path(), Config::default())?;
//! assert!(recovery.damage.is_empty() && recovery.torn.is_none());
//! let writer = log.clone();
//! let writing = std::thread::spawn(move || {
//!     (0..3u8).try_for_each(|n| writer.append(1, &[LaneBatch { lane: LaneId(0), records: &[&[n]] }])?.wait())
//! });
//! let (mut next, mut seen) = (Position(0), Vec::new());
//! while seen.len() < 3 {
//!     let found = log.read(LaneId(0), next, ReadLimit { records: 100, bytes: 1 << 20 })?;
//!     seen.extend(found.iter().map(|record| record.data[0]));
//!     next = found.next();
//!     if found.is_empty() {
//!         log.visible_past(next).wait();
//!     }
//! }
//! assert_eq!(seen, [0, 1, 2]);
//! writing.join().unwrap()?;
//! log.close()?;
//! let verification = inspect::verify(directory.path())?;
//! assert_eq!((verification.records_verified, verification.problems.len()), (3, 0));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The on-disk format is documented byte by byte in `FORMAT.md`.

mod append;
mod backup;
mod config;
mod core;
mod directory;
mod encryption;
mod error;
#[cfg(feature = "faults")]
pub mod faults;
#[cfg(not(feature = "faults"))]
mod faults;
mod flusher;
mod frame;
#[cfg(fuzzing)]
pub mod fuzzing;
mod group;
mod health;
mod index;
pub mod inspect;
mod log;
mod map;
mod maps;
pub mod platform;
mod position;
mod reader;
mod record_log;
mod recovery;
mod repair;
mod retention;
mod rolling;
mod scan;
mod segment;
mod segment_header;
mod sigbus;
mod start;
mod sync;
mod waiters;
mod writer;

pub use append::{Appended, LaneBatch, VisiblePast};
pub use backup::Backup;
pub use config::{Compression, Config, FlushPolicy};
pub use encryption::{DataKey, KeyId, KeyProvider};
pub use error::{Damage, Error, Result};
pub use health::{Health, Refusal};
pub use log::{Log, Stat, Usage};
pub use position::{LaneId, Position};
pub use reader::{ReadLimit, Record, Records};
pub use record_log::{Acknowledgement, Failure, FailureKind, LanePositions, RecordLog, Waiting};
pub use recovery::{Recovery, TornTail};
pub use repair::{Repair, repair};
pub use sigbus::survive_sigbus;

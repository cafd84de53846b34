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
//! The on-disk format is documented byte by byte in `FORMAT.md`.

mod append;
mod backup;
mod config;
mod core;
mod directory;
mod encryption;
mod error;
pub mod faults;
mod flusher;
mod frame;
#[cfg(fuzzing)]
pub mod fuzzing;
mod group;
mod index;
pub mod inspect;
mod log;
mod map;
pub mod platform;
mod position;
mod reader;
mod recovery;
mod repair;
mod retention;
mod scan;
mod segment;
mod segment_header;
mod sigbus;
mod sync;
mod waiters;
mod writer;

pub use append::{Appended, LaneBatch, VisiblePast};
pub use backup::Backup;
pub use config::{Compression, Config, FlushPolicy};
pub use encryption::{DataKey, KeyId, KeyProvider};
pub use error::{Damage, Error, Result};
pub use log::{Log, Stat};
pub use position::{LaneId, Position};
pub use reader::{ReadLimit, Record, Records};
pub use recovery::{Recovery, TornTail};
pub use repair::{Repair, repair};
pub use sigbus::explain_sigbus;

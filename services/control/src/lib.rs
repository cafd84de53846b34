//! Transactional control state: streams, shards, mappings, checkpoints, delivery streams,
//! object indexes. Named tables of JSON values with text keys, in one redb file.
//!
//! It is not for records: those go to the log. A commit returns once it is on the disk; those that
//! come meanwhile share the next flush. [`ControlStore::commit_async`] waits without holding a
//! thread; [`ControlStore::commit`], and reading, may wait for the disk, so asynchronous callers
//! wrap them in `spawn_blocking`.
//! Start reading at `committer.rs`: how commits share flushes.
//!
//! # Versions
//!
//! What is stored outlives the program that wrote it, so every stored type is [`Stored`]: it has a
//! kind and a version, and every row says its version (`v2 {"name":…}`). Rows that say none were
//! written before rows had versions; they are of version 1.
//!
//! | a row's version | read as |
//! | --- | --- |
//! | the program's | it is |
//! | older | [`Stored::migrate`] makes of it; it is written anew when it next changes |
//! | newer | refused, with its table, key and version ([`ControlError::Newer`]) |
//!
//! ```
//! use anabranch_control::{ControlStore, Stored, Table};
//! use serde::{Deserialize, Serialize};
//! use serde_json::Value;
//!
//! const TOPICS: Table = Table("topics");
//!
//! #[derive(Serialize, Deserialize)]
//! struct StoredTopic {
//!     name: String,
//!     retention_seconds: u64,
//! }
//!
//! impl Stored for StoredTopic {
//!     const KIND: &'static str = "topic";
//!     const VERSION: u32 = 2;
//!
//!     /// Version 1 had hours.
//!     fn migrate(_: u32, mut row: Value) -> serde_json::Result<Self> {
//!         row["retention_seconds"] = (row["retention_hours"].as_u64().unwrap_or(24) * 3_600).into();
//!         serde_json::from_value(row)
//!     }
//! }
//!
//! # let directory = tempfile::tempdir()?;
//! let control = ControlStore::open(&directory.path().join("control.redb"))?;
//! control.put(TOPICS, "clicks", &StoredTopic { name: "clicks".into(), retention_seconds: 60 })?;
//! let topic = control.get::<StoredTopic>(TOPICS, "clicks")?;
//! # assert_eq!(topic.map(|topic| topic.retention_seconds), Some(60));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Rows of every version lie in the crate's `tests/stored/<kind>.v<version>.json`, and a test of the
//! crate holds the type against them with [`check_fixtures`]. To change what is stored: raise the
//! version, migrate, add the new fixture; a change without a new version fails that test.

#![cfg_attr(not(test), deny(clippy::disallowed_methods))]

mod committer;
mod database;
mod durable;
mod error;
mod fixtures;
mod store;
mod store_id;
mod stored;
mod strays;
mod table;

pub use error::{ControlError, Result};
pub use fixtures::check_fixtures;
pub use store::ControlStore;
pub use store_id::STORE_ID_FILE;
pub use stored::{KeyOf, Marker, Stored, View};
pub use strays::move_aside;
pub use table::{Changes, Table};

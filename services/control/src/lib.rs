//! Transactional control state: streams, shards, mappings, checkpoints, delivery streams,
//! object indexes. Named tables of JSON values with text keys, in one redb file.
//!
//! It is not for records: those go to the log. A commit returns once it is on the disk; those that
//! come meanwhile share the next flush. [`ControlStore::commit_async`] waits without holding a
//! thread; [`ControlStore::commit`], and reading, may wait for the disk, so asynchronous callers
//! wrap them in `spawn_blocking`.

mod committer;
mod database;
mod error;
mod store;
mod store_id;
mod strays;
mod table;

pub use error::{ControlError, Result};
pub use store::ControlStore;
pub use store_id::STORE_ID_FILE;
pub use strays::move_aside;
pub use table::{Changes, Table};

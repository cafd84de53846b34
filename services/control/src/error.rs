//! What can go wrong.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

/// Why control state could not be read or written.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ControlError {
    /// The disk, or the store's file.
    #[error("control store {path}: {source}")]
    Store {
        /// The store's file.
        path: PathBuf,
        /// What redb reported.
        source: Arc<redb::Error>,
    },
    /// A stored value does not have the form this version expects.
    #[error("control table {table}, key {key:?}: {source}")]
    Value {
        /// The table's name.
        table: &'static str,
        /// The value's key.
        key: String,
        /// What did not fit.
        source: Arc<serde_json::Error>,
    },
    /// A row was written by a later version of the program.
    #[error(
        "control table {table}, row {key:?}: version {version} is newer than this program's {known}; start it with the \
         program that wrote it, or a later one"
    )]
    Newer {
        /// The table's name.
        table: &'static str,
        /// The row's key.
        key: String,
        /// The row's version.
        version: u32,
        /// The newest version that this program knows.
        known: u32,
    },
    /// The store is absent or empty, but there is data that only it could account for.
    #[error(
        "{path} is {state}, but {data} holds data that can't be told apart without it; nothing was touched. \
         Put the store back, or move {data} away to begin without its data"
    )]
    Lost {
        /// The store's file.
        path: PathBuf,
        /// What became of it: `missing` or `empty`.
        state: &'static str,
        /// A directory of data.
        data: PathBuf,
    },
    /// The store and the data come from different places.
    #[error(
        "{data} belongs to store {found}, but {path} is store {id}; nothing was touched. Put together what belongs \
         together, or move {data} away to begin without its data"
    )]
    Mismatched {
        /// The store's file.
        path: PathBuf,
        /// Its id.
        id: String,
        /// A directory of data.
        data: PathBuf,
        /// The id of its store, or what stands in its place.
        found: String,
    },
    /// The file that holds the store's id in a directory of data could not be read or written.
    #[error("store id {path}: {source}")]
    StoreId {
        /// The file.
        path: PathBuf,
        /// What the file system says.
        source: Arc<io::Error>,
    },
    /// The system has no thread for commits.
    #[error("control store: can't start its thread: {source}")]
    Thread {
        /// What the system says.
        source: Arc<io::Error>,
    },
    /// The store is being closed.
    #[error("the control store is closed")]
    Closed,
}

impl ControlError {
    /// What kind of failure of the system this is, if it is one.
    pub fn io_kind(&self) -> Option<io::ErrorKind> {
        match self {
            Self::Store { source, .. } => match &**source {
                redb::Error::Io(error) => Some(error.kind()),
                _ => None,
            },
            Self::StoreId { source, .. } | Self::Thread { source } => Some(source.kind()),
            _ => None,
        }
    }
}

/// Result of a control-store call.
pub type Result<T> = std::result::Result<T, ControlError>;

//! What can go wrong with a log.

use std::io;
use std::path::{Path, PathBuf};

use crate::encryption::KeyId;
use crate::position::{LaneId, Position};

/// Result of a call on a log.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a call on a log failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file system refused; nothing was appended.
    #[error("{path}: {source}")]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The disk has no room for another segment, or a quota or the limit on the size of files
    /// (`RLIMIT_FSIZE`) is in the way; nothing was appended. Appending works again once there is room.
    #[error("{path}: no space left for a segment of {bytes} bytes")]
    NoSpace {
        /// The log's directory.
        path: PathBuf,
        /// Bytes that were asked for.
        bytes: u64,
    },
    /// The process or the system has no file descriptor left, or no memory map; nothing was
    /// appended, dropped or changed. The same call works again once there is one.
    #[error("{path}: {source}")]
    TooManyOpenFiles {
        /// The file or directory that was to be opened or mapped.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A write or flush failed earlier, so what the page cache holds can't be trusted. What
    /// was durable is still readable; appending needs the log to be closed and opened again,
    /// which reads it back from the disk.
    #[error("the log takes no appends since a write failed: {reason}")]
    Poisoned {
        /// The first failure.
        reason: String,
    },
    /// The log was closed; nothing was changed. It may be opened again.
    #[error("the log is closed")]
    Closed,
    /// There is no log in the directory, and [`crate::Config::create`] says not to make one.
    #[error("{path}: no log here")]
    NoLog {
        /// The directory.
        path: PathBuf,
    },
    /// Another process, or another handle in this one, owns the log.
    #[error("{path}: in use by another process")]
    Locked {
        /// The lock file.
        path: PathBuf,
    },
    /// A file was written by a newer version of this crate.
    #[error("{path}: format version {found} is newer than {supported}, the latest known here")]
    NewerFormat {
        /// The segment.
        path: PathBuf,
        /// Version in the file.
        found: u16,
        /// Latest version this crate reads.
        supported: u16,
    },
    /// A segment belongs to another log.
    #[error("{path}: the segment belongs to another log")]
    ForeignSegment {
        /// The segment.
        path: PathBuf,
    },
    /// A segment is encrypted with a key that [`crate::KeyProvider::find`] does not know, or no
    /// key provider was configured.
    #[error("{path}: encrypted with key {key}, which is not known")]
    UnknownKey {
        /// The segment.
        path: PathBuf,
        /// The key's id.
        key: KeyId,
    },
    /// [`crate::KeyProvider::find`] returned another key than the one the segment was encrypted with.
    #[error("{path}: the key supplied under the id {key} is not the one it was encrypted with")]
    WrongKey {
        /// The segment.
        path: PathBuf,
        /// The key's id.
        key: KeyId,
    },
    /// A backup's or repair's target can't be written to.
    #[error("{path}: {reason}")]
    Target {
        /// The target.
        path: PathBuf,
        /// What is in the way.
        reason: &'static str,
    },
    /// Bytes that were durable are damaged. Reading goes on only if the caller chooses to
    /// start again at `resume`.
    #[error("{}", .0)]
    Damaged(Damage),
    /// A record is larger than the log takes.
    #[error("a record of {bytes} bytes is over the limit of {limit}")]
    RecordTooLarge {
        /// Size of the record.
        bytes: u64,
        /// [`crate::Config::record_bytes_max`].
        limit: u64,
    },
    /// A setting is outside its limits.
    #[error("log configuration: {reason}")]
    Config {
        /// Which one, and the limit.
        reason: String,
    },
}

impl Error {
    /// Whether the log goes on by itself once there is room, or a file descriptor, again:
    /// [`Error::NoSpace`] and [`Error::TooManyOpenFiles`]. Nothing was changed; try again later.
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::NoSpace { .. } | Self::TooManyOpenFiles { .. })
    }

    fn of_io(path: &Path, source: io::Error) -> Self {
        let path = path.to_path_buf();
        match source.raw_os_error() {
            Some(libc::EMFILE | libc::ENFILE | libc::ENOMEM) => Self::TooManyOpenFiles { path, source },
            _ => Self::Io { path, source },
        }
    }

    /// As [`IoContext::at`], of a file that grows to `bytes`.
    pub(crate) fn of_growing(directory: &Path, path: &Path, bytes: u64, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
                Self::NoSpace { path: directory.to_path_buf(), bytes }
            }
            _ => Self::of_io(path, source),
        }
    }
}

/// A range of a log that was durable and can no longer be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// The segment's file.
    pub segment: PathBuf,
    /// Byte offset in the segment.
    pub offset: u64,
    /// The lane, where the frame's header is intact enough to tell.
    pub lane: Option<LaneId>,
    /// First position lost.
    pub first: Position,
    /// First position after the loss; a read may go on here.
    pub resume: Position,
    /// What does not hold.
    pub reason: &'static str,
}

impl std::fmt::Display for Damage {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} at offset {}: {}", self.segment.display(), self.offset, self.reason)?;
        if let Some(lane) = self.lane {
            write!(formatter, ", lane {lane}")?;
        }
        write!(formatter, "; positions {} to {} are lost", self.first, self.resume)
    }
}

/// Adds the path to an I/O error.
pub(crate) trait IoContext<T> {
    fn at(self, path: &Path) -> Result<T>;
}

impl<T, E: Into<io::Error>> IoContext<T> for std::result::Result<T, E> {
    fn at(self, path: &Path) -> Result<T> {
        self.map_err(|source| Error::of_io(path, source.into()))
    }
}

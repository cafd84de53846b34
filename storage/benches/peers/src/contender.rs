//! What a log must be able to do to be measured.

use std::path::Path;
use std::sync::Arc;

/// The records of one append, shared so that another writer may commit them.
pub(crate) type Batch = Arc<[Vec<u8>]>;

/// A log that takes part.
pub(crate) trait Contender {
    /// What it is called in the table and after `--only`.
    fn name(&self) -> &'static str;

    /// Whether it is a process of its own, which `--skip-servers` leaves out.
    fn is_server(&self) -> bool {
        false
    }

    /// Why it cannot be measured here, if it cannot.
    fn missing(&self) -> Option<String> {
        None
    }

    /// How many writers work when a row asks for `asked`.
    fn writers(&self, asked: usize) -> usize {
        asked
    }

    /// Whether it writes to files again that it has written throughout before. Such a log is used
    /// for a while before it is measured, as its first way through them is slower.
    fn uses_files_again(&self) -> bool {
        false
    }

    /// A fresh log in an empty directory, ready for that many writers.
    fn open(&self, directory: &Path, writers: usize) -> Box<dyn Opened>;
}

/// A log that is open; closed, and its server ended, when dropped.
pub(crate) trait Opened: Sync {
    /// Appends and returns once a flush to the disk covers every record.
    fn append(&self, writer: usize, records: &Batch);

    /// Lets go of old records, where the log can do so and use their files again. Called after
    /// every 8 MiB of a writer, outside the latencies but within the time.
    fn retain(&self) {}
}

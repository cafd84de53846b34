//! Settings of the service.

use std::path::PathBuf;
use std::time::Duration;

use anabranch_storage::Config;

use crate::limits::OPEN_LOGS_DEFAULT;
use crate::quota::Limits;

/// Settings of the service.
#[derive(Debug, Clone)]
pub struct StreamsConfig {
    /// Where the streams' logs lie, one directory each.
    pub directory: PathBuf,
    /// Where directories found there are moved that control state does not account for.
    pub strays: PathBuf,
    /// Settings of each log, its flush policy among them.
    pub log: Config,
    /// Most logs that are open at once, two file descriptors each; at least one. A stream that needs
    /// another has the one closed that was not used for longest.
    pub open_logs_max: usize,
    /// How long a new stream stays CREATING, a changed one UPDATING and a deleted one DELETING.
    pub transition_delay: Duration,
    /// Whether AWS's quotas hold.
    pub limits: Limits,
}

impl StreamsConfig {
    /// Settings for streams in `directory`: AWS's quotas hold, changes are complete at once, and what
    /// is not explained goes to `strays` beside it.
    pub fn new(directory: PathBuf) -> Self {
        Self {
            strays: directory.with_file_name("strays").join("streams"),
            directory,
            log: Config::default(),
            open_logs_max: OPEN_LOGS_DEFAULT,
            transition_delay: Duration::ZERO,
            limits: Limits::Aws,
        }
    }
}

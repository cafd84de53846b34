//! Log lines, as other services write them.

use std::fmt::Debug;
use std::sync::Arc;

/// A log stream of CloudWatch Logs.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LogStreamName {
    /// The account that the log group belongs to, in twelve digits.
    pub account: String,
    /// Its region.
    pub region: String,
    /// The log group, such as `/aws/lambda/clicks`.
    pub group: String,
    /// The log stream.
    pub stream: String,
}

/// Takes log lines for log streams, which it makes when their first line comes.
pub trait LogSink: Debug + Send + Sync + 'static {
    /// Takes a line that was written at `timestamp_ms` (since the Unix epoch). It never waits: where
    /// lines come faster than they are stored they are lost, and the log stream says how many. Lines
    /// of a log stream stay in order.
    fn append(&self, stream: &Arc<LogStreamName>, timestamp_ms: u64, message: String);
}

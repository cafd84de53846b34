//! What the operations stand on.

use std::sync::Arc;

use anabranch_protocol::Clock;

/// The service.
pub struct Identity {
    clock: Arc<dyn Clock>,
}

impl Identity {
    /// A service whose credentials expire by `clock`.
    pub fn new(clock: Arc<dyn Clock>) -> Arc<Self> {
        Arc::new(Self { clock })
    }

    /// When credentials expire that are valid for this many seconds from now.
    pub(crate) fn expires_ms(&self, seconds: i64) -> u64 {
        self.clock.now_ms() + u64::try_from(seconds).unwrap_or(0) * 1000
    }
}

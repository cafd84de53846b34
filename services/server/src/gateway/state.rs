//! What every request needs.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Instant;

use tokio_util::sync::CancellationToken;

use super::metrics::Metrics;
use super::now_and_then::NowAndThen;
use super::registry::Registry;
use super::room::Room;
use crate::{Config, Services};

/// The gateway, as its parts see it.
pub(crate) struct Gateway {
    pub(crate) services: Arc<Services>,
    pub(crate) config: Config,
    pub(crate) base_url: String,
    /// The data directory, absolute.
    pub(crate) data: PathBuf,
    pub(crate) started: Instant,
    pub(super) registry: Registry,
    pub(super) metrics: Metrics,
    /// How many there are.
    pub(super) connections: Arc<AtomicUsize>,
    /// For large requests.
    pub(super) room: Room,
    /// What is reported of refused requests.
    pub(super) refusals: NowAndThen,
    /// Cancelled once no more requests are taken.
    pub(super) stop: CancellationToken,
}

//! What the operations stand on.

use std::sync::Arc;

use anabranch_delivery::Outbox;
use anabranch_protocol::Clock;

use crate::catalog::Catalog;
use crate::signing::Signer;

/// The parts of the service.
pub(crate) struct Shared {
    pub(crate) clock: Arc<dyn Clock>,
    /// How subscribers reach this server.
    pub(crate) base_url: String,
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) outbox: Arc<Outbox>,
    pub(crate) signer: Signer,
}

//! What is handed to an outbox.

use anabranch_ports::Delivery;

use crate::{DeadLetter, RetryPolicy};

/// A delivery that is to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewDelivery {
    /// Where to: an ARN, or whatever else the outbox's `Target` knows.
    pub target: String,
    /// The message.
    pub delivery: Delivery,
    /// How often it is tried.
    pub policy: RetryPolicy,
    /// What becomes of it if its target does not take it.
    pub dead_letter: Option<DeadLetter>,
    /// Deliveries with the same target and ordering go one after another, in the order in which they
    /// were accepted: each waits until the one before is done. Those without are independent.
    pub ordering: Option<String>,
}

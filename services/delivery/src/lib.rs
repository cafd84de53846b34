//! Deliveries that are durable until they are done: an outbox for services that send messages to
//! what an ARN names, such as topics, rules and schedules.
//!
//! A delivery is in control state before [`Outbox::accept`] returns, and leaves it once its target
//! has taken it, its dead-letter queue has, or it is given up, which is logged and counted. A crash
//! in between delivers it again: at least once, never less. In memory there is only a key for each.
//!
//! Every target has its turn, and a limit of its own on what is under way, so that a slow one holds
//! up nobody else. Deliveries with the same target and ordering go one after another, and a retry
//! keeps its place.
//!
//! It knows no service: whoever uses it says who takes deliveries (`ports::Target`), how often one
//! is tried ([`RetryPolicy`]) and what becomes of those that fail ([`DeadLetter`]).
//! Start reading at `outbox.rs`; `attempt.rs` is one delivery's way.

#![cfg_attr(not(test), deny(clippy::disallowed_methods))]

mod attempt;
mod dead_letter;
mod failing;
mod failure;
mod key;
mod limits;
mod message;
mod new_delivery;
mod outbox;
mod queues;
mod retry;
mod shared;
mod stored;

pub use dead_letter::{DeadLetter, DeadLetterForm};
pub use limits::OutboxLimits;
pub use new_delivery::NewDelivery;
pub use outbox::{AcceptError, Figures, Outbox, Prepared};
pub use retry::{Backoff, Curve, Phases, RetryPolicy};

//! Amazon EventBridge: event buses take events, and rules send those that match a pattern, or one
//! whenever a schedule says, to targets.
//!
//! Offered are buses, rules with patterns and schedules, targets with inputs of every kind, retries
//! and dead-letter queues, archives and replays, tags and permissions (kept, not enforced). API
//! destinations, partner event sources and global endpoints are refused by name.
//!
//! PutEvents answers once the deliveries that come of it are durable (`anabranch-delivery`).
//! Start reading at `operations/put_events.rs`; `target.rs` is what a target gets, `timer.rs` what
//! fires schedules.

#![cfg_attr(not(test), deny(clippy::disallowed_methods))]

mod archive;
mod archives;
mod bus;
mod error;
mod event;
mod events;
mod json;
mod limits;
mod operations;
mod path;
mod registry;
mod replay;
mod replaying;
mod routing;
mod rule;
mod section;
mod service;
mod shapes;
mod target;
mod template;
mod timer;

pub use error::EventsError;
pub use events::Events;

//! The service as the gateway calls it, over real logs and a real control store.

// The helpers serve tests only, which clippy can't see.
#![allow(clippy::unwrap_used)]

mod events;
mod groups;
mod harness;
mod live_tail;
mod sink;
mod subscriptions;

//! The service as its callers see it, over restarts.

// The helpers serve tests only, which clippy can't see.
#![allow(clippy::unwrap_used)]

mod harness;
mod ports;
mod restarts;
mod waiting;

//! A whole server in this process, asked over a real socket.

// Helpers of tests are tests, though clippy does not see that.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod connections;
mod console;
mod contract;
mod encodings;
mod functions;
mod harness;
mod notes;
mod origins;
mod refusals;
mod resource_types;
mod starting;
mod tail;
mod wiring;

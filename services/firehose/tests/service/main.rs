//! The service as the gateway calls it, over a real log and a real control store, writing
//! objects to memory.

// The helpers serve tests only, which clippy can't see.
#![allow(clippy::unwrap_used)]

mod crash;
mod delivery;
mod full_disk;
mod harness;
mod limits;
mod management;

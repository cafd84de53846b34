//! The service as its clients meet it: literal requests and their answers.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed step is a failed test")]

mod common;
mod full_disk;
mod handle;
mod opening;
mod races;

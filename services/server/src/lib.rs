//! The Anabranch program: the command line, the gateway that turns HTTP requests into calls of
//! the services, and the wiring between them.
//!
//! No AWS behaviour lives here but what all services share (routing, request ids, credentials,
//! error bodies). [`App::start`] is the way in; the command `anabranch serve` does little more.
//!
//! From there, read `gateway/mod.rs` (a request's way to its service) and `wiring/mod.rs` (the
//! services there are).

#![cfg_attr(not(test), deny(clippy::disallowed_methods))]

mod app;
#[allow(clippy::disallowed_methods, reason = "a client of servers, in the machine's time")]
pub mod command_line;
mod config;
mod console;
mod data_directory;
mod descriptors;
mod error;
#[allow(clippy::disallowed_methods, reason = "limits of sockets hold in the machine's time")]
mod gateway;
mod logging;
mod problems;
mod process;
#[allow(clippy::disallowed_methods, reason = "a client of its own server, in the machine's time")]
pub mod up;
mod wiring;

pub use app::App;
pub use config::{Config, FLUSH_FORMS, LimitsSetting, LogFormat, Settings, flush_losses, flush_name};
pub use descriptors::Descriptors;
pub use error::StartError;
pub use gateway::{ConnectionLimits, TlsFiles, Trusted};
pub use wiring::Services;

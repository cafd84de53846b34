//! The Anabranch program: the command line, the gateway that turns HTTP requests into calls of
//! the services, and the wiring between them.
//!
//! No AWS behaviour lives here but what all services share (routing, request ids, credentials,
//! error bodies). [`App::start`] is the way in; the command `anabranch serve` does little more.
//!
//! From there, read `gateway/mod.rs` (a request's way to its service) and `wiring/mod.rs` (the
//! services there are).

mod app;
pub mod command_line;
mod config;
mod console;
mod data_directory;
mod descriptors;
mod error;
mod gateway;
mod logging;
mod problems;
mod process;
pub mod up;
mod wiring;

pub use app::App;
pub use config::{Config, FLUSH_FORMS, LimitsSetting, LogFormat, Settings, flush_losses, flush_name};
pub use descriptors::Descriptors;
pub use error::StartError;
pub use gateway::{ConnectionLimits, TlsFiles, Trusted};
pub use wiring::Services;

//! The function host: starts function programs and speaks the Lambda Runtime API with them.
//!
//! [`Pool`] holds the environments of one function and hands invocations to them.
//! [`environment::Environment`] is one process with a Runtime API listener of its own
//! ([`runtime_api`]), so that the listener's address is the environment's identity; they talk through a
//! [`session::Session`].

pub(crate) mod environment;
pub(crate) mod function_log;
mod memory;
mod outcome;
mod peer;
pub(crate) mod pool;
pub(crate) mod process;
mod remote;
mod runtime_api;
mod session;
mod variables;

pub(crate) use pool::Pool;
pub(crate) use remote::RemoteClient;

//! AWS Security Token Service (API 2011-06-15): who a caller is, and credentials for roles and
//! sessions, as far as tools ask for them before they do anything else.
//!
//! Nothing is kept and nothing is checked here: any credentials are good, and those that this
//! service gives out say in themselves whose they are ([`Session`]).
//!
//! Start reading at `operations/assume_role.rs`. As the smallest service it also shows what one is.

#![cfg_attr(not(test), deny(clippy::disallowed_methods))]

mod identity;
mod operations;
mod service;
mod session;
mod shapes;

pub use identity::Identity;
pub use session::Session;

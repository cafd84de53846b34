//! Lambda proxy integrations, payload format 2.0: an HTTP request as the event of a function, and what
//! the function returns as a response. HTTP APIs and function URLs have it in common.
//!
//! It invokes nothing and knows no route. A leaf.

#![cfg_attr(not(test), deny(clippy::disallowed_methods))]

mod event;
mod reply;

pub use event::{Integration, event};
pub use reply::{head, message, reply};

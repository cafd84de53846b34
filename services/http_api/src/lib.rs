//! API Gateway HTTP APIs: routes whose requests go to Lambda functions as events of payload
//! format 2.0. (API Gateway Developer Guide, "Working with HTTP APIs".)
//!
//! It has no operations of its own: APIs come from templates. REST and WebSocket APIs, authorizers
//! and mappings of requests are not here. Start reading at [`HttpApis::handle`].

#![cfg_attr(not(test), deny(clippy::disallowed_methods))]

mod address;
mod api;
mod route;
mod section;
mod service;
mod spec;
mod stored;

pub use api::{HttpApis, OpenError};
pub use route::{Route, RouteError};
pub use spec::ApiSpec;

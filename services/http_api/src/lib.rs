//! API Gateway HTTP APIs: routes whose requests go to Lambda functions as events of payload
//! format 2.0. (API Gateway Developer Guide, "Working with HTTP APIs".)

mod api;
mod event;
mod reply;
mod route;
mod section;
mod service;

pub use api::{ApiSpec, HttpApis, OpenError};
pub use route::{Route, RouteError};

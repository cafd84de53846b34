//! The service with real function processes: hosting, the REST API, asynchronous events,
//! mappings over HTTP.

// Helpers of tests may panic as tests do.
#![allow(clippy::unwrap_used)]

mod accounts;
mod api;
mod asynchronous;
mod fixture;
mod hosting;
mod packages;
mod rest;
mod runtimes;
mod sources;
mod waits;

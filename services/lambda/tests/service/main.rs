//! The service with real function processes: hosting, the REST API, asynchronous events,
//! mappings over HTTP.

mod asynchronous;
mod fixture;
mod hosting;
mod rest;

//! Lambda: hosts function programs over the Runtime API, answers Invoke, keeps
//! asynchronous events and runs event source mappings from Kinesis streams.
//!
//! It does not build functions, knows no template and opens no public socket: the server
//! mounts [`Lambda::router`], supplies the streams and objects that it needs and calls [`Lambda::start`] once it
//! listens, so that functions find the services they call.

mod asynchronous;
mod config;
mod control;
mod error;
mod function;
mod functions;
mod host;
mod invoke;
mod invoker;
mod mapping;
mod model;
mod operations;
mod section;
mod service;
mod setbacks;
mod time;

pub use config::{Backoff, LambdaConfig};
pub use error::OpenError;
pub use function::{Executable, FunctionSpec};
pub use functions::FunctionStat;
pub use invoke::{InvokeOptions, InvokeOutcome, LogTail};
pub use mapping::{
    DestinationConfig, EventSourceMapping, EventSourceMappingRequest, Filter, FilterCriteria, ListEventSourceMappings,
    MappingStat, OnFailure, Settings,
};
pub use service::{Lambda, LambdaStat};

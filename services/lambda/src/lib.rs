//! Lambda: hosts function programs over the Runtime API, answers Invoke, keeps
//! asynchronous events and runs event source mappings.
//!
//! Functions come by CreateFunction, as deployment packages that `code/` keeps, or are put by the server
//! with a program of their own. It does not build functions, knows no template and opens no public socket: the server
//! calls its operations, supplies [`sources`] and an object store, and calls [`Lambda::start`] once it
//! listens, so that functions find the services they call.
//!
//! Start reading at `functions.rs` (what runs) and `mapping/stream/poller.rs` (a shard's way to
//! its function).

#![cfg_attr(not(test), deny(clippy::disallowed_methods))]

mod alias;
mod asynchronous;
mod code;
mod code_location;
mod config;
mod configuration;
mod control;
mod destinations;
mod error;
mod failing;
mod function;
mod function_id;
mod function_url;
mod functions;
mod host;
mod http;
mod http_message;
mod invoke;
mod invoker;
mod layers;
mod mapping;
mod model;
mod operations;
mod policy;
mod runtimes;
mod section;
mod service;
mod stored_event;
mod stored_function;
mod time;

pub use config::{Backoff, LambdaConfig};
pub use destinations::Destination;
pub use error::OpenError;
pub use function::{Executable, FunctionSpec};
pub use function_id::{FunctionId, QualifiedFunction, Scope};
pub use functions::FunctionStat;
pub use invoke::{AnswerPart, InvokeOptions, InvokeOutcome, LogTail};
pub use mapping::{
    DestinationConfig, EventSourceMapping, EventSourceMappingRequest, Filter, FilterCriteria, ListEventSourceMappings,
    LoggingConfig, MappingStat, MappingState, MetricsConfig, OnFailure, ProcessingResult, ProvisionedPollerConfig,
    ScalingConfig, StreamConfiguration, sources,
};
pub use runtimes::interpreter;
pub use service::{Lambda, LambdaStat};

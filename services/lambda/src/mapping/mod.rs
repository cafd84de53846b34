//! Event source mappings: functions that are invoked with what a source holds.
//!
//! [`Mappings`] keeps their configuration and runs a task for each that is enabled: [`stream`] for
//! sources that are read in order by shard, [`queue`] for those that hand out messages. What can be
//! read, and how its records look, is the affair of [`sources`].

mod configuration;
mod context;
mod entry;
mod filter;
mod mappings;
mod payload;
mod queue;
mod request;
mod response;
mod settings;
pub mod sources;
mod stat;
mod state;
mod stored;
mod stream;
mod tags;
#[cfg(test)]
mod tests;

pub use configuration::{EventSourceMapping, StreamConfiguration};
pub(crate) use context::BatchInvoker;
pub use filter::{Filter, FilterCriteria};
pub(crate) use mappings::{Dependencies, Mappings};
pub use request::{
    DestinationConfig, EventSourceMappingRequest, ListEventSourceMappings, LoggingConfig, MetricsConfig, OnFailure,
    ProvisionedPollerConfig, ScalingConfig,
};
pub use stat::MappingStat;
pub use state::{MappingState, ProcessingResult};
pub(crate) use tags::checked as checked_tags;

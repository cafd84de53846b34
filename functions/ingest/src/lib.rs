//! `ingest`: takes clicks over HTTP and puts them to the stream and the delivery stream.
//!
//! A request is accepted or refused as a whole, and answered only once every click is in both
//! places. Partial failures are retried until the invocation's deadline; what is still missing then
//! is named in a 503. Sending it again is safe, since every consumer recognizes a click by its
//! `event_id`.
//!
//! The handler sees the two streams through [`Sink`], so its tests need neither AWS nor a runtime.

mod firehose_sink;
mod handler;
mod kinesis_sink;
mod put;
mod request;

pub use firehose_sink::FirehoseSink;
pub use handler::Ingest;
pub use kinesis_sink::KinesisSink;
pub use put::{PutError, Record, Sink};
pub use request::{BadClick, BadRequest};

//! `ingest`: takes clicks over HTTP and puts them to the stream and the delivery stream.
//!
//! A request is all or nothing when it is checked, and answered only once every click is in both
//! places. Puts that fail in part are retried until the invocation's deadline; what still failed
//! then is named in a 503, and sending it again is safe, since every consumer knows a click by
//! its `event_id`.
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

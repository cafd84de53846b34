//! What services need of one another, defined once.
//!
//! Service crates do not import one another. One that reads streams, writes objects or invokes
//! functions takes a trait of this crate; the service that can do it implements the trait, and the
//! server hands the one to the other. Whatever goes wrong on the way is a [`PortError`];
//! `protocol` makes one of an operation's error.
//!
//! | trait | implemented by | used by |
//! | --- | --- | --- |
//! | [`StreamSource`] | streams, tables | Lambda's event source mappings |
//! | [`ObjectWriter`] | objects | Firehose's delivery, Lambda's on-failure destinations |
//! | [`ObjectReader`] | objects | Lambda's deployment packages |
//! | [`FunctionInvoker`] | lambda | HTTP APIs |
//! | [`QueueSource`] | queues | Lambda's event source mappings, pipes |
//! | [`LogSink`] | logs | Lambda's function logs |
//! | [`Target`] | each service that takes messages; the server, which knows who stands behind an ARN | objects, and whoever delivers to an ARN |

mod error;
mod functions;
mod log_sink;
mod objects;
mod queues;
mod streams;
mod targets;

pub use error::{PortError, PortErrorKind};
pub use functions::{FunctionInvoker, FunctionOutcome};
pub use log_sink::{LogSink, LogStreamName};
pub use objects::{NewObject, ObjectReader, ObjectStore, ObjectWriter};
pub use queues::{QueueHandle, QueueMessage, QueueSource};
pub use streams::{ShardCursor, ShardInfo, ShardRead, Start, StreamHandle, StreamRecord, StreamSource};
pub use targets::{AttributeValue, Delivery, MessageAttribute, Target};

//! What services need of one another, defined once.
//!
//! Service crates do not import one another. One that reads streams, writes objects or invokes
//! functions takes a trait of this crate; the service that can do it implements the trait, and the
//! server hands the one to the other. Whatever goes wrong on the way is a [`PortError`].
//!
//! | trait | implemented by | used by |
//! | --- | --- | --- |
//! | [`StreamSource`] | streams | Lambda's event source mappings |
//! | [`ObjectWriter`] | objects | Firehose's delivery, Lambda's on-failure destinations |
//! | [`FunctionInvoker`] | lambda | HTTP APIs |
//! | [`NotificationTarget`] | the server, which knows who stands behind an ARN | objects |

mod error;
mod functions;
mod notifications;
mod objects;
mod streams;

pub use error::{PortError, PortErrorKind};
pub use functions::{FunctionInvoker, FunctionOutcome};
pub use notifications::NotificationTarget;
pub use objects::{NewObject, ObjectWriter};
pub use streams::{ShardCursor, ShardInfo, ShardRead, Start, StreamHandle, StreamRecord, StreamSource};

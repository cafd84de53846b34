//! `table-writer`: folds the clicks of a stream into one item per session.
//!
//! The item remembers the last sequence number and every `event_id` it has counted, and is written
//! only if nobody else wrote it in the meantime. Its figures are therefore exact even when the stream
//! delivers a record twice or a client sends a click twice.
//!
//! Only records that failed are reported back ([`write_batch`]); the rest of the batch is done.

mod batch;
mod dynamo_sessions;
mod session;
mod store;

pub use batch::write_batch;
pub use dynamo_sessions::DynamoSessions;
pub use session::{Fold, NewClick, Session, SessionFull};
pub use store::{Change, Saved, SessionStore, StoreError, Stored};

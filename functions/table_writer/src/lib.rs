//! `table-writer`: folds the clicks of a stream into one item a session.
//!
//! The item remembers the last sequence number and every `event_id` it has counted, and is written
//! only if nobody wrote it meanwhile. So its figures are exact although the stream delivers a
//! record more than once, and although a client may send a click more than once.
//!
//! Only records that failed are reported back ([`write_batch`]); all others of the batch are done.

mod batch;
mod dynamo_sessions;
mod session;
mod store;

pub use batch::write_batch;
pub use dynamo_sessions::DynamoSessions;
pub use session::{Fold, NewClick, Session, SessionFull};
pub use store::{Saved, SessionStore, StoreError};

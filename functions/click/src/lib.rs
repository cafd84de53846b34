//! The click: the one event every function of the clickstream pipeline reads or writes.
//!
//! A click's rules live here and nowhere else, so that what `ingest` accepts is what the consumers
//! understand. The crate knows JSON and time, but neither AWS nor a runtime.
//!
//! ```
//! use click::Click;
//!
//! let click = Click::from_json(
//!     br#"{"event_id":"e1","session_id":"s1","timestamp":"2026-06-15T10:00:00Z","type":"page_view","page":"/"}"#,
//! )?;
//! assert_eq!(click.page, "/");
//! # Ok::<(), click::ClickError>(())
//! ```

mod event;
mod funnel;
mod sequence_number;

pub use event::{Click, ClickError};
pub use funnel::{FunnelError, Step};
pub use sequence_number::{SequenceNumber, SequenceNumberError};

//! `funnel`: records how far each session got, and trusts nothing it has not checked.
//!
//! It is strict on purpose. A batch is checked whole before anything is written, and one record
//! that does not belong fails the invocation, with its sequence number in the error. The event
//! source mapping bisects the batch until that record is alone, and sends it to the failure
//! destination. Writing is idempotent by nature (steps are added to a set), so a redelivered batch
//! does no harm.

mod batch;
mod dynamo_funnel;
mod store;

pub use batch::{FunnelBatchError, record_batch};
pub use dynamo_funnel::DynamoFunnel;
pub use store::{FunnelStore, StoreError};

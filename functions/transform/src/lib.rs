//! `transform`: turns raw delivered objects into curated, partitioned JSON Lines, and counts pages.
//!
//! Every event is claimed once, by `event_id`, in the same transaction that counts its page: a
//! notification that comes twice, an invocation that dies halfway, and an event delivered in two
//! raw objects all leave the counts exact. Each output's key is derived from the raw object's key,
//! so a second run writes the same objects again. What cannot be read goes to an error object with
//! the reason; nothing is dropped.
//!
//! The handler sees objects through [`ObjectStore`] and tables through [`Ledger`].

mod claim;
mod curate;
mod dynamo_ledger;
mod handler;
mod page_key;
mod raw_object;
mod s3_objects;
mod store;
mod user_agent;

pub use dynamo_ledger::DynamoLedger;
pub use handler::{Transform, TransformError};
pub use s3_objects::S3Objects;
pub use store::{Claim, Ledger, ObjectStore, PageViews, StoreError};

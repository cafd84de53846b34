//! The S3 part: buckets and objects on disk, as far as pipelines and their clients need them.
//!
//! The wire (XML, routing, error bodies) is the crate s3s; behind it stands our own store.
//! Objects' bytes are files under `data/`, flushed before the index names them; the index
//! (buckets, objects, uploads, notifications) is one transactional store. A notification is
//! committed with the object it tells of, so it can't be lost between the two.
//!
//! It has no versions, ACLs or policies. Start reading at `commit.rs`, what a change locks and
//! writes, and `operations/objects.rs`.

#![cfg_attr(not(test), deny(clippy::disallowed_methods))]

mod address;
mod answer;
mod aws_chunked;
mod blob;
mod commit;
mod conditions;
mod cors;
mod error;
mod health;
mod index;
mod limits;
mod listing;
mod locks;
mod model;
mod naming;
mod notification;
mod opening;
mod operations;
mod outbox;
mod reader;
mod request;
mod section;
mod serve;
mod service;
mod stat;
mod store;
mod writer;

pub use error::OpenError;
pub use notification::{NotificationRule, Notifications};
pub use stat::BucketStat;
pub use store::Objects;

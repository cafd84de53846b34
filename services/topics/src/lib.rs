//! Amazon SNS (API 2010-03-31): topics, standard and FIFO, subscriptions with filter policies, and
//! messages that reach every subscriber at least once.
//!
//! A publish answers once a delivery for each subscription that lets the message through is durable
//! in the outbox (`anabranch-delivery`), which retries it and hands what fails to the subscription's
//! dead-letter queue. Subscribers are queues, functions, delivery streams and HTTP endpoints. E-mail,
//! text messages and mobile push are refused by name, as are archives and data protection.
//!
//! Topics and subscriptions are in control state, and all of them in memory (`catalog.rs`). Start
//! reading at `publish.rs`: a message's way.

#![cfg_attr(not(test), deny(clippy::disallowed_methods))]

mod access_policy;
mod batch;
mod catalog;
mod confirmation;
mod delivery_policy;
mod error;
mod fifo;
mod filter;
mod http_client;
mod limits;
mod message;
mod model;
mod names;
mod notification;
mod operations;
mod paging;
mod protocols;
mod publish;
mod section;
mod service;
mod shared;
mod signing;
mod stored;
mod subscription;
mod tags;
mod target;
mod time;
mod topic;

pub use service::Topics;

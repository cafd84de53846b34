//! What is known of streams, and what follows from it at a moment. The form in which control state
//! keeps it is in `stored.rs`. Nothing in here knows
//! of logs, requests or other streams.

mod consumers;

pub(crate) mod account_use;
pub(crate) mod consumer;
pub(crate) mod encryption;
pub(crate) mod key;
pub(crate) mod status;
pub(crate) mod stored;
pub(crate) mod stream;

//! Mappings of streams: a [`supervisor`] for each runs a [`poller`] for each shard, which sorts records
//! into lanes, hands batches of them to [`batch`] and keeps in a [`checkpoint`] how far the shard is
//! done.

pub(crate) mod batch;
mod bisect;
pub(crate) mod checkpoint;
mod discarded;
mod lane;
mod poller;
pub(crate) mod supervisor;
mod tracker;
mod window;

//! Reading events in order of their time, though the log has them in the order in which they came.

mod found;
mod merge;
mod newest;

pub(crate) use found::{Found, Source, Window};
pub(crate) use merge::Merge;
pub(crate) use newest::newest;

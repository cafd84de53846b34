//! Requests read from a call.

use anabranch_protocol::{ApiError, Call};
use serde::Deserialize;

/// What can be read from a call.
pub(super) trait FromCall<'a>: Sized {
    fn from_call(call: &'a Call) -> Result<Self, ApiError>;
}

impl<'a, T: Deserialize<'a>> FromCall<'a> for T {
    fn from_call(call: &'a Call) -> Result<Self, ApiError> {
        call.input()
    }
}

/// The members that name what a request is about, and its others. They are read one after the
/// other: `serde(flatten)` would keep all members in memory, those that no request knows too.
#[derive(Debug)]
pub(super) struct Addressed<Reference, Request>(pub(super) Reference, pub(super) Request);

impl<'a, Reference: Deserialize<'a>, Request: Deserialize<'a>> FromCall<'a> for Addressed<Reference, Request> {
    fn from_call(call: &'a Call) -> Result<Self, ApiError> {
        Ok(Self(call.input()?, call.input()?))
    }
}

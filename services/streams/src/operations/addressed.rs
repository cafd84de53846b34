//! Requests read from a body.

use anabranch_protocol::{ApiError, Encoding};
use serde::Deserialize;

/// What can be read from the body of a request.
pub(super) trait FromBody<'a>: Sized {
    fn from_body(encoding: Encoding, body: &'a [u8]) -> Result<Self, ApiError>;
}

impl<'a, T: Deserialize<'a>> FromBody<'a> for T {
    fn from_body(encoding: Encoding, body: &'a [u8]) -> Result<Self, ApiError> {
        encoding.decode(body)
    }
}

/// The members that name what a request is about, and its others. They are read one after the
/// other: `serde(flatten)` would keep all members in memory, those that no request knows too.
#[derive(Debug)]
pub(super) struct Addressed<Reference, Request>(pub(super) Reference, pub(super) Request);

impl<'a, Reference: Deserialize<'a>, Request: Deserialize<'a>> FromBody<'a> for Addressed<Reference, Request> {
    fn from_body(encoding: Encoding, body: &'a [u8]) -> Result<Self, ApiError> {
        Ok(Self(encoding.decode(body)?, encoding.decode(body)?))
    }
}

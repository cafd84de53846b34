//! Conditions of writes, checked against the object that is there.

use s3s::dto::ETagCondition;
use s3s::{S3Result, s3_error};

use crate::error::no_key;
use crate::index::Object;

/// `If-Match` and `If-None-Match` of a write.
#[derive(Debug, Clone, Default)]
pub(crate) struct Conditions {
    pub(crate) if_match: Option<ETagCondition>,
    pub(crate) if_none_match: Option<ETagCondition>,
}

impl Conditions {
    pub(crate) fn check(&self, before: Option<&Object>) -> S3Result<()> {
        let is = |condition: &ETagCondition, object: &Object| {
            condition.is_any() || condition.as_etag().is_some_and(|etag| etag.value() == object.etag)
        };
        let holds = match (&self.if_match, before) {
            (None, _) => true,
            (Some(_), None) => return Err(no_key()),
            (Some(condition), Some(object)) => is(condition, object),
        };
        let clashes = match (&self.if_none_match, before) {
            (Some(condition), Some(object)) => is(condition, object),
            _ => false,
        };
        if holds && !clashes {
            return Ok(());
        }
        Err(s3_error!(PreconditionFailed, "At least one of the pre-conditions you specified did not hold"))
    }
}

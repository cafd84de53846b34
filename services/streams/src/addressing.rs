//! Which stream a request names.

use anabranch_protocol::{ApiError, RequestContext};

use crate::error::invalid_argument;
use crate::state::key::StreamKey;

impl StreamKey {
    /// The key of the stream that a request names by name, ARN or both.
    pub(crate) fn of_request(
        context: &RequestContext,
        name: Option<&str>,
        arn: Option<&str>,
    ) -> Result<Self, ApiError> {
        match (name, arn.and_then(Self::of_arn)) {
            (Some(name), Some(key)) if key.name != name => Err(invalid_argument(
                "StreamName and StreamARN do not name the same stream. Provide one of them, or matching ones.",
            )),
            (_, Some(key)) => Ok(key),
            (Some(name), None) => Ok(Self::of_name(context, name)),
            (None, None) => Err(ApiError::validation("Either StreamName or StreamARN must be provided.")),
        }
    }
}

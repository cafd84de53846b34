//! Which stream or shard a request names.

use anabranch_protocol::RequestContext;

use crate::error::{AddressError, ShardNotFound};
use crate::shard::shard_index;
use crate::state::key::StreamKey;

impl StreamKey {
    /// The key of the stream that a request names by name, ARN or both.
    pub(crate) fn of_request(
        context: &RequestContext,
        name: Option<&str>,
        arn: Option<&str>,
    ) -> Result<Self, AddressError> {
        match (name, arn.and_then(Self::of_arn)) {
            (Some(name), Some(key)) if key.name != name => Err(AddressError::Ambiguous),
            (_, Some(key)) => Ok(key),
            (Some(name), None) => Ok(Self::of_name(context, name)),
            (None, None) => Err(AddressError::Unnamed),
        }
    }

    /// The number of the stream's shard that a request names, be it there or not.
    pub(crate) fn shard_index(&self, shard_id: &str) -> Result<u32, ShardNotFound> {
        let unresolved = || ShardNotFound::Unresolved { shard_id: shard_id.to_string(), key: self.clone() };
        shard_index(shard_id).ok_or_else(unresolved)
    }
}

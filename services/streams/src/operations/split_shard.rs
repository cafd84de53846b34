//! SplitShard.

use anabranch_protocol::{ApiError, RequestContext, Violations};
use serde::Deserialize;

use super::stream_reference::StreamReference;
use crate::error::{shard_limit, shard_not_found};
use crate::hash_key::HashKey;
use crate::limits::SHARDS_MAX;
use crate::shapes::{HASH_KEY, SHARD_ID};
use crate::shard::shard_index;
use crate::streams::Streams;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct SplitShardRequest {
    #[serde(flatten)]
    stream: StreamReference,
    shard_to_split: Option<String>,
    new_starting_hash_key: Option<String>,
}

/// Splits an open shard in two. Records that are put from now on go to its children; the stream
/// is UPDATING for the configured delay.
pub(super) fn split_shard(
    streams: &Streams,
    context: &RequestContext,
    request: SplitShardRequest,
) -> Result<(), ApiError> {
    let mut violations = Violations::default();
    request.stream.check(&mut violations);
    violations.required_text("shardToSplit", request.shard_to_split.as_deref(), &SHARD_ID);
    violations.required_text("newStartingHashKey", request.new_starting_hash_key.as_deref(), &HASH_KEY);
    violations.finish()?;
    let shard_id = request.shard_to_split.as_deref().unwrap_or_default();
    let owner = request.stream.key(context)?;
    let index = shard_index(shard_id).ok_or_else(|| shard_not_found(shard_id, &owner))?;
    let stream = streams.get(&owner)?;
    streams.check_shard_quota(context, 1)?;
    // What is above all hash keys is above the shard's last one too.
    let key = request.new_starting_hash_key.as_deref().and_then(HashKey::parse).unwrap_or(HashKey(u128::MAX));
    streams.reshard(&stream, |resharding| {
        if resharding.state.open_shards().count() as i64 >= SHARDS_MAX {
            return Err(shard_limit(SHARDS_MAX));
        }
        resharding.split(index, key).map(|_| ())
    })
}

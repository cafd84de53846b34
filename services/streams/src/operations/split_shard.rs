//! SplitShard.

use anabranch_protocol::{RequestContext, Violations};
use serde::Deserialize;

use super::addressed::Addressed;
use super::stream_reference::StreamReference;
use crate::error::{Error, ReshardError};
use crate::limits::SHARDS_MAX;
use crate::service::Streams;
use crate::shapes::{HASH_KEY, SHARD_ID};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct SplitShardRequest {
    shard_to_split: Option<String>,
    new_starting_hash_key: Option<String>,
}

/// Splits an open shard in two. Records that are put from now on go to its children; the stream
/// is UPDATING for the configured delay.
pub(super) fn split_shard(
    streams: &Streams,
    context: &RequestContext,
    Addressed(stream, request): Addressed<StreamReference, SplitShardRequest>,
) -> Result<(), Error> {
    let mut violations = Violations::default();
    stream.check(&mut violations);
    violations.required_text("shardToSplit", request.shard_to_split.as_deref(), &SHARD_ID);
    violations.required_text("newStartingHashKey", request.new_starting_hash_key.as_deref(), &HASH_KEY);
    violations.finish()?;
    let shard_id = request.shard_to_split.as_deref().unwrap_or_default();
    let owner = stream.key(context)?;
    let index = owner.shard_index(shard_id)?;
    let stream = streams.registry.get(&owner)?;
    let _claim = streams.registry.claim_shards(context, 1)?;
    let key = request.new_starting_hash_key.as_deref().unwrap_or_default();
    let split = streams.registry.reshard(&stream, |resharding| {
        if resharding.state.open_shards().count() as i64 >= SHARDS_MAX {
            return Err(ReshardError::TooManyShards { limit: SHARDS_MAX });
        }
        resharding.split_at(index, key).map(|_| ())
    });
    Ok(split?)
}

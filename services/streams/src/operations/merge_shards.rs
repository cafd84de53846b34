//! MergeShards.

use anabranch_protocol::{RequestContext, Violations};
use serde::Deserialize;

use super::addressed::Addressed;
use super::stream_reference::StreamReference;
use crate::error::Error;
use crate::service::Streams;
use crate::shapes::SHARD_ID;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct MergeShardsRequest {
    shard_to_merge: Option<String>,
    adjacent_shard_to_merge: Option<String>,
}

/// Merges an open shard with the one whose hash keys follow. Records that are put from now on go
/// to their child; the stream is UPDATING for the configured delay.
pub(super) fn merge_shards(
    streams: &Streams,
    context: &RequestContext,
    Addressed(stream, request): Addressed<StreamReference, MergeShardsRequest>,
) -> Result<(), Error> {
    let mut violations = Violations::default();
    stream.check(&mut violations);
    violations.required_text("shardToMerge", request.shard_to_merge.as_deref(), &SHARD_ID);
    violations.required_text("adjacentShardToMerge", request.adjacent_shard_to_merge.as_deref(), &SHARD_ID);
    violations.finish()?;
    let owner = stream.key(context)?;
    let first = owner.shard_index(request.shard_to_merge.as_deref().unwrap_or_default())?;
    let second = owner.shard_index(request.adjacent_shard_to_merge.as_deref().unwrap_or_default())?;
    let stream = streams.registry.get(&owner)?;
    Ok(streams.registry.reshard(&stream, |resharding| resharding.merge(first, second).map(|_| ()))?)
}

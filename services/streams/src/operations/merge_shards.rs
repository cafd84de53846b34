//! MergeShards.

use anabranch_protocol::{ApiError, RequestContext, Violations};
use serde::Deserialize;

use super::stream_reference::StreamReference;
use crate::error::shard_not_found;
use crate::shapes::SHARD_ID;
use crate::shard::shard_index;
use crate::streams::Streams;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct MergeShardsRequest {
    #[serde(flatten)]
    stream: StreamReference,
    shard_to_merge: Option<String>,
    adjacent_shard_to_merge: Option<String>,
}

/// Merges an open shard with the one whose hash keys follow. Records that are put from now on go
/// to their child; the stream is UPDATING for the configured delay.
pub(super) fn merge_shards(
    streams: &Streams,
    context: &RequestContext,
    request: MergeShardsRequest,
) -> Result<(), ApiError> {
    let mut violations = Violations::default();
    request.stream.check(&mut violations);
    violations.required_text("shardToMerge", request.shard_to_merge.as_deref(), &SHARD_ID);
    violations.required_text("adjacentShardToMerge", request.adjacent_shard_to_merge.as_deref(), &SHARD_ID);
    violations.finish()?;
    let stream = request.stream.find(streams, context)?;
    let ids = [request.shard_to_merge.unwrap_or_default(), request.adjacent_shard_to_merge.unwrap_or_default()];
    streams.reshard(&stream, |resharding| {
        let key = &resharding.state.key;
        let index = |id: &str| shard_index(id).ok_or_else(|| shard_not_found(id, key));
        let (first, second) = (index(&ids[0])?, index(&ids[1])?);
        resharding.merge(first, second).map(|_| ())
    })
}

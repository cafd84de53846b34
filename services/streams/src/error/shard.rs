//! What is refused of shards.

use super::stream::ChangeError;
use crate::shard::{Shard, ShardId};
use crate::state::key::StreamKey;

/// No such shard. AWS has two sentences for it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ShardNotFound {
    /// The id is none of a shard, or of none to split or merge.
    #[error("Could not find shard {shard_id} in stream {}.", .key.under_account())]
    Unresolved { shard_id: String, key: StreamKey },
    /// The id is well-formed, but there is nothing to read: the shard is missing, or its stream.
    #[error("Shard {shard} in stream {} does not exist", .key.under_account())]
    Unreadable { shard: ShardId, key: StreamKey },
}

/// Why a stream's shards were not split or merged.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReshardError {
    #[error(transparent)]
    NotFound(#[from] ShardNotFound),
    #[error(
        "Shard {shard} in stream {} has already been merged or split, and thus is not eligible for merging or splitting.",
        .key.under_account()
    )]
    Closed { shard: ShardId, key: StreamKey },
    #[error(
        "NewStartingHashKey {decimal} used in SplitShard() on shard {} in stream {} is not both greater than one plus the \
         shard's StartingHashKey {} and less than the shard's EndingHashKey {}.",
        .shard.id(), .key.under_account(), .shard.start_key.0, .shard.end_key.0
    )]
    KeyOutOfRange { decimal: String, shard: Box<Shard>, key: StreamKey },
    #[error(
        "Shards {first} and {second} in stream {} are not an adjacent pair of shards eligible for merging",
        .key.under_account()
    )]
    NotAdjacent { first: ShardId, second: ShardId, key: StreamKey },
    #[error("Target shard count or number of open shards cannot be greater than {limit}.")]
    TooManyShards { limit: i64 },
    #[error(transparent)]
    Change(#[from] ChangeError),
}

/// Why `UpdateShardCount` did not change the number of open shards.
#[derive(Debug, thiserror::Error)]
#[error("{refusal} Current open shard count: {current}, Target shard count: {target}")]
pub(crate) struct ScaleError {
    pub(crate) refusal: ScaleRefusal,
    pub(crate) current: i64,
    pub(crate) target: i64,
}

#[derive(Debug, Clone, Copy, thiserror::Error)]
pub(crate) enum ScaleRefusal {
    #[error("Target shard count or number of open shards cannot be greater than {limit}.")]
    TooMany { limit: i64 },
    #[error("UpdateShardCount cannot scale up over double your current open shard count.")]
    OverDouble,
    #[error("UpdateShardCount cannot scale down below half your current open shard count.")]
    BelowHalf,
}

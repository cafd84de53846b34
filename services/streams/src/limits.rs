//! Quotas and defaults that are not constraints of a shape.

use std::time::Duration;

/// A new stream's retention (Developer Guide, "Changing the Data Retention Period").
pub(crate) const RETENTION_HOURS_DEFAULT: u32 = 24;
/// The shortest and the longest retention (`RetentionPeriodHours`).
pub(crate) const RETENTION_HOURS_MIN: i64 = 24;
pub(crate) const RETENTION_HOURS_MAX: i64 = 8_760;
/// A new stream's largest record, key included (`UpdateMaxRecordSize`).
pub(crate) const RECORD_KIB_DEFAULT: u32 = 1024;
/// Shards that an on-demand stream starts with ("Data Stream Capacity Mode").
pub(crate) const ON_DEMAND_SHARDS: u32 = 4;
/// Most shards that an on-demand stream grows to: 200 MB/s of writing ("Quotas and Limits").
pub(crate) const ON_DEMAND_SHARDS_MAX: i64 = 200;
/// Most shards of a stream, as `UpdateShardCount` states.
pub(crate) const SHARDS_MAX: i64 = 10_000;
/// Uses of `UpdateShardCount` on a stream within 24 hours.
pub(crate) const SCALINGS_A_DAY: usize = 10;
/// Starts of a stream's encryption within 24 hours, and as many stops.
pub(crate) const ENCRYPTION_CHANGES_A_DAY: usize = 25;
/// Changes of a stream's mode within 24 hours.
pub(crate) const MODE_SWITCHES_A_DAY: usize = 2;
/// Most warm throughput of a stream: 10 GiB/s (`UpdateStreamWarmThroughput`).
pub(crate) const WARM_THROUGHPUT_MIBPS_MAX: i64 = 10_240;
/// Quotas of a new account in the larger regions ("Quotas and Limits"), told by `DescribeLimits`.
pub(crate) const ACCOUNT_SHARDS: u32 = 20_000;
pub(crate) const ON_DEMAND_STREAMS: u32 = 50;
/// Most bytes of a resource policy.
pub(crate) const POLICY_BYTES_MAX: usize = 20 << 10;
/// Consumers of a stream, with on-demand capacity and a commitment, and those of a stream that
/// may be CREATING at once (`RegisterStreamConsumer`).
pub(crate) const CONSUMERS_MAX: usize = 20;
pub(crate) const CONSUMERS_MAX_ADVANTAGE: usize = 50;
pub(crate) const CONSUMERS_CREATING_MAX: usize = 5;
/// Most consumers of one answer of `ListStreamConsumers`, and how many by default.
pub(crate) const LIST_CONSUMERS_MAX: usize = 100;
/// Records and bytes that a shard takes in a second, data and partition keys ("Quotas and Limits").
pub(crate) const SHARD_WRITE_RECORDS: u64 = 1_000;
pub(crate) const SHARD_WRITE_BYTES: u64 = 1 << 20;
/// Calls of `GetRecords` on a shard in a second, and the bytes that they give together.
pub(crate) const SHARD_READ_CALLS: u64 = 5;
pub(crate) const SHARD_READ_BYTES: u64 = 2 << 20;
/// Calls of `GetShardIterator` on a shard in a second.
pub(crate) const SHARD_ITERATORS: u64 = 5;
/// What a shard of an on-demand stream takes by the second before it is split, half of what it may.
pub(crate) const SPLIT_BYTES: u64 = 500_000;
pub(crate) const SPLIT_RECORDS: u64 = 500;
/// Number of callers and operations whose rates are counted, above which those that were not used for
/// a while are dropped.
pub(crate) const CALL_RATES_MAX: usize = 10_000;
/// The window of the limits that count by the day.
pub(crate) const DAY_MS: u64 = 24 * 3_600_000;
/// Tags of a stream or consumer (`TagResource`), and of one answer of `ListTagsForStream`.
pub(crate) const TAGS_MAX: usize = 50;
/// Most bytes of one `PutRecords`, keys included ("Quotas and Limits").
pub(crate) const PUT_RECORDS_BYTES_MAX: usize = 10 << 20;
/// Most bytes of one answer of `GetRecords`.
pub(crate) const GET_RECORDS_BYTES_MAX: usize = 10 << 20;
/// Most records of one answer of `GetRecords`.
pub(crate) const GET_RECORDS_MAX: usize = 10_000;
/// Least time between two subscriptions of one consumer to one shard (`SubscribeToShard`).
pub(crate) const SUBSCRIBE_AGAIN_MS: u64 = 5_000;
/// How long a subscription lives (`SubscribeToShard`).
pub(crate) const SUBSCRIPTION: Duration = Duration::from_secs(300);
/// Bytes that a subscription gets in a second ("Quotas and Limits").
pub(crate) const SUBSCRIPTION_BYTES: u64 = 2 << 20;
/// How long a subscription without records goes without an event.
pub(crate) const SUBSCRIPTION_IDLE: Duration = Duration::from_secs(5);
/// Most bytes of the records of one event, if it has several.
pub(crate) const EVENT_BYTES_MAX: usize = 1 << 20;
/// How long a shard iterator holds (`GetShardIterator`).
pub(crate) const ITERATOR_MS: u64 = 300_000;
/// How long a `NextToken` of `ListShards` holds.
pub(crate) const LIST_TOKEN_MS: u64 = 300_000;
/// Most shards of one answer of `ListShards`, and how many by default.
pub(crate) const LIST_SHARDS_MAX: usize = 1_000;
/// Shards in one answer of `DescribeStream`, and streams of `ListStreams`, by default.
pub(crate) const DESCRIBE_SHARDS_DEFAULT: usize = 100;
pub(crate) const LIST_STREAMS_DEFAULT: usize = 100;
/// Longest wait of a call for the place of another stream's log.
pub(crate) const OPEN_WAIT_MAX: Duration = Duration::from_secs(5);
/// Logs that may be open at once, if the configuration names no other number.
pub(crate) const OPEN_LOGS_DEFAULT: usize = 256;
/// Most idle logs that are closed at once when the system refuses a descriptor.
pub(crate) const IDLE_LOGS_CLOSED_MAX: usize = 16;
/// Least time for which a log that failed to write is left alone before it is opened again.
pub(crate) const REOPEN_AFTER_MIN: Duration = Duration::from_secs(1);
/// Most logs that one round of retention opens to learn how old their records are.
pub(crate) const RETENTION_OPENS_MAX: usize = 64;
/// Retention looks at a closed log again after this part of the retention period at the earliest.
pub(crate) const RETENTION_PARTS: u64 = 100;
/// How often busy shards of on-demand streams are looked for.
pub(crate) const GROWTH_CHECK: Duration = Duration::from_secs(60);
/// How often expired segments are looked for.
pub(crate) const RETENTION_CHECK: Duration = Duration::from_secs(60);

//! Limits of the service, each with where it comes from.

use anabranch_storage::ReadLimit;

/// Queues in all accounts and regions together.
pub(crate) const QUEUES_MAX: usize = 100_000;
/// Characters of a queue's name ("CreateQueue").
pub(crate) const QUEUE_NAME_CHARACTERS_MAX: usize = 80;
/// Tags of a queue ("TagQueue").
pub(crate) const TAGS_MAX: usize = 50;
/// Characters of a tag's key.
pub(crate) const TAG_KEY_CHARACTERS_MAX: usize = 128;
/// Characters of a tag's value.
pub(crate) const TAG_VALUE_CHARACTERS_MAX: usize = 256;
/// Queues that one ListQueues or ListDeadLetterSourceQueues answers with ("ListQueues").
pub(crate) const LIST_MAX: i64 = 1_000;

/// Longest visibility timeout, in seconds ("SetQueueAttributes").
pub(crate) const VISIBILITY_TIMEOUT_SECONDS_MAX: u64 = 43_200;
/// Longest delay, in seconds ("SetQueueAttributes").
pub(crate) const DELAY_SECONDS_MAX: u64 = 900;
/// Longest wait of a ReceiveMessage, in seconds ("ReceiveMessage").
pub(crate) const WAIT_SECONDS_MAX: u64 = 20;
/// Least time for which a queue keeps messages, in seconds ("SetQueueAttributes").
pub(crate) const RETENTION_SECONDS_MIN: u64 = 60;
/// Longest time for which a queue keeps messages, in seconds ("SetQueueAttributes").
pub(crate) const RETENTION_SECONDS_MAX: u64 = 1_209_600;
/// Least that a queue's MaximumMessageSize may be, in bytes ("SetQueueAttributes").
pub(crate) const MESSAGE_BYTES_MIN: u64 = 1_024;
/// Most that a message, or all of a batch, may have, in bytes ("SetQueueAttributes").
pub(crate) const MESSAGE_BYTES_MAX: u64 = 1 << 20;
/// Least time for which a KMS data key is used again, in seconds ("SetQueueAttributes").
pub(crate) const KEY_REUSE_SECONDS_MIN: u64 = 60;
/// Longest time for which a KMS data key is used again, in seconds ("SetQueueAttributes").
pub(crate) const KEY_REUSE_SECONDS_MAX: u64 = 86_400;
/// Most receives after which a message goes to the dead-letter queue ("SetQueueAttributes").
pub(crate) const RECEIVE_COUNT_MAX: u64 = 1_000;
/// Queues that a RedriveAllowPolicy names ("SetQueueAttributes").
pub(crate) const SOURCE_QUEUES_MAX: usize = 10;
/// Characters of a policy or another attribute of a queue; AWS's policies have 8,192 bytes.
pub(crate) const ATTRIBUTE_VALUE_BYTES_MAX: usize = 8_192;
/// Attributes of a queue, or names of them, in one request.
pub(crate) const ATTRIBUTES_MAX: usize = 100;
/// Names of attributes of messages in one ReceiveMessage.
pub(crate) const ATTRIBUTE_NAMES_MAX: usize = 100;
/// Accounts and actions that are read of an AddPermission.
pub(crate) const ACCOUNTS_READ_MAX: usize = 100;
/// Statements that AddPermission makes ("AddPermission").
pub(crate) const STATEMENTS_MAX: usize = 20;
/// Actions of one statement of AddPermission ("AddPermission").
pub(crate) const PERMITTED_ACTIONS_MAX: usize = 7;

/// Entries of a batch, and messages of one ReceiveMessage ("SendMessageBatch").
pub(crate) const BATCH_MAX: usize = 10;
/// Entries of a batch that are read, so that their number can be told.
pub(crate) const BATCH_READ_MAX: usize = 1_000;
/// Characters of a batch entry's id ("SendMessageBatchRequestEntry").
pub(crate) const BATCH_ID_CHARACTERS_MAX: usize = 80;
/// Attributes of a message ("Amazon SQS message metadata").
pub(crate) const MESSAGE_ATTRIBUTES_MAX: usize = 10;
/// Attributes of a message that are read, so that their number can be told.
pub(crate) const MESSAGE_ATTRIBUTES_READ_MAX: usize = 100;
/// Characters of a message attribute's name or type.
pub(crate) const ATTRIBUTE_NAME_CHARACTERS_MAX: usize = 256;
/// Characters of a group id, a deduplication id or a receive attempt's id ("SendMessage").
pub(crate) const ID_CHARACTERS_MAX: usize = 128;

/// Messages of a queue that are received and not deleted ("Amazon SQS message quotas").
pub(crate) const IN_FLIGHT_MAX: usize = 120_000;
/// How long a FIFO queue remembers deduplication ids and receive attempts, in milliseconds
/// ("Exactly-once processing in Amazon SQS").
pub(crate) const DEDUPLICATION_MS: u64 = 300_000;
/// Receive attempts that a FIFO queue remembers.
pub(crate) const ATTEMPTS_MAX: usize = 10_000;
/// How long a queue's name can't be used again after it was deleted, in milliseconds ("DeleteQueue").
pub(crate) const DELETED_RECENTLY_MS: u64 = 60_000;
/// How long a queue can't be purged again, in milliseconds ("PurgeQueue").
pub(crate) const PURGED_RECENTLY_MS: u64 = 60_000;

/// Message move tasks that are remembered of a queue, which is what ListMessageMoveTasks shows at
/// most ("ListMessageMoveTasks").
pub(crate) const MOVE_TASKS_MAX: usize = 10;
/// Most messages that a move task moves in a second ("StartMessageMoveTask").
pub(crate) const MOVED_PER_SECOND_MAX: u64 = 500;
/// Message move tasks that run at a time ("StartMessageMoveTask").
pub(crate) const MOVE_TASKS_RUNNING_MAX: usize = 100;

/// What one read of the log takes while it is replayed.
pub(crate) const REPLAY_READ: ReadLimit = ReadLimit { records: 16_384, bytes: 8 << 20 };
/// Bytes appended between two looks at what can be reclaimed.
pub(crate) const RECLAIM_EVERY_BYTES: u64 = 16 << 20;
/// Bytes of the log that may be garbage besides as much as there are messages.
pub(crate) const GARBAGE_BYTES_MAX: u64 = 64 << 20;
/// Messages that are copied forward at a time.
pub(crate) const COPIED_AT_A_TIME_MAX: usize = 256;
/// How long receives may be in memory only before a flush is asked for, in milliseconds.
pub(crate) const RECEIVES_UNFLUSHED_MS_MAX: u64 = 50;

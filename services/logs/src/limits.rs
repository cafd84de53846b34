//! Quotas and bounds. Those of AWS are from the service model (logs/2014-03-28), the reference of
//! PutLogEvents and the page "CloudWatch Logs quotas".

use std::time::Duration;

/// Log groups of one account and region.
pub(crate) const LOG_GROUPS_MAX: usize = 1_000_000;
/// Events of one PutLogEvents.
pub(crate) const EVENTS_MAX: usize = 10_000;
/// Bytes of one PutLogEvents: of each event its message and [`EVENT_OVERHEAD_BYTES`].
pub(crate) const BATCH_BYTES_MAX: usize = 1_048_576;
/// Bytes of one event, counted in the same way.
pub(crate) const EVENT_BYTES_MAX: usize = 1_048_576;
/// What an event counts besides its message, in bytes.
pub(crate) const EVENT_OVERHEAD_BYTES: usize = 26;
/// Time between the first and the last event of one PutLogEvents, in milliseconds: a day.
pub(crate) const BATCH_SPAN_MS_MAX: u64 = 24 * HOUR_MS;
/// Age of an event that is taken, in milliseconds: 14 days.
pub(crate) const EVENT_AGE_MS_MAX: u64 = 14 * 24 * HOUR_MS;
/// How far ahead an event may be, in milliseconds: two hours.
pub(crate) const EVENT_AHEAD_MS_MAX: u64 = 2 * HOUR_MS;
/// Events of one answer of GetLogEvents and FilterLogEvents, unless fewer are asked for.
pub(crate) const ANSWER_EVENTS_MAX: usize = 10_000;
/// Bytes of events of one answer.
pub(crate) const ANSWER_BYTES_MAX: usize = 1 << 20;
/// Groups, streams or filters of one answer, unless fewer are asked for; most that may be asked for.
pub(crate) const DESCRIBE_MAX: usize = 50;
/// Groups of one answer of ListLogGroups.
pub(crate) const LIST_MAX: usize = 1_000;
/// Tags of a log group.
pub(crate) const TAGS_MAX: usize = 50;
/// Subscription filters of a log group.
pub(crate) const SUBSCRIPTION_FILTERS_MAX: usize = 2;
/// Log streams that FilterLogEvents and StartLiveTail take by name.
pub(crate) const STREAM_NAMES_MAX: usize = 100;
/// Log groups that StartLiveTail takes.
pub(crate) const LIVE_TAIL_GROUPS_MAX: usize = 10;
/// Messages that TestMetricFilter takes.
pub(crate) const TEST_MESSAGES_MAX: usize = 50;
/// Bytes of the body of a request that carries no events.
pub(crate) const CONTROL_BODY_BYTES_MAX: usize = 1 << 20;

/// Logs of groups that are open at once, of two descriptors each; the others are opened when they
/// are used.
pub(crate) const OPEN_LOGS_MAX: usize = 32;
/// Bytes put to a group after which what is known of its streams is stored.
pub(crate) const CHECKPOINT_BYTES_MAX: u64 = 4 << 20;
/// Streams of a group that may have changed before what is known of them is stored.
pub(crate) const CHANGED_STREAMS_MAX: usize = 256;
/// Bytes of the log that one FilterLogEvents looks at; then it answers with a token.
pub(crate) const SCAN_BYTES_MAX: u64 = 64 << 20;
/// Bytes of batches that one FilterLogEvents holds; beyond that it reads them again.
pub(crate) const MERGE_BYTES_MAX: usize = 32 << 20;
/// How often expired segments are looked for: AWS deletes events within days of their expiry.
pub(crate) const RETENTION_ROUND: Duration = Duration::from_secs(12 * 3600);

/// Bytes of messages in one delivery to a subscription's destination: what becomes of them fits into
/// an asynchronous invocation.
pub(crate) const DELIVERY_BYTES_MAX: usize = 128 << 10;
/// Wait before the first retry of a delivery; it doubles with each.
pub(crate) const DELIVERY_RETRY_WAIT_MIN: Duration = Duration::from_millis(200);
/// The longest wait between retries.
pub(crate) const DELIVERY_RETRY_WAIT_MAX: Duration = Duration::from_secs(60);
/// How long a delivery is retried before it is given up ("Log group-level subscription filters").
pub(crate) const DELIVERY_RETRIES_DURATION_MAX: Duration = Duration::from_secs(24 * 3600);

/// Lines of other services that may wait for the disk; what comes beyond is lost, and counted.
pub(crate) const SINK_LINES_MAX: usize = 16_384;
/// Bytes of lines that may wait for the disk, for the same reason.
pub(crate) const SINK_BYTES_MAX: usize = 8 << 20;

/// Batches that wait for a live tail; it samples when there are more.
pub(crate) const LIVE_BATCHES_MAX: usize = 256;
/// Events of one update of a live tail ("StartLiveTail": 500 a second).
pub(crate) const LIVE_EVENTS_MAX: usize = 500;
/// How long a live tail lasts ("StartLiveTail": three hours).
pub(crate) const LIVE_TAIL_DURATION_MAX: Duration = Duration::from_secs(3 * 3600);

const HOUR_MS: u64 = 3_600_000;

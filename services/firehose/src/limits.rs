//! Quotas and bounds. Those of AWS are from the service model (firehose/2015-08-04) and the
//! page "Amazon Data Firehose quota".

use std::time::Duration;

use anabranch_storage::ReadLimit;

/// Delivery streams of one account and region.
pub(crate) const DELIVERY_STREAMS_MAX: usize = 5_000;
/// Bytes of one record before base64 (PutRecord).
pub(crate) const RECORD_BYTES_MAX: usize = 1_024_000;
/// Records of one PutRecordBatch.
pub(crate) const BATCH_RECORDS_MAX: usize = 500;
/// Bytes of all records of one PutRecordBatch.
pub(crate) const BATCH_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Bytes of the body of a request that carries no records.
pub(crate) const CONTROL_BODY_BYTES_MAX: usize = 1 << 20;
/// Characters of an object key's prefix once its expressions are evaluated.
pub(crate) const EVALUATED_PREFIX_LEN_MAX: usize = 512;
/// `SizeInMBs` of a delivery stream that says nothing of it.
pub(crate) const SIZE_IN_MBS_DEFAULT: i64 = 5;
/// `IntervalInSeconds` of a delivery stream that says nothing of it.
pub(crate) const INTERVAL_IN_SECONDS_DEFAULT: i64 = 300;
/// Names that one ListDeliveryStreams answers with unless told otherwise.
pub(crate) const LIST_LIMIT_DEFAULT: i64 = 10;

/// Objects that are put together and written at once, over all delivery streams: each may hold
/// a whole buffer in memory.
pub(crate) const DELIVERIES_RUNNING_MAX: usize = 4;
/// What one read of the log takes.
pub(crate) const READ: ReadLimit = ReadLimit { records: 4_096, bytes: 4 * 1024 * 1024 };
/// Wait before the first retry of a failed delivery; it doubles with each.
pub(crate) const RETRY_WAIT_MIN: Duration = Duration::from_millis(200);
/// The longest wait between retries.
pub(crate) const RETRY_WAIT_MAX: Duration = Duration::from_secs(30);

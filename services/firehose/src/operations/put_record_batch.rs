//! PutRecordBatch.

use anabranch_protocol::{ApiError, RequestContext};
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::put_record::Record;
use crate::constraints::Violations;
use crate::limits::{BATCH_BYTES_MAX, BATCH_RECORDS_MAX};
use crate::{Firehose, error};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct PutRecordBatchRequest {
    delivery_stream_name: Option<String>,
    records: Option<Vec<Record>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct PutRecordBatchResponse {
    failed_put_count: u64,
    encrypted: bool,
    request_responses: Vec<PutRecordBatchResponseEntry>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct PutRecordBatchResponseEntry {
    record_id: String,
}

/// Stores up to 500 records and returns only after they are durable. They are stored together,
/// so `FailedPutCount` is always zero: what fails, fails as a whole.
pub(crate) async fn put_record_batch(
    firehose: &Firehose,
    context: &RequestContext,
    request: PutRecordBatchRequest,
) -> Result<PutRecordBatchResponse, ApiError> {
    let (name, records) = checked(request)?;
    let hose = firehose.hose(context, &name)?;
    let count = records.len() as u64;
    let first = hose.put(firehose.fleet.clock.now_ms(), records).await.map_err(|error| error::log(&error))?;
    let entry = |position| PutRecordBatchResponseEntry { record_id: hose.record_id(position) };
    Ok(PutRecordBatchResponse {
        failed_put_count: 0,
        encrypted: false,
        request_responses: (first..first + count).map(entry).collect(),
    })
}

fn checked(request: PutRecordBatchRequest) -> Result<(String, Vec<Bytes>), ApiError> {
    let mut violations = Violations::default();
    let name = violations.present(request.delivery_stream_name, "deliveryStreamName");
    violations.delivery_stream_name(&name, "deliveryStreamName");
    let records = violations.present(request.records, "records");
    let count = records.len();
    let most = format!("Member must have length less than or equal to {BATCH_RECORDS_MAX}");
    violations.require(count <= BATCH_RECORDS_MAX, format_args!("{count} records"), "records", &most);
    let least = "Member must have length greater than or equal to 1";
    violations.require(count >= 1, "[]", "records", least);
    let records: Vec<Bytes> = records
        .into_iter()
        .enumerate()
        .map(|(index, record)| record.checked(&format!("records.{}.member", index + 1), &mut violations))
        .collect();
    violations.finish()?;
    if records.iter().map(Bytes::len).sum::<usize>() > BATCH_BYTES_MAX {
        return Err(error::invalid_argument("Records size exceeds 4 MB limit"));
    }
    Ok((name, records))
}

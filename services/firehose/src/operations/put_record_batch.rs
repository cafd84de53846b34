//! PutRecordBatch.

use anabranch_protocol::{ApiError, BoundedList, RequestContext, Violations};
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::put_record::Record;
use crate::error::invalid_argument;
use crate::limits::{BATCH_BYTES_MAX, BATCH_RECORDS_MAX};
use crate::registry::Registry;
use crate::shapes::{DELIVERY_STREAM_NAME, RECORDS};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct PutRecordBatchRequest {
    delivery_stream_name: Option<String>,
    records: Option<BoundedList<Record, BATCH_RECORDS_MAX>>,
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
    registry: &Registry,
    context: &RequestContext,
    request: PutRecordBatchRequest,
) -> Result<PutRecordBatchResponse, ApiError> {
    let (name, records) = checked(request)?;
    let active = registry.find(context, &name)?;
    let count = records.len() as u64;
    let first = active.put(registry.shared.clock.now_ms(), records).await?;
    let entry = |position| PutRecordBatchResponseEntry { record_id: active.record_id(position) };
    Ok(PutRecordBatchResponse {
        failed_put_count: 0,
        encrypted: false,
        request_responses: (first..first + count).map(entry).collect(),
    })
}

fn checked(request: PutRecordBatchRequest) -> Result<(String, Vec<Bytes>), ApiError> {
    let mut violations = Violations::default();
    let name = request.delivery_stream_name;
    violations.required_text("deliveryStreamName", name.as_deref(), &DELIVERY_STREAM_NAME);
    violations.required("records", request.records.as_ref());
    if let Some(records) = &request.records {
        violations.list("records", records.count(), &RECORDS);
    }
    let records: Vec<Bytes> = request
        .records
        .unwrap_or_default()
        .into_vec()
        .into_iter()
        .enumerate()
        .map(|(index, record)| record.checked(format_args!("records.{}.member", index + 1), &mut violations))
        .collect();
    violations.finish()?;
    if records.iter().map(Bytes::len).sum::<usize>() > BATCH_BYTES_MAX {
        return Err(invalid_argument("Records size exceeds 4 MB limit"));
    }
    Ok((name.unwrap_or_default(), records))
}

//! PutRecord.

use anabranch_protocol::{ApiError, Blob, RequestContext};
use serde::{Deserialize, Serialize};

use crate::constraints::Violations;
use crate::limits::RECORD_BYTES_MAX;
use crate::{Firehose, error};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct PutRecordRequest {
    delivery_stream_name: Option<String>,
    record: Option<Record>,
}

/// One record on the wire.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Record {
    pub(crate) data: Option<Blob>,
}

impl Record {
    /// The record's bytes, checked.
    pub(crate) fn checked(self, path: &str, violations: &mut Violations) -> bytes::Bytes {
        let path = format!("{path}.data");
        let data = violations.present(self.data, &path).0;
        let most = format!("Member must have length less than or equal to {RECORD_BYTES_MAX}");
        violations.require(data.len() <= RECORD_BYTES_MAX, format_args!("{} bytes", data.len()), &path, &most);
        data
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct PutRecordResponse {
    record_id: String,
    encrypted: bool,
}

/// Stores one record and returns only after it is durable.
pub(crate) async fn put_record(
    firehose: &Firehose,
    context: &RequestContext,
    request: PutRecordRequest,
) -> Result<PutRecordResponse, ApiError> {
    let mut violations = Violations::default();
    let name = violations.present(request.delivery_stream_name, "deliveryStreamName");
    violations.delivery_stream_name(&name, "deliveryStreamName");
    let data = match request.record {
        Some(record) => record.checked("record", &mut violations),
        None => violations.present(None, "record"),
    };
    violations.finish()?;
    let hose = firehose.hose(context, &name)?;
    let position = hose.put(firehose.fleet.clock.now_ms(), vec![data]).await.map_err(|error| error::log(&error))?;
    Ok(PutRecordResponse { record_id: hose.record_id(position), encrypted: false })
}

//! PutRecord.

use anabranch_protocol::{ApiError, Blob, RequestContext, Violations};
use serde::{Deserialize, Serialize};
use std::fmt::Display;

use crate::limits::RECORD_BYTES_MAX;
use crate::registry::Registry;
use crate::shapes::DELIVERY_STREAM_NAME;

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
    pub(crate) fn checked(self, path: impl Display, violations: &mut Violations) -> bytes::Bytes {
        let path = format_args!("{path}.data");
        violations.required(path, self.data.as_ref());
        let data = self.data.unwrap_or_default().0;
        violations.blob(path, data.len(), RECORD_BYTES_MAX);
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
    registry: &Registry,
    context: &RequestContext,
    request: PutRecordRequest,
) -> Result<PutRecordResponse, ApiError> {
    let mut violations = Violations::default();
    let name = request.delivery_stream_name;
    violations.required_text("deliveryStreamName", name.as_deref(), &DELIVERY_STREAM_NAME);
    violations.required("record", request.record.as_ref());
    let data = request.record.map(|record| record.checked("record", &mut violations));
    violations.finish()?;
    let (name, data) = (name.unwrap_or_default(), data.unwrap_or_default());
    let active = registry.find(context, &name)?;
    let position = active.put(registry.shared.clock.now_ms(), vec![data]).await?;
    Ok(PutRecordResponse { record_id: active.record_id(position), encrypted: false })
}

//! UpdateMaxRecordSize.

use anabranch_protocol::{RequestContext, Violations};
use serde::Deserialize;

use crate::error::Error;
use crate::service::Streams;
use crate::shapes::{MAX_RECORD_SIZE_KIB, STREAM_ARN, STREAM_ID};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct UpdateMaxRecordSizeRequest {
    #[serde(rename = "StreamARN")]
    stream_arn: Option<String>,
    stream_id: Option<String>,
    #[serde(rename = "MaxRecordSizeInKiB")]
    max_record_size_in_kib: Option<i64>,
}

/// Changes how large a record may be, key included. Records that are there already stay readable.
pub(super) fn update_max_record_size(
    streams: &Streams,
    context: &RequestContext,
    request: UpdateMaxRecordSizeRequest,
) -> Result<(), Error> {
    let mut violations = Violations::default();
    violations.text("streamARN", request.stream_arn.as_deref(), &STREAM_ARN);
    violations.text("streamId", request.stream_id.as_deref(), &STREAM_ID);
    violations.required_integer("maxRecordSizeInKiB", request.max_record_size_in_kib, &MAX_RECORD_SIZE_KIB);
    violations.finish()?;
    let stream = streams.registry.named(context, None, request.stream_arn.as_deref())?;
    let kib = request.max_record_size_in_kib.unwrap_or(MAX_RECORD_SIZE_KIB.min);
    streams.registry.change_slowly(&stream, |state, _| {
        state.record_kib_max = kib as u32;
        Ok(())
    })
}

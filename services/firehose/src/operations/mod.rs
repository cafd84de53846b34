//! The operations, in the order of the API reference.

mod create_delivery_stream;
mod delete_delivery_stream;
mod describe_delivery_stream;
mod list_delivery_streams;
mod put_record;
mod put_record_batch;

use anabranch_protocol::{ApiError, Encoding, RequestContext};
use bytes::Bytes;
use serde::Serialize;

use crate::Firehose;
use crate::error::{invalid_argument, unsupported};
use crate::limits::CONTROL_BODY_BYTES_MAX;

/// Reads the request of `operation`, performs it and writes the answer.
pub(crate) async fn call(
    firehose: &Firehose,
    context: &RequestContext,
    operation: &str,
    encoding: Encoding,
    body: &[u8],
) -> Result<Bytes, ApiError> {
    if !matches!(operation, "PutRecord" | "PutRecordBatch") && body.len() > CONTROL_BODY_BYTES_MAX {
        let most = format!("The request must be smaller than {CONTROL_BODY_BYTES_MAX} bytes");
        return Err(invalid_argument(most));
    }
    match operation {
        "CreateDeliveryStream" => {
            let request = encoding.decode(body)?;
            answer(encoding, &create_delivery_stream::create_delivery_stream(firehose, context, request).await?)
        }
        "DeleteDeliveryStream" => {
            let request = encoding.decode(body)?;
            answer(encoding, &delete_delivery_stream::delete_delivery_stream(firehose, context, request).await?)
        }
        "DescribeDeliveryStream" => {
            let request = encoding.decode(body)?;
            answer(encoding, &describe_delivery_stream::describe_delivery_stream(firehose, context, request)?)
        }
        "ListDeliveryStreams" => {
            let request = encoding.decode(body)?;
            answer(encoding, &list_delivery_streams::list_delivery_streams(firehose, context, request)?)
        }
        "PutRecord" => {
            let request = encoding.decode(body)?;
            answer(encoding, &put_record::put_record(firehose, context, request).await?)
        }
        "PutRecordBatch" => {
            let request = encoding.decode(body)?;
            answer(encoding, &put_record_batch::put_record_batch(firehose, context, request).await?)
        }
        "UpdateDestination"
        | "StartDeliveryStreamEncryption"
        | "StopDeliveryStreamEncryption"
        | "TagDeliveryStream"
        | "UntagDeliveryStream"
        | "ListTagsForDeliveryStream" => Err(unsupported(operation)),
        _ => Err(ApiError::unknown_operation(operation)),
    }
}

fn answer<T: Serialize>(encoding: Encoding, response: &T) -> Result<Bytes, ApiError> {
    encoding.encode(response).map(Bytes::from)
}

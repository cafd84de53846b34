//! The delivery stream as a [`Sink`]: `PutRecordBatch` of newline-terminated JSON.

use crate::put::{PutError, Record, Sink};
use aws_sdk_firehose::Client;
use aws_sdk_firehose::error::{DisplayErrorContext, SdkError};
use aws_sdk_firehose::operation::put_record_batch::PutRecordBatchError;
use aws_sdk_firehose::primitives::Blob;
use aws_sdk_firehose::types::Record as DeliveryRecord;

/// Puts to one Firehose delivery stream.
pub struct FirehoseSink {
    client: Client,
    delivery_stream_name: String,
}

impl FirehoseSink {
    /// A sink for the delivery stream with that name.
    #[must_use]
    pub fn new(client: Client, delivery_stream_name: String) -> Self {
        Self { client, delivery_stream_name }
    }
}

impl Sink for FirehoseSink {
    async fn put(&self, records: &[&Record]) -> Result<Vec<Option<String>>, PutError> {
        // Firehose joins records without a separator, so each brings its own newline.
        let lines = records
            .iter()
            .map(|record| {
                let line = [record.data.as_ref(), b"\n"].concat();
                DeliveryRecord::builder().data(Blob::new(line)).build()
            })
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| PutError::Refused(error.to_string()))?;
        let call = self.client.put_record_batch().delivery_stream_name(&self.delivery_stream_name);
        let output = call.set_records(Some(lines)).send().await.map_err(|error| put_error(&error))?;
        Ok(output.request_responses.into_iter().map(|result| result.error_code).collect())
    }
}

fn put_error(error: &SdkError<PutRecordBatchError>) -> PutError {
    let text = DisplayErrorContext(error).to_string();
    match error.as_service_error() {
        Some(cause) if cause.is_service_unavailable_exception() => PutError::Unavailable(text),
        Some(_) if error.raw_response().is_some_and(|response| response.status().as_u16() < 500) => {
            PutError::Refused(text)
        }
        _ => PutError::Unavailable(text),
    }
}

//! The data stream as a [`Sink`]: `PutRecords`.

use crate::put::{PutError, Record, Sink};
use aws_sdk_kinesis::Client;
use aws_sdk_kinesis::error::{DisplayErrorContext, SdkError};
use aws_sdk_kinesis::operation::put_records::PutRecordsError;
use aws_sdk_kinesis::primitives::Blob;
use aws_sdk_kinesis::types::PutRecordsRequestEntry;

/// Puts to one Kinesis data stream.
pub struct KinesisSink {
    client: Client,
    stream_name: String,
}

impl KinesisSink {
    /// A sink for the stream with that name.
    #[must_use]
    pub fn new(client: Client, stream_name: String) -> Self {
        Self { client, stream_name }
    }
}

impl Sink for KinesisSink {
    async fn put(&self, records: &[&Record]) -> Result<Vec<Option<String>>, PutError> {
        let entries = records
            .iter()
            .map(|record| {
                PutRecordsRequestEntry::builder()
                    .partition_key(&record.partition_key)
                    .data(Blob::new(record.data.as_ref()))
                    .build()
            })
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| PutError::Refused(error.to_string()))?;
        let call = self.client.put_records().stream_name(&self.stream_name).set_records(Some(entries));
        let output = call.send().await.map_err(|error| put_error(&error))?;
        Ok(output.records.into_iter().map(|result| result.error_code).collect())
    }
}

fn put_error(error: &SdkError<PutRecordsError>) -> PutError {
    let text = DisplayErrorContext(error).to_string();
    match error.as_service_error() {
        Some(cause) if cause.is_provisioned_throughput_exceeded_exception() || cause.is_kms_throttling_exception() => {
            PutError::Unavailable(text)
        }
        Some(_) if error.raw_response().is_some_and(|response| response.status().as_u16() < 500) => {
            PutError::Refused(text)
        }
        _ => PutError::Unavailable(text),
    }
}

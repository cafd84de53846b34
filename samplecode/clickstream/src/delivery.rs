//! Lines put straight to the delivery stream, as by an app that does not know the API.

use crate::place::{Clients, Place};
use aws_sdk_firehose::error::DisplayErrorContext;
use aws_sdk_firehose::primitives::Blob;
use aws_sdk_firehose::types::Record;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// The most records in one `PutRecordBatch`.
const BATCH_RECORDS_MAX: usize = 500;
/// How long a batch is retried.
const RETRY_TIME: Duration = Duration::from_secs(60);
/// Pause before each retry.
const PAUSE: Duration = Duration::from_millis(500);

/// Lines could not be put.
#[derive(Debug, thiserror::Error)]
#[error("delivery stream {stream}: {reason}")]
pub(crate) struct DeliveryError {
    stream: String,
    reason: String,
}

/// Puts lines, each with a newline, until all are accepted.
///
/// # Errors
/// [`DeliveryError`] when some were not accepted within [`RETRY_TIME`].
pub(crate) async fn put_lines(clients: &Clients, place: &Place, lines: &[Vec<u8>]) -> Result<(), DeliveryError> {
    for batch in lines.chunks(BATCH_RECORDS_MAX) {
        let mut left: Vec<&Vec<u8>> = batch.iter().collect();
        let deadline = Instant::now() + RETRY_TIME;
        loop {
            let reason = match put_once(clients, place, &left).await {
                Ok(failed) if failed.is_empty() => break,
                Ok(failed) => {
                    left = failed.iter().filter_map(|&index| left.get(index).copied()).collect();
                    format!("{} lines were not accepted", left.len())
                }
                Err(reason) => reason,
            };
            if Instant::now() >= deadline {
                return Err(DeliveryError { stream: place.delivery_stream.clone(), reason });
            }
            sleep(PAUSE).await;
        }
    }
    Ok(())
}

/// Returns the places of the lines that were not accepted.
async fn put_once(clients: &Clients, place: &Place, lines: &[&Vec<u8>]) -> Result<Vec<usize>, String> {
    let record = |line: &&Vec<u8>| Record::builder().data(Blob::new([line, &b"\n"[..]].concat())).build();
    let records = lines.iter().map(record).collect::<Result<Vec<_>, _>>().map_err(|error| error.to_string())?;
    let call = clients.firehose.put_record_batch().delivery_stream_name(&place.delivery_stream);
    let output = call.set_records(Some(records)).send().await;
    let output = output.map_err(|error| DisplayErrorContext(error).to_string())?;
    let results = output.request_responses().iter().enumerate();
    Ok(results.filter(|(_, result)| result.error_code().is_some()).map(|(index, _)| index).collect())
}

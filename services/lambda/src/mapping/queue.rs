//! Mappings of queues: messages are received, invoked in batches, and deleted once they are done.
//! What fails is given back to the queue, whose affair its retries and its dead letters are.

use std::sync::Arc;
use std::time::Duration;

use anabranch_ports::PortError;
use anabranch_protocol::Clipped;

use super::context::Context;
use super::payload::{self, EventRecord};
use super::response::{self, BatchResponse};
use super::sources::QueueReader;

/// By what the one task of a queue is known among failing.
const QUEUE: &str = "";

/// A message that waits to be invoked.
struct Pending {
    record: EventRecord,
    receipt: String,
}

/// Runs the mapping until it is stopped.
pub(crate) async fn run(context: Arc<Context>) {
    let mut failures = 0;
    while !context.is_stopped() {
        match round(&context).await {
            Ok(true) => failures = 0,
            Ok(false) => {
                failures += 1;
                context.stopped_during(context.backoff.after(failures)).await;
            }
            Err(error) => {
                failures += 1;
                context.source_failed(QUEUE, &error);
                context.stopped_during(context.backoff.after(failures)).await;
            }
        }
    }
}

/// Collects a batch and invokes it. False when the function did not take it all.
async fn round(context: &Context) -> Result<bool, PortError> {
    let queue = context.queue().await?;
    let mut pending = collect(context, &*queue).await?;
    context.stat.failing.succeeded(QUEUE);
    let mut all_done = true;
    while !pending.is_empty() {
        if context.is_stopped() {
            let receipts: Vec<String> = pending.into_iter().map(|message| message.receipt).collect();
            queue.release(&receipts).await?;
            return Ok(true);
        }
        let rest =
            pending.split_off(payload::fitting(pending.iter().map(|message| &message.record)).min(pending.len()));
        all_done &= invoke(context, &*queue, pending).await?;
        pending = rest;
    }
    Ok(all_done)
}

/// Receives until a batch is full, or the window that began with the first message is over.
async fn collect(context: &Context, queue: &dyn QueueReader) -> Result<Vec<Pending>, PortError> {
    let window = Duration::from_secs(context.settings.batching_window_seconds.into());
    let messages_max = context.settings.batch_size as usize;
    let mut pending: Vec<Pending> = Vec::new();
    let mut window_end = None;
    while pending.len() < messages_max {
        let ended = async {
            match window_end {
                Some(end) => context.clock.sleep_until(end).await,
                None => std::future::pending().await,
            }
        };
        let messages = tokio::select! {
            received = queue.receive(messages_max - pending.len()) => received?,
            () = ended => break,
            () = context.stopped() => break,
        };
        let mut filtered_out = Vec::new();
        for message in messages {
            if context.passes(&*message.record) {
                pending.push(Pending { record: EventRecord::new(&*message.record), receipt: message.receipt });
            } else {
                filtered_out.push(message.receipt);
            }
        }
        if !filtered_out.is_empty() {
            // Nobody else is to get them, either.
            queue.delete(&filtered_out).await?;
            context.stat.filtered_out(filtered_out.len());
        }
        if window_end.is_none() && !pending.is_empty() {
            window_end = Some(context.clock.instant() + window);
        }
        if window_end.is_some_and(|end| end <= context.clock.instant()) {
            break;
        }
    }
    Ok(pending)
}

/// Invokes the function with `batch`, deletes what it did and gives back what it did not.
async fn invoke(context: &Context, queue: &dyn QueueReader, batch: Vec<Pending>) -> Result<bool, PortError> {
    let (records, mut done): (Vec<EventRecord>, Vec<String>) =
        batch.into_iter().map(|message| (message.record, message.receipt)).unzip();
    let oldest_ms = records.iter().map(|record| record.arrival_ms).min().unwrap_or_default();
    context.stat.waits_since(QUEUE, Some(oldest_ms));
    context.stat.invoked();
    let outcome = context.invoker.invoke(&context.function, payload::payload(records.iter())).await;
    let failed: Vec<usize> = match outcome {
        Err(error) => {
            context.stuck(QUEUE, format!("the function could not be invoked: {error}"));
            queue.release(&done).await?;
            return Ok(false);
        }
        Ok(outcome) => {
            let response = match outcome.function_error {
                Some(_) => BatchResponse::Invalid(String::from_utf8_lossy(&outcome.payload).into_owned()),
                None if context.settings.reports_item_failures => response::read(&outcome.payload, &records),
                None => BatchResponse::Success,
            };
            match response {
                BatchResponse::Success => Vec::new(),
                BatchResponse::Failed(indices) => indices,
                BatchResponse::Invalid(reason) => {
                    tracing::warn!(mapping = %context.uuid, records = records.len(), reason = %Clipped(&reason),
                        "the function failed its batch");
                    (0..records.len()).collect()
                }
            }
        }
    };
    let mut given_back = Vec::with_capacity(failed.len());
    for index in failed.into_iter().rev() {
        given_back.push(done.swap_remove(index));
    }
    if given_back.is_empty() {
        context.stat.succeeded(done.len());
    } else {
        context.stat.partially_succeeded(done.len());
        context.stat.function_failed();
        queue.release(&given_back).await?;
    }
    if !done.is_empty() {
        queue.delete(&done).await?;
    }
    context.stat.waits_since(QUEUE, None);
    Ok(given_back.is_empty())
}

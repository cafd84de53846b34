//! Mappings of queues: messages are received, invoked in batches, and deleted once they are done.
//! What fails is left to the queue: it comes again after its visibility timeout, and the queue knows
//! how often, and where its dead letters go.

use std::sync::Arc;
use std::time::Duration;

use anabranch_ports::PortError;
use anabranch_protocol::{Clipped, ServiceInstant};
use tokio::task::JoinSet;

use super::context::Context;
use super::payload::{self, EventRecord};
use super::response::{self, BatchResponse};
use super::sources::{Message, QueueReader, SourceRecord};
use crate::invoke::{InvokeOutcome, PAYLOAD_BYTES_MAX};

/// By what the one task of a queue is known among failing.
const QUEUE: &str = "";
/// Batches of a queue that are invoked at once, to begin with.
const CONCURRENCY_DEFAULT: usize = 5;
/// Batches that are, once the queue has been full for long.
const CONCURRENCY_MAX: usize = 1_250;
/// While all are busy and messages wait, this often one more is allowed: 300 a minute.
const CONCURRENCY_GROWTH: Duration = Duration::from_millis(200);

/// A message that waits to be invoked.
struct Pending {
    record: EventRecord,
    receipt: String,
    /// When it was received.
    since: ServiceInstant,
}

/// Runs the mapping until it is stopped.
pub(crate) async fn run(context: Arc<Context>) {
    let most = context.settings.queue.as_ref().and_then(|queue| queue.concurrency_max);
    let most = most.map_or(CONCURRENCY_MAX, |most| most as usize);
    let start = CONCURRENCY_DEFAULT.min(most);
    let mut runner = Runner {
        pending: Vec::new(),
        bytes: 0,
        due: None,
        running: JoinSet::new(),
        start,
        limit: start,
        most,
        context,
    };
    let mut failures = 0;
    while !runner.context.is_stopped() {
        match runner.step().await {
            Ok(()) => failures = 0,
            Err(error) => {
                failures += 1;
                runner.context.source_failed(QUEUE, &error);
                runner.context.stopped_during(runner.context.backoff.after(failures)).await;
            }
        }
    }
    runner.stop().await;
}

struct Runner {
    context: Arc<Context>,
    /// Of a batch at most.
    pending: Vec<Pending>,
    /// Bytes of the payload that the pending ones make.
    bytes: usize,
    /// When the window ends that began with the first pending message.
    due: Option<ServiceInstant>,
    /// Batches that are invoked.
    running: JoinSet<()>,
    start: usize,
    /// As many of them as may be now.
    limit: usize,
    most: usize,
}

impl Runner {
    /// Begins a batch that is due, or waits for what comes first: messages, the end of the window, the
    /// end of a batch.
    async fn step(&mut self) -> Result<(), PortError> {
        let queue = self.context.queue().await?;
        let is_due = self.is_due();
        if is_due && self.running.len() < self.limit {
            self.begin(&queue);
            return Ok(());
        }
        let room = self.context.settings.batch_size as usize - self.pending.len();
        let (due, may_grow) = (self.due, is_due && self.limit < self.most);
        let clock = self.context.clock.clone();
        let window = async {
            match due {
                Some(due) => clock.sleep_until(due).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            Some(ended) = self.running.join_next(), if !self.running.is_empty() => {
                if let Err(error) = ended {
                    // A bug of ours; the messages come again.
                    tracing::error!(mapping = %self.context.uuid, %error, "a batch of a queue ended unexpectedly");
                }
                if self.running.is_empty() {
                    self.limit = self.start;
                }
            }
            received = queue.receive(room), if !is_due => self.add(&queue, received?).await?,
            () = window, if !is_due => {}
            () = clock.sleep(CONCURRENCY_GROWTH), if may_grow => self.limit += 1,
            () = self.context.stopped() => {}
        }
        Ok(())
    }

    fn is_due(&self) -> bool {
        let is_full = self.pending.len() >= self.context.settings.batch_size as usize || self.bytes > PAYLOAD_BYTES_MAX;
        is_full || self.due.is_some_and(|due| due <= self.context.clock.instant())
    }

    /// Adds messages that a filter lets through. Nobody else is to get the others, either.
    async fn add(&mut self, queue: &Arc<dyn QueueReader>, messages: Vec<Message>) -> Result<(), PortError> {
        self.context.stat.failing.succeeded(QUEUE);
        let passing = |message: &Message| self.context.passes(&*message.record);
        let (passed, filtered_out): (Vec<Message>, Vec<Message>) = messages.into_iter().partition(passing);
        let since = self.context.clock.instant();
        let records = EventRecord::of_all(passed.iter().map(|message| -> &dyn SourceRecord { &*message.record }));
        self.bytes += records.iter().map(EventRecord::payload_bytes).sum::<usize>();
        let receipts = passed.into_iter().map(|message| message.receipt);
        self.pending.extend(records.into_iter().zip(receipts).map(|(record, receipt)| Pending {
            record,
            receipt,
            since,
        }));
        if self.due.is_none() && !self.pending.is_empty() {
            let window = Duration::from_secs(self.context.settings.batching_window_seconds.into());
            self.due = Some(since + window);
        }
        if !filtered_out.is_empty() {
            let receipts: Vec<String> = filtered_out.into_iter().map(|message| message.receipt).collect();
            queue.delete(&receipts).await?;
            self.context.stat.filtered_out(receipts.len());
        }
        Ok(())
    }

    /// Begins to invoke what fits one payload.
    fn begin(&mut self, queue: &Arc<dyn QueueReader>) {
        let count = payload::fitting(self.pending.iter().map(|message| &message.record), 0).min(self.pending.len());
        let rest = self.pending.split_off(count);
        let batch = std::mem::replace(&mut self.pending, rest);
        self.bytes = self.pending.iter().map(|message| message.record.payload_bytes()).sum();
        if self.pending.is_empty() {
            self.due = None;
        }
        if batch.is_empty() {
            return;
        }
        let (context, queue) = (self.context.clone(), queue.clone());
        self.running.spawn(async move {
            let batch = Batch { context: &context, queue: &*queue, messages: batch };
            if let Err(error) = batch.run().await {
                context.source_failed(QUEUE, &error);
            }
        });
    }

    /// Gives back what was not invoked, and waits for what is.
    async fn stop(mut self) {
        let receipts: Vec<String> = self.pending.into_iter().map(|message| message.receipt).collect();
        if !receipts.is_empty()
            && let Ok(queue) = self.context.queue().await
            && let Err(error) = queue.release(&receipts).await
        {
            tracing::debug!(mapping = %self.context.uuid, %error, "messages come again once their visibility timeout is over");
        }
        while self.running.join_next().await.is_some() {}
    }
}

struct Batch<'a> {
    context: &'a Context,
    queue: &'a dyn QueueReader,
    messages: Vec<Pending>,
}

impl Batch<'_> {
    /// Invokes the function and deletes what it did.
    async fn run(self) -> Result<(), PortError> {
        let oldest_ms = self.messages.iter().map(|message| message.record.arrival_ms).min();
        self.context.stat.waits_since(QUEUE, oldest_ms);
        let Some(outcome) = self.outcome().await else { return self.release().await };
        if outcome.function_error.is_some() && self.context.is_stopped() {
            // Its process may have been killed because we are stopping, which is no failure of its own.
            return self.release().await;
        }
        let failed = self.failed(&outcome);
        let mut receipts = Vec::with_capacity(self.messages.len());
        for (message, failed) in self.messages.into_iter().zip(&failed) {
            if !failed {
                receipts.push(message.receipt);
            }
        }
        if failed.contains(&true) {
            self.context.stat.partially_succeeded(receipts.len());
            self.context.stat.function_failed();
        } else {
            self.context.stat.succeeded(receipts.len());
        }
        self.context.stat.waits_since(QUEUE, None);
        if receipts.is_empty() { Ok(()) } else { self.queue.delete(&receipts).await }
    }

    /// What the function came to. A function that is throttled is tried again for as long as nobody
    /// else gets the messages: `None` once that is over, or the mapping is stopped.
    async fn outcome(&self) -> Option<InvokeOutcome> {
        let received = self.messages.iter().map(|message| message.since).min()?;
        let deadline = received + self.queue.visibility_timeout();
        let mut failures = 0;
        loop {
            let payload = payload::payload(self.messages.iter().map(|message| &message.record), "");
            self.context.stat.invoked();
            let error = match self.context.invoker.invoke(&self.context.function, payload).await {
                Ok(outcome) => {
                    self.context.stat.failing.succeeded(QUEUE);
                    return Some(outcome);
                }
                Err(error) => error,
            };
            failures += 1;
            self.context.stuck(QUEUE, format!("the function could not be invoked: {error}"));
            let pause = self.context.backoff.after(failures);
            let is_over = self.context.clock.instant() + pause >= deadline;
            if is_over || self.context.stopped_during(pause).await {
                return None;
            }
        }
    }

    /// Gives the messages back untried, if that is worth it: otherwise they come by themselves.
    async fn release(self) -> Result<(), PortError> {
        self.context.stat.waits_since(QUEUE, None);
        if !self.context.is_stopped() {
            return Ok(());
        }
        let receipts: Vec<String> = self.messages.into_iter().map(|message| message.receipt).collect();
        self.queue.release(&receipts).await
    }

    /// Which messages are not done. In a message group those behind one that failed are not, either.
    fn failed(&self, outcome: &InvokeOutcome) -> Vec<bool> {
        let records: Vec<EventRecord> = self.messages.iter().map(|message| message.record.clone()).collect();
        let response = match outcome.function_error {
            Some(_) => BatchResponse::Invalid(String::from_utf8_lossy(&outcome.payload).into_owned()),
            None if self.context.settings.reports_item_failures => response::read(&outcome.payload, &records),
            None => BatchResponse::Success,
        };
        let mut failed = vec![false; records.len()];
        match response {
            BatchResponse::Success => {}
            BatchResponse::Failed(indices) => indices.iter().for_each(|index| failed[*index] = true),
            BatchResponse::Invalid(reason) => {
                tracing::warn!(mapping = %self.context.uuid, records = records.len(), reason = %Clipped(&reason),
                    "the function failed its batch");
                failed.fill(true);
            }
        }
        if self.queue.is_fifo() {
            let mut groups = Vec::new();
            for (record, failed) in records.iter().zip(&mut failed) {
                *failed |= groups.contains(&record.ordering);
                if *failed {
                    groups.push(record.ordering);
                }
            }
        }
        failed
    }
}

//! One batch, from its first invocation until every record is done or given up.

use anabranch_protocol::Clipped;

use super::bisect::{Part, Parts, Reaction, Rules};
use super::discarded::{Condition, Discarded};
use super::window::{TumblingWindow, Turn};
use crate::invoke::InvokeOutcome;
use crate::mapping::context::Context;
use crate::mapping::payload::{self, EventRecord};
use crate::mapping::response::{self, BatchResponse};

/// How a batch ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum BatchEnd {
    /// Every record is done or durably given up.
    Complete,
    /// The mapping was stopped; what was reported as progress is done.
    Stopped,
}

/// Is told how many records, from the front, need never be invoked again (only grows), and what the
/// tumbling window came to with them.
pub(crate) type Progress<'a> = dyn FnMut(usize, Option<&TumblingWindow>) + Send + 'a;

/// Runs `records` of one shard through the function, all of the tumbling `window` if there is one.
pub(crate) async fn run(
    context: &Context,
    shard_id: &str,
    records: &[EventRecord],
    window: &mut Option<TumblingWindow>,
    progress: &mut Progress<'_>,
) -> BatchEnd {
    let settings = context.stream_settings();
    let rules = Rules { retries_max: settings.retry_limit, bisect: settings.bisects };
    let mut batch = Batch { context, shard_id, records, window, parts: Parts::new(records.len(), rules), throttles: 0 };
    while let Some(part) = batch.parts.next().cloned() {
        if context.is_stopped() || !batch.step(part).await {
            return BatchEnd::Stopped;
        }
        progress(batch.parts.next().map_or(records.len(), |part| part.range.start), batch.window.as_ref());
    }
    BatchEnd::Complete
}

/// Invokes the function for the last time in a window, with no records, until it succeeds: what a
/// window came to is never given up.
pub(super) async fn end_window(context: &Context, shard_id: &str, window: &TumblingWindow) -> BatchEnd {
    last_invocation(context, shard_id, window, Turn::Final).await
}

/// Bytes that `window` adds to the payload of a batch.
pub(super) fn members_bytes(context: &Context, shard_id: &str, window: &TumblingWindow) -> usize {
    window.members(Turn::Records, shard_id, &context.source_arn).len()
}

async fn last_invocation(context: &Context, shard_id: &str, window: &TumblingWindow, turn: Turn) -> BatchEnd {
    let payload = payload::payload([].iter(), &window.members(turn, shard_id, &context.source_arn));
    let mut failures = 0;
    loop {
        context.stat.invoked();
        match context.invoker.invoke(&context.function, payload.clone()).await {
            Ok(outcome) if outcome.function_error.is_none() => {
                context.stat.failing.succeeded(shard_id);
                context.stat.succeeded(0);
                return BatchEnd::Complete;
            }
            Ok(outcome) => {
                context.stat.function_failed();
                tracing::warn!(mapping = %context.uuid, shard_id, request_id = outcome.request_id,
                    "the function failed the last invocation of a window");
            }
            Err(error) => {
                context.stuck(shard_id, format!("the function could not be invoked: {error}"));
            }
        }
        failures += 1;
        if context.stopped_during(context.backoff.after(failures)).await {
            return BatchEnd::Stopped;
        }
    }
}

struct Batch<'a> {
    context: &'a Context,
    shard_id: &'a str,
    records: &'a [EventRecord],
    window: &'a mut Option<TumblingWindow>,
    parts: Parts,
    /// Invocations in a row that never reached the function.
    throttles: u32,
}

impl Batch<'_> {
    /// Gives up what must be, or else invokes the part. False when the mapping is stopped.
    async fn step(&mut self, part: Part) -> bool {
        let records = &self.records[part.range.clone()];
        let expired = self.expired(records);
        if expired > 0 {
            return self.give_up_front(expired, Condition::RecordAgeExceeded).await;
        }
        let (shard_id, source_arn) = (self.shard_id, &self.context.source_arn);
        let beside = self.window.as_ref().map(|window| window.members(Turn::Records, shard_id, source_arn));
        let beside = beside.unwrap_or_default();
        if records.len() == 1 && records[0].is_too_large(beside.len()) {
            tracing::error!(mapping = %self.context.uuid, sequence_number = &*records[0].identifier,
                "a record is too large for an invocation");
            return self.give_up_front(1, Condition::RetryAttemptsExhausted).await;
        }
        self.parts.invoked();
        self.context.stat.invoked();
        let payload = payload::payload(records.iter(), &beside);
        let outcome = self.context.invoker.invoke(&self.context.function, payload).await;
        match outcome {
            Ok(outcome) => {
                self.throttles = 0;
                self.context.stat.failing.succeeded(self.shard_id);
                self.concluded(part, outcome).await
            }
            Err(error) => {
                // Throttles and failures of the service use up no retries.
                self.throttles += 1;
                self.context.stuck(self.shard_id, format!("the function could not be invoked: {error}"));
                tracing::warn!(mapping = %self.context.uuid, shard_id = self.shard_id, %error, "the function could not be invoked");
                !self.context.stopped_during(self.context.backoff.after(self.throttles)).await
            }
        }
    }

    async fn concluded(&mut self, part: Part, outcome: InvokeOutcome) -> bool {
        if outcome.function_error.is_some() && self.context.is_stopped() {
            // Its process may have been killed because we are stopping: that is not a failure of the
            // function, and the records are delivered again.
            return false;
        }
        let records = &self.records[part.range.clone()];
        let reaction = match self.response(&outcome, records) {
            BatchResponse::Success => {
                self.context.stat.succeeded(records.len());
                self.parts.succeeded();
                return self.keep_state_small().await;
            }
            // In a shard's order all before the first that failed are done, and all behind it are not.
            BatchResponse::Failed(indices) => {
                let index = indices.first().copied().unwrap_or_default();
                self.context.stat.partially_succeeded(index);
                self.parts.failed_from(part.range.start + index)
            }
            BatchResponse::Invalid(reason) => {
                tracing::warn!(mapping = %self.context.uuid, shard_id = self.shard_id, records = records.len(),
                    request_id = outcome.request_id, reason = %Clipped(&reason), "the function failed its batch");
                self.parts.failed()
            }
        };
        self.context.stat.function_failed();
        if !self.keep_state_small().await {
            return false;
        }
        match reaction {
            None | Some(Reaction::Split) => true,
            Some(Reaction::Retry { retries }) => {
                !self.context.stopped_during(self.context.backoff.after(retries)).await
            }
            Some(Reaction::Discard(part)) => {
                self.give_up(&part, Condition::RetryAttemptsExhausted, Some(&outcome)).await
            }
        }
    }

    /// What the function said of the records, and, in a tumbling window, the state that it returned,
    /// which holds what it did even if some records failed.
    fn response(&mut self, outcome: &InvokeOutcome, records: &[EventRecord]) -> BatchResponse {
        if outcome.function_error.is_some() {
            return BatchResponse::Invalid(String::from_utf8_lossy(&outcome.payload).into_owned());
        }
        let response = match self.context.settings.reports_item_failures {
            true => response::read(&outcome.payload, records),
            false => BatchResponse::Success,
        };
        let did_something = match &response {
            BatchResponse::Success => true,
            BatchResponse::Failed(indices) => indices.first() > Some(&0),
            BatchResponse::Invalid(_) => false,
        };
        match self.window.as_mut().filter(|_| did_something).map(|window| window.take_state(&outcome.payload)) {
            Some(Err(reason)) => BatchResponse::Invalid(reason),
            _ => response,
        }
    }

    /// Ends the window early if its state grew too large; it goes on with an empty one. False when the
    /// mapping is stopped: then the records are not done, either.
    async fn keep_state_small(&mut self) -> bool {
        let Some(window) = self.window.as_mut().filter(|window| window.is_too_large()) else { return true };
        let end = last_invocation(self.context, self.shard_id, window, Turn::TerminatedEarly).await;
        window.forget_state();
        end == BatchEnd::Complete
    }

    async fn give_up_front(&mut self, count: usize, condition: Condition) -> bool {
        match self.parts.take_front(count) {
            Some(part) => self.give_up(&part, condition, None).await,
            None => true,
        }
    }

    async fn give_up(&self, part: &Part, condition: Condition, outcome: Option<&InvokeOutcome>) -> bool {
        let records = &self.records[part.range.clone()];
        let discarded = Discarded { records, condition, invocations: part.invocations, outcome };
        let written = discarded.send(self.context, self.shard_id).await;
        if written {
            self.context.stat.gave_up(records.len());
        }
        written
    }

    /// How many records from the front are older than `MaximumRecordAgeInSeconds`.
    fn expired(&self, records: &[EventRecord]) -> usize {
        let Some(age_max_ms) = self.context.stream_settings().record_age_max_ms() else { return 0 };
        let now_ms = self.context.clock.now_ms();
        records.iter().take_while(|record| now_ms.saturating_sub(record.arrival_ms) > age_max_ms).count()
    }
}

//! One delivery's way: to its target, to its dead-letter queue, or into the log; and what its row
//! says meanwhile.

use std::time::Duration;

use anabranch_control::Changes;
use anabranch_ports::{Delivery, PortError, PortErrorKind};
use anabranch_protocol::Clipped;

use crate::Backoff;
use crate::failure::{Exhausted, GaveUp};
use crate::key::Key;
use crate::limits::{ATTEMPT_WAIT_MAX, DEAD_LETTER_AGE_MAX, RETRY_WAIT_MAX, RETRY_WAIT_MIN, THROTTLED_TOLD_MIN};
use crate::shared::Shared;
use crate::stored::StoredDelivery;

/// Between attempts with what the outbox itself stands on.
pub(crate) const OWN_BACKOFF: Backoff = Backoff::Doubling { min: RETRY_WAIT_MIN, max: RETRY_WAIT_MAX };

/// What is to be done with a delivery after an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// Nothing: its row is gone.
    Done,
    /// Another attempt, after a wait.
    Again(Duration),
}

/// Attempts to deliver what is under `key`.
pub(crate) async fn attempt(outbox: &Shared, key: Key) -> Next {
    let row = match outbox.read(key).await {
        Ok(Some(row)) => row,
        Ok(None) => return Next::Done,
        Err(error) => {
            tracing::error!(%error, "a delivery can't be read; it is tried again");
            return Next::Again(RETRY_WAIT_MAX);
        }
    };
    let early_ms = row.due_ms.saturating_sub(outbox.clock.now_ms());
    if early_ms > 0 {
        return Next::Again(Duration::from_millis(early_ms));
    }
    if row.gave_up.is_some() {
        return dead_letter(outbox, key, row).await;
    }
    match deliver(outbox, &row.target, row.message.delivery()).await {
        Ok(()) => {
            outbox.failing.succeeded(&row.target);
            outbox.count(|counts| &counts.delivered);
            retire(outbox, key).await
        }
        Err(error) => failed(outbox, key, row, error).await,
    }
}

async fn deliver(outbox: &Shared, target: &str, delivery: Delivery) -> Result<(), PortError> {
    let late = || {
        let message = format!("no answer within {} s", ATTEMPT_WAIT_MAX.as_secs());
        PortError::new(PortErrorKind::Unavailable, "Timeout", message)
    };
    let taken = tokio::time::timeout(ATTEMPT_WAIT_MAX, outbox.targets.deliver(target, delivery)).await;
    taken.unwrap_or_else(|_| Err(late()))
}

/// The target did not take it: again later, or never.
async fn failed(outbox: &Shared, key: Key, mut row: StoredDelivery, error: PortError) -> Next {
    row.attempts = row.attempts.saturating_add(1);
    let now_ms = outbox.clock.now_ms();
    let pause = row.policy.backoff.after(row.attempts);
    let exhausted = match error.is_transient() {
        false => None,
        true if row.attempts >= row.policy.attempts_max => Some(Exhausted::MaximumRetryAttempts),
        true => {
            let age = Duration::from_millis(now_ms.saturating_sub(row.accepted_ms)).saturating_add(pause);
            if age <= row.policy.age_max {
                if is_told(&row.target, error.kind, row.attempts) {
                    outbox.failing.failed(&row.target, now_ms, &error.to_string());
                }
                tracing::debug!(target_arn = row.target, %error, attempts = row.attempts, "a delivery failed");
                return again(outbox, key, row, pause).await;
            }
            Some(Exhausted::MaximumEventAgeInSeconds)
        }
    };
    outbox.failing.succeeded(&row.target);
    if row.dead_letter.is_none() {
        return lost(outbox, key, &row, &error.to_string()).await;
    }
    row.gave_up = Some(GaveUp {
        kind: error.kind.into(),
        message: error.to_string(),
        exhausted,
        attempts: row.attempts,
        at_ms: now_ms,
        dead_letter_attempts: 0,
    });
    dead_letter(outbox, key, row).await
}

/// Whether whoever watches over this server should know of a failure: what ARNs name is served here,
/// other addresses are not, and a little throttling is as it should be.
fn is_told(target: &str, kind: PortErrorKind, attempts: u32) -> bool {
    match kind {
        PortErrorKind::Failed => true,
        PortErrorKind::Unavailable => target.starts_with("arn:"),
        PortErrorKind::Throttled => target.starts_with("arn:") && attempts >= THROTTLED_TOLD_MIN,
        PortErrorKind::NotFound | PortErrorKind::Refused => false,
    }
}

/// Hands it to the dead-letter queue.
async fn dead_letter(outbox: &Shared, key: Key, mut row: StoredDelivery) -> Next {
    let (Some(gave_up), Some(queue)) = (&mut row.gave_up, &row.dead_letter) else {
        return lost(outbox, key, &row, "it has no dead-letter queue").await;
    };
    let error = match deliver(outbox, &queue.queue_arn, queue.form.message(&row.message, gave_up)).await {
        Ok(()) => {
            outbox.failing.succeeded(&queue.queue_arn);
            outbox.count(|counts| &counts.dead_lettered);
            return retire(outbox, key).await;
        }
        Err(error) => error,
    };
    let age = Duration::from_millis(outbox.clock.now_ms().saturating_sub(gave_up.at_ms));
    if error.is_transient() && age < DEAD_LETTER_AGE_MAX {
        gave_up.dead_letter_attempts = gave_up.dead_letter_attempts.saturating_add(1);
        outbox.failing.failed(&queue.queue_arn, outbox.clock.now_ms(), &error.to_string());
        let pause = OWN_BACKOFF.after(gave_up.dead_letter_attempts);
        return again(outbox, key, row, pause).await;
    }
    outbox.failing.succeeded(&queue.queue_arn);
    let why = format!("{}; its dead-letter queue {} did not take it: {error}", gave_up.message, queue.queue_arn);
    lost(outbox, key, &row, &why).await
}

/// Gives it up for good: it is in the log, and counted.
async fn lost(outbox: &Shared, key: Key, row: &StoredDelivery, why: &str) -> Next {
    let payload = String::from_utf8_lossy(&row.message.payload.0);
    tracing::error!(target_arn = row.target, source_arn = row.message.source_arn, attempts = row.attempts, why,
        payload = %Clipped(&payload), "a delivery is given up");
    outbox.count(|counts| &counts.given_up);
    retire(outbox, key).await
}

/// Stores when it is tried again. If that fails, a restart merely tries sooner or once more.
async fn again(outbox: &Shared, key: Key, mut row: StoredDelivery, pause: Duration) -> Next {
    row.due_ms = outbox.clock.now_ms().saturating_add(u64::try_from(pause.as_millis()).unwrap_or(u64::MAX));
    let mut changes = Changes::default();
    let stored = match changes.put(outbox.table, &key.text(), &row) {
        Ok(()) => outbox.control.commit_async(changes).await,
        Err(error) => Err(error),
    };
    if let Err(error) = stored {
        tracing::warn!(%error, "the state of a delivery can't be stored");
    }
    Next::Again(pause)
}

/// Removes its row, however often that takes: until then it would be delivered again after a crash.
async fn retire(outbox: &Shared, key: Key) -> Next {
    let mut failures = 0;
    loop {
        let mut changes = Changes::default();
        changes.delete(outbox.table, &key.text());
        let Err(error) = outbox.control.commit_async(changes).await else { return Next::Done };
        failures += 1;
        tracing::warn!(%error, "a delivery that is done can't be removed; trying again");
        outbox.clock.sleep(OWN_BACKOFF.after(failures)).await;
    }
}

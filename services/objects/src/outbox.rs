//! Delivers notifications from the outbox, where they were committed with their object: in
//! order, at least once, over restarts.

use std::sync::{Arc, Weak};
use std::time::Duration;

use anabranch_ports::{Delivery, PortError, Target};
use tokio::sync::{Notify, watch};

use crate::commit::Transaction;
use crate::index::{Entry, OUTBOX};
use crate::locks::Scope;
use crate::store::Objects;

/// Notifications read from the outbox at a time.
const BATCH_MAX: usize = 64;
/// Wait after the first failed delivery of a notification; it doubles with each.
const RETRY_MIN: Duration = Duration::from_millis(200);
/// Longest wait between two attempts to deliver a notification.
const RETRY_MAX: Duration = Duration::from_secs(30);

/// Delivers until `stop`. Sleeps while the outbox is empty.
pub(crate) async fn run(
    objects: Weak<Objects>,
    target: Arc<dyn Target>,
    filled: Arc<Notify>,
    mut stop: watch::Receiver<bool>,
) {
    loop {
        let pending = match objects.upgrade() {
            Some(objects) => {
                objects.blocking(|objects| objects.index.scan_from::<Entry>(OUTBOX, "", "", BATCH_MAX)).await
            }
            None => return,
        };
        let entries = pending.unwrap_or_else(|error| {
            tracing::error!(%error, "reading the outbox of notifications");
            Vec::new()
        });
        if entries.is_empty() {
            tokio::select! {
                _ = stop.changed() => return,
                () = filled.notified() => continue,
            }
        }
        for (key, entry) in entries {
            if !deliver(&objects, &*target, &key, &entry, &mut stop).await {
                return;
            }
        }
    }
}

/// Delivers one entry, however often it takes. False once the service stops.
async fn deliver(
    objects: &Weak<Objects>,
    target: &dyn Target,
    key: &str,
    entry: &Entry,
    stop: &mut watch::Receiver<bool>,
) -> bool {
    let Some(clock) = objects.upgrade().map(|objects| objects.clock.clone()) else { return false };
    let mut delay = RETRY_MIN;
    let mut is_delivered = false;
    loop {
        let outcome = match is_delivered {
            true => Ok(()),
            false => hand_over(target, entry).await.map_err(|error| error.to_string()),
        };
        is_delivered = outcome.is_ok();
        let removed = match outcome {
            Err(error) => Err(error),
            Ok(()) => {
                let Some(objects) = objects.upgrade() else { return false };
                remove(&objects, key).await.map_err(|error| error.to_string())
            }
        };
        let Err(failure) = removed else { return true };
        if let Some(objects) = objects.upgrade() {
            objects.health.stuck(objects.clock.now_ms(), &format!("{}: {failure}", entry.target_arn));
        }
        tracing::warn!(
            target_arn = entry.target_arn,
            failure,
            "a notification could not be delivered; it is tried again"
        );
        tokio::select! {
            _ = stop.changed() => return false,
            () = clock.sleep(delay) => {}
        }
        delay = (delay * 2).min(RETRY_MAX);
    }
}

/// Hands an event to its target. Events are delivered in order: one that can never arrive must not
/// stop the rest, so it is given up.
async fn hand_over(target: &dyn Target, entry: &Entry) -> Result<(), PortError> {
    let (target_arn, event) = (&entry.target_arn, &entry.event);
    match target.deliver(target_arn, Delivery::new(event.to_string())).await {
        Err(error) if !error.is_transient() => {
            tracing::error!(target_arn, %error, %event, "a notification is given up: its target does not take it");
            Ok(())
        }
        outcome => outcome,
    }
}

/// Removes an entry that was delivered.
async fn remove(objects: &Objects, key: &str) -> s3s::S3Result<()> {
    let key = key.to_string();
    let removal = move |change: &mut Transaction<'_>| {
        change.rows().delete(OUTBOX, &key);
        Ok(())
    };
    objects.change(Scope::default(), removal).await?;
    objects.health.delivered();
    Ok(())
}

//! Expiry of items by a table's time-to-live attribute. DynamoDB promises "within a few days";
//! here it is within about ten minutes.

use std::path::Path;
use std::sync::{Arc, Weak};
use std::time::Duration;

use anabranch_protocol::{ApiError, Clock, SystemClock};
use dynoxide::DynoxideError;
use dynoxide::storage::Storage;
use dynoxide::ttl::sweep_expired_items;
use tokio::sync::Notify;

use crate::changes::Touched;
use crate::databases::Databases;
use crate::engine::Effect;
use crate::owner::Owner;

/// Time between two sweeps while some table expires items. A sweep reads every item of such
/// tables, so it is rare enough not to show on an idle machine.
const SWEEP_INTERVAL: Duration = Duration::from_secs(600);

/// Sweeps for as long as the databases exist; sleeps while no table has a time to live.
pub(crate) async fn run(databases: Weak<Databases>, changed: Arc<Notify>, clock: Arc<dyn Clock>) {
    loop {
        let Some(open) = databases.upgrade() else { return };
        let mut expiring = false;
        for owner in open.owners() {
            expiring |= sweep(&open, &owner, &clock).await.unwrap_or_else(|error| {
                tracing::warn!(%error, "expired items could not be deleted; they are tried again");
                true
            });
        }
        drop(open);
        let next_sweep = async {
            if expiring {
                clock.sleep(SWEEP_INTERVAL).await;
            } else {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            () = next_sweep => {}
            () = changed.notified() => {}
        }
    }
}

/// Deletes what has expired of `owner`'s and tells whether any of its tables expires items.
async fn sweep(databases: &Databases, owner: &Owner, clock: &Arc<dyn Clock>) -> Result<bool, ApiError> {
    let (engine, effect) = databases.of(owner, Effect::Writes).await?;
    let expiring = engine.run(Effect::Reads, |database| {
        let tables = database.database_info()?.tables;
        Ok(tables.iter().any(|table| table.metadata.as_ref().is_some_and(|table| table.ttl_enabled)))
    });
    if !expiring.await? {
        return Ok(false);
    }
    let deleted = if is_machine_time(&**clock) {
        engine.run(effect, |database| Ok(database.sweep_ttl()?)).await?
    } else {
        let clock = EngineClock(clock.clone());
        engine.run_alone(move |path| Ok(delete_expired(path, clock)?)).await?
    };
    if deleted > 0 {
        databases.changes.written(owner, &Touched::Any);
        tracing::debug!(deleted, "expired items deleted");
    }
    Ok(true)
}

/// Whether `clock` tells the machine's time, by which the engine judges: to the second, as times to live are.
fn is_machine_time(clock: &dyn Clock) -> bool {
    clock.now_ms().abs_diff(SystemClock.now_ms()) < 1_000
}

/// Deletes what has expired by another time than the machine's. The engine takes a clock only with a
/// connection of one's own, and there it deletes what it read before: nobody may write meanwhile, or
/// an item that was given a longer life would be lost.
fn delete_expired(path: &Path, clock: EngineClock) -> Result<usize, DynoxideError> {
    let storage = Storage::new(&path.to_string_lossy())?.with_clock(Arc::new(clock));
    // As for the engine's own connection: the caller flushes.
    storage.disable_bulk_loading()?;
    pollster::block_on(sweep_expired_items(&storage))
}

/// Our clock, as the engine reads it.
struct EngineClock(Arc<dyn Clock>);

impl dynoxide::storage_backend::Clock for EngineClock {
    fn now_unix_secs(&self) -> u64 {
        self.0.now_ms() / 1_000
    }

    fn now_unix_secs_f64(&self) -> f64 {
        self.0.now_ms() as f64 / 1_000.0
    }
}

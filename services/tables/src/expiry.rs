//! Expiry of items by a table's time-to-live attribute. DynamoDB promises "within a few days";
//! here it is within about ten minutes. Judged by the machine's clock, which the engine reads.

use std::sync::{Arc, Weak};
use std::time::Duration;

use anabranch_protocol::ApiError;
use tokio::sync::Notify;

use crate::databases::{Databases, Owner};
use crate::engine::Effect;

/// Time between two sweeps while some table expires items. A sweep reads every item of such
/// tables, so it is rare enough not to show on an idle machine.
const SWEEP_INTERVAL: Duration = Duration::from_secs(600);

/// Sweeps for as long as the databases exist; sleeps while no table has a time to live.
pub(crate) async fn run(databases: Weak<Databases>, changed: Arc<Notify>) {
    loop {
        let Some(open) = databases.upgrade() else { return };
        let mut expiring = false;
        for owner in open.owners() {
            expiring |= sweep(&open, &owner).await.unwrap_or_else(|error| {
                tracing::warn!(%error, "expired items could not be deleted; they are tried again");
                true
            });
        }
        drop(open);
        let next_sweep = async {
            if expiring {
                tokio::time::sleep(SWEEP_INTERVAL).await;
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
async fn sweep(databases: &Databases, owner: &Owner) -> Result<bool, ApiError> {
    let (engine, effect) = databases.of(owner, Effect::Writes).await?;
    let swept = engine.run(effect, |database| {
        let tables = database.database_info()?.tables;
        let expiring = tables.iter().any(|table| table.metadata.as_ref().is_some_and(|table| table.ttl_enabled));
        let deleted = if expiring { database.sweep_ttl()? } else { 0 };
        Ok((expiring, deleted))
    });
    let (expiring, deleted) = swept.await?;
    if deleted > 0 {
        tracing::debug!(deleted, "expired items deleted");
    }
    Ok(expiring)
}

//! Expiry of items by a table's time-to-live attribute. DynamoDB promises "within a few days";
//! here it is within about ten minutes. Judged by the machine's clock, which the engine reads.

use std::sync::Weak;
use std::time::Duration;

use crate::Tables;
use crate::operations::Effect;

/// Time between two sweeps while some table expires items. A sweep reads every item of such
/// tables, so it is rare enough not to show on an idle machine.
const SWEEP_INTERVAL: Duration = Duration::from_secs(600);

/// Sweeps for as long as the tables exist; sleeps while no table has a time to live.
pub(crate) async fn run(tables: Weak<Tables>) {
    loop {
        let Some(changed) = tables.upgrade().map(|tables| tables.expiry_changed.clone()) else { return };
        let expiring = match tables.upgrade() {
            Some(tables) => sweep(&tables).await,
            None => return,
        };
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

/// Deletes what has expired and tells whether any table expires items.
async fn sweep(tables: &Tables) -> bool {
    let swept = tables.engine.run(Effect::Writes, |database| {
        let tables = database.database_info()?.tables;
        let expiring = tables.iter().any(|table| table.metadata.as_ref().is_some_and(|table| table.ttl_enabled));
        let deleted = if expiring { database.sweep_ttl()? } else { 0 };
        Ok((expiring, deleted))
    });
    match swept.await {
        Ok((expiring, deleted)) => {
            if deleted > 0 {
                tracing::debug!(deleted, "expired items deleted");
            }
            expiring
        }
        Err(error) => {
            tracing::warn!(%error, "expired items could not be deleted; they are tried again");
            true
        }
    }
}

//! Fires schedules. One task for all of them, which sleeps until the next is to fire.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use anabranch_control::Changes;
use anabranch_delivery::{AcceptError, Outbox};
use anabranch_protocol::Clock;
use tokio::sync::watch;

use crate::limits::{FIRED_AT_ONCE_MAX, TIMER_RETRY_WAIT, TIMER_SLEEP_MAX};
use crate::plan::Firing;
use crate::registry::{Registry, delete, fired};
use crate::schedule::Schedule;

/// What the task stands on.
pub(crate) struct Timer {
    pub(crate) registry: Arc<Registry>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) outbox: Arc<Outbox>,
}

impl Timer {
    /// Runs until it is told to stop.
    pub(crate) async fn run(self, mut stopping: watch::Receiver<bool>) {
        loop {
            let pause = match self.fire().await {
                Ok(()) => self.pause(),
                Err(error) => {
                    tracing::error!(%error, "schedules can't fire; trying again");
                    Some(TIMER_RETRY_WAIT)
                }
            };
            let due = async {
                match pause {
                    Some(pause) => self.clock.sleep(pause).await,
                    None => pending().await,
                }
            };
            tokio::select! {
                _ = stopping.wait_for(|stopping| *stopping) => return,
                () = self.registry.planned.notified() => {}
                () = due => {}
            }
        }
    }

    fn pause(&self) -> Option<Duration> {
        let next_ms = self.registry.plan.lock().next_ms()?;
        Some(Duration::from_millis(next_ms.saturating_sub(self.clock.now_ms())).min(TIMER_SLEEP_MAX))
    }

    /// Fires what is to fire by now, each once; what a schedule sends is accepted in the commit that
    /// notes that it fired. Nothing changes meanwhile.
    async fn fire(&self) -> Result<(), AcceptError> {
        let now_ms = self.clock.now_ms();
        while !self.registry.plan.lock().due(now_ms, 1).is_empty() {
            let _changing = self.registry.changing().await;
            let planned = self.registry.plan.lock().due(now_ms, FIRED_AT_ONCE_MAX);
            let mut due: Vec<(Firing, Arc<Schedule>)> = Vec::with_capacity(planned.len());
            for firing in planned {
                match self.registry.by_arn(&firing.arn) {
                    Some(schedule) => due.push((firing, schedule)),
                    None => self.registry.forget(&firing.arn),
                }
            }
            let mut changes = Changes::default();
            let mut deliveries = Vec::with_capacity(due.len());
            for (firing, schedule) in &due {
                deliveries.push(schedule.settings.target.delivery(&schedule.invocation(firing.due_ms)));
                match is_over(schedule, firing, now_ms) {
                    true => delete(&mut changes, &firing.arn),
                    false => fired(&mut changes, &firing.arn, firing.due_ms)?,
                }
            }
            self.outbox.accept_with(deliveries, changes).await?;
            for (firing, schedule) in &due {
                if is_over(schedule, firing, now_ms) {
                    self.registry.forget(&firing.arn);
                    continue;
                }
                let mut plan = self.registry.plan.lock();
                match schedule.next_due(Some(firing.due_ms), now_ms) {
                    Some(due_ms) => plan.set(&firing.arn, schedule.fires_at(due_ms), due_ms),
                    None => plan.remove(&firing.arn),
                }
            }
        }
        Ok(())
    }
}

/// Whether the schedule is deleted, since it was its last time.
fn is_over(schedule: &Schedule, firing: &Firing, now_ms: u64) -> bool {
    schedule.settings.is_deleted_after_completion && schedule.next_due(Some(firing.due_ms), now_ms).is_none()
}

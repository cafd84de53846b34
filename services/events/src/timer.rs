//! Fires rules with schedules. One task for all of them, which sleeps until the next is due.

use std::collections::{BTreeSet, HashMap};
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use anabranch_control::{Changes, ControlError, ControlStore, Stored, Table};
use anabranch_delivery::{AcceptError, NewDelivery, Outbox};
use anabranch_protocol::Clock;
use anabranch_schedule::TimeZone;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::bus::Bus;
use crate::event::{Content, Event};
use crate::limits::{LATE_MS_MAX, TIMER_RETRY_WAIT, TIMER_SLEEP_MAX};
use crate::registry::Registry;
use crate::rule::Rule;

/// When rules fired last, by ARN: written with what came of it, so that a crash neither loses nor
/// repeats it.
pub(crate) const FIRED: Table = Table("events_fired");

/// The row of a rule that has fired.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct StoredFiring {
    /// When it was due, in milliseconds since the Unix epoch.
    due_ms: u64,
}

impl Stored for StoredFiring {
    const KIND: &'static str = "rule_firing";
    const VERSION: u32 = 1;
}

/// What the task stands on.
pub(crate) struct Timer {
    pub(crate) registry: Arc<Registry>,
    pub(crate) control: ControlStore,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) outbox: Arc<Outbox>,
    /// When the service started.
    pub(crate) started_ms: u64,
}

/// The rules that are to fire.
#[derive(Default)]
struct Plan {
    /// By ARN.
    rules: HashMap<String, (Arc<Bus>, Arc<Rule>)>,
    /// When each is due, with its ARN.
    due: BTreeSet<(u64, String)>,
    /// When each fired last, by ARN.
    fired: HashMap<String, u64>,
}

impl Timer {
    /// Runs until it is told to stop.
    pub(crate) async fn run(self, mut stopping: watch::Receiver<bool>) {
        let mut plan = Plan::default();
        let mut is_known = false;
        loop {
            let pause = match self.step(&mut plan, &mut is_known).await {
                Ok(pause) => pause,
                Err(error) => {
                    tracing::error!(%error, "scheduled rules can't fire; trying again");
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
                () = self.registry.schedules_changed.notified() => {}
                () = due => {}
            }
        }
    }

    /// Fires what is due; says how long to sleep.
    async fn step(&self, plan: &mut Plan, is_known: &mut bool) -> Result<Option<Duration>, AcceptError> {
        if !*is_known {
            plan.fired = self.read_fired().await?;
            *is_known = true;
        }
        self.revise(plan);
        let now_ms = self.clock.now_ms();
        self.fire(plan, now_ms).await?;
        Ok(plan
            .due
            .first()
            .map(|(due_ms, _)| Duration::from_millis(due_ms.saturating_sub(self.clock.now_ms())).min(TIMER_SLEEP_MAX)))
    }

    async fn read_fired(&self) -> Result<HashMap<String, u64>, ControlError> {
        let control = self.control.clone();
        let read = tokio::task::spawn_blocking(move || control.scan::<StoredFiring>(FIRED, ""));
        let rows = read.await.unwrap_or(Err(ControlError::Closed))?;
        Ok(rows.into_iter().map(|(arn, row)| (arn, row.due_ms)).collect())
    }

    /// Brings the plan to the rules that there are. Those that have not changed stay as they are.
    fn revise(&self, plan: &mut Plan) {
        let mut rules = HashMap::new();
        for bus in self.registry.all() {
            for rule in bus.rules.values().filter(|rule| rule.is_enabled() && rule.schedule.is_some()) {
                rules.insert(rule.settings.arn.clone(), (bus.clone(), rule.clone()));
            }
        }
        let before = std::mem::replace(&mut plan.rules, rules);
        let is_as_before = |arn: &str| match (before.get(arn), plan.rules.get(arn)) {
            (Some((_, before)), Some((_, now))) => {
                before.schedule == now.schedule && before.settings.since_ms == now.settings.since_ms
            }
            _ => false,
        };
        plan.due.retain(|(_, arn)| is_as_before(arn));
        plan.fired.retain(|arn, _| plan.rules.contains_key(arn));
        for (arn, (_, rule)) in &plan.rules {
            if !is_as_before(arn) {
                let since_ms = rule.settings.since_ms;
                let fired_ms = plan.fired.get(arn).copied().unwrap_or(0).max(since_ms);
                let now_ms = self.clock.now_ms();
                let after_ms = fired_ms.max(self.started_ms.saturating_sub(LATE_MS_MAX)).min(now_ms);
                plan.due.extend(next(rule, after_ms).map(|due_ms| (due_ms, arn.clone())));
            }
        }
    }

    /// Fires all that is due, each once, in one commit.
    async fn fire(&self, plan: &mut Plan, now_ms: u64) -> Result<(), AcceptError> {
        let is_due = |(due_ms, _): &&(u64, String)| *due_ms <= now_ms;
        let due: Vec<(u64, String)> = plan.due.iter().take_while(is_due).cloned().collect();
        if due.is_empty() {
            return Ok(());
        }
        let mut deliveries: Vec<NewDelivery> = Vec::new();
        let mut changes = Changes::default();
        for (due_ms, arn) in &due {
            if let Some((bus, rule)) = plan.rules.get(arn) {
                let event = scheduled_event(bus, rule, *due_ms, now_ms);
                deliveries.extend(rule.settings.targets.iter().map(|target| target.delivery(&event, rule.sender())));
                changes.put(FIRED, arn, &StoredFiring { due_ms: *due_ms })?;
            }
        }
        self.outbox.accept_with(deliveries, changes).await?;
        for (due_ms, arn) in due {
            if let Some((_, rule)) = plan.rules.get(&arn) {
                // What was missed while the machine slept does not pile up.
                let after_ms = due_ms.max(now_ms.saturating_sub(LATE_MS_MAX));
                plan.due.extend(next(rule, after_ms).map(|next_ms| (next_ms, arn.clone())));
                plan.fired.insert(arn.clone(), due_ms);
            }
            plan.due.remove(&(due_ms, arn));
        }
        Ok(())
    }
}

fn next(rule: &Rule, after_ms: u64) -> Option<u64> {
    rule.schedule.as_ref()?.next_after(after_ms, rule.settings.since_ms, &TimeZone::UTC)
}

/// What the targets of a scheduled rule get.
fn scheduled_event(bus: &Bus, rule: &Rule, due_ms: u64, now_ms: u64) -> Event {
    let content = Content {
        detail_type: "Scheduled Event",
        source: "aws.events",
        account: bus.address.account,
        region: &bus.address.region,
        time_ms: due_ms,
        resources: std::slice::from_ref(&rule.settings.arn),
        detail: "{}",
    };
    Event::new(&content, now_ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn firings_have_fixtures() {
        anabranch_control::check_fixtures("tests/stored", &[StoredFiring { due_ms: 1_772_697_600_000 }]);
    }
}

//! When schedules fire: a queue by time.

use std::collections::{BTreeSet, HashMap};

/// What is to fire.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    /// When, and whose: the schedule's ARN.
    queue: BTreeSet<(u64, String)>,
    /// By ARN: when it fires, and for when it is due.
    entries: HashMap<String, (u64, u64)>,
}

/// A schedule that fires.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Firing {
    pub(crate) arn: String,
    /// When it was due, in milliseconds since the Unix epoch.
    pub(crate) due_ms: u64,
}

impl Plan {
    /// Has the schedule fire at `fires_ms`, and at no other time.
    pub(crate) fn set(&mut self, arn: &str, fires_ms: u64, due_ms: u64) {
        self.remove(arn);
        self.queue.insert((fires_ms, arn.to_string()));
        self.entries.insert(arn.to_string(), (fires_ms, due_ms));
    }

    /// Has it not fire.
    pub(crate) fn remove(&mut self, arn: &str) {
        if let Some((fires_ms, _)) = self.entries.remove(arn) {
            self.queue.remove(&(fires_ms, arn.to_string()));
        }
    }

    /// When the next fires.
    pub(crate) fn next_ms(&self) -> Option<u64> {
        self.queue.first().map(|(fires_ms, _)| *fires_ms)
    }

    /// Up to `limit` of those that fire until `now_ms`. They stay.
    pub(crate) fn due(&self, now_ms: u64, limit: usize) -> Vec<Firing> {
        let due = self.queue.iter().take_while(|(fires_ms, _)| *fires_ms <= now_ms).take(limit);
        let firing = |(_, arn): &(u64, String)| {
            let (_, due_ms) = self.entries.get(arn)?;
            Some(Firing { arn: arn.clone(), due_ms: *due_ms })
        };
        due.filter_map(firing).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_one_place() {
        let mut plan = Plan::default();
        plan.set("a", 20, 10);
        plan.set("b", 10, 10);
        plan.set("a", 30, 30);
        assert_eq!((plan.next_ms(), plan.due(20, 9)), (Some(10), vec![Firing { arn: "b".into(), due_ms: 10 }]));
        assert_eq!(plan.due(30, 9).len(), 2);
        assert_eq!(plan.due(30, 1).len(), 1);
        plan.remove("b");
        plan.remove("none");
        assert_eq!((plan.next_ms(), plan.due(29, 9).len()), (Some(30), 0));
    }
}

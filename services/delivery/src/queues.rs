//! Whose turn it is: the keys of all deliveries that wait, by target and lane. Pure; `outbox.rs`
//! holds it behind a lock.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};
use std::sync::Arc;

use anabranch_protocol::ServiceInstant;

use crate::OutboxLimits;
use crate::key::Key;

/// Deliveries that belong together: to a target, and of an ordering if they have one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct LaneName {
    pub(crate) target: Arc<str>,
    pub(crate) ordering: Option<Arc<str>>,
}

/// The queues of one outbox.
#[derive(Debug)]
pub(crate) struct Queues {
    limits: OutboxLimits,
    targets: HashMap<Arc<str>, Target>,
    /// Targets that have something to begin and may, each once.
    turns: VecDeque<Arc<str>>,
    /// What is tried again later, the earliest first.
    delayed: BinaryHeap<Reverse<(ServiceInstant, Key, LaneName)>>,
    pending: usize,
    under_way: usize,
}

#[derive(Debug, Default)]
struct Target {
    lanes: HashMap<Option<Arc<str>>, Lane>,
    /// Lanes that have something to begin and may, each once.
    turns: VecDeque<Option<Arc<str>>>,
    under_way: usize,
    /// Whether it is among the turns of targets.
    has_turn: bool,
}

#[derive(Debug, Default)]
struct Lane {
    ready: VecDeque<Key>,
    /// Deliveries under way or delayed: one at most if the lane is ordered.
    outstanding: usize,
    /// Whether it is among its target's turns.
    has_turn: bool,
}

impl Queues {
    pub(crate) fn new(limits: OutboxLimits) -> Self {
        let (targets, turns, delayed) = (HashMap::new(), VecDeque::new(), BinaryHeap::new());
        Self { limits, targets, turns, delayed, pending: 0, under_way: 0 }
    }

    /// Deliveries that are accepted, or being accepted, and not done.
    pub(crate) fn pending(&self) -> usize {
        self.pending
    }

    /// Makes room for so many, unless there is none.
    pub(crate) fn reserve(&mut self, count: usize) -> bool {
        let fits = self.pending.saturating_add(count) <= self.limits.pending_max;
        if fits {
            self.pending += count;
        }
        fits
    }

    /// Gives up room that was reserved.
    pub(crate) fn release(&mut self, count: usize) {
        self.pending -= count;
    }

    /// Counts what an earlier run accepted, whatever the limit.
    pub(crate) fn take_up(&mut self, count: usize) {
        self.pending += count;
    }

    /// Adds a delivery, for which there is room, behind all others of its lane.
    pub(crate) fn add(&mut self, lane: &LaneName, key: Key) {
        self.lane(lane).ready.push_back(key);
        self.offer(lane);
    }

    /// Adds a delivery, for which there is room, before all others of its lane.
    pub(crate) fn add_first(&mut self, lane: &LaneName, key: Key) {
        self.lane(lane).ready.push_front(key);
        self.offer(lane);
    }

    /// The next to be begun, if one may be.
    pub(crate) fn next(&mut self) -> Option<(LaneName, Key)> {
        if self.under_way >= self.limits.under_way_max {
            return None;
        }
        let name = self.turns.pop_front()?;
        let target = self.targets.get_mut(&name)?;
        target.has_turn = false;
        let ordering = target.turns.pop_front()?;
        let lane = target.lanes.get_mut(&ordering)?;
        lane.has_turn = false;
        let key = lane.ready.pop_front()?;
        lane.outstanding += 1;
        target.under_way += 1;
        self.under_way += 1;
        let lane = LaneName { target: name, ordering };
        self.offer(&lane);
        Some((lane, key))
    }

    /// A delivery that was under way is done.
    pub(crate) fn done(&mut self, name: &LaneName) {
        self.ended(name);
        self.pending -= 1;
        let Some(target) = self.targets.get_mut(&name.target) else { return };
        if let Some(lane) = target.lanes.get_mut(&name.ordering) {
            lane.outstanding -= 1;
            if lane.ready.is_empty() && lane.outstanding == 0 {
                target.lanes.remove(&name.ordering);
            }
        }
        if target.lanes.is_empty() {
            self.targets.remove(&name.target);
            return;
        }
        self.offer(name);
    }

    /// A delivery that was under way is to be tried again at `due`.
    pub(crate) fn again(&mut self, name: LaneName, key: Key, due: ServiceInstant) {
        self.ended(&name);
        self.offer(&name);
        self.delayed.push(Reverse((due, key, name)));
    }

    /// Makes ready what is due.
    pub(crate) fn wake(&mut self, now: ServiceInstant) {
        while self.next_due().is_some_and(|due| due <= now) {
            let Some(Reverse((_, key, name))) = self.delayed.pop() else { return };
            let lane = self.lane(&name);
            lane.outstanding -= 1;
            match name.ordering {
                Some(_) => lane.ready.push_front(key),
                None => lane.ready.push_back(key),
            }
            self.offer(&name);
        }
    }

    /// When the next delayed delivery is due.
    pub(crate) fn next_due(&self) -> Option<ServiceInstant> {
        self.delayed.peek().map(|Reverse((due, ..))| *due)
    }

    fn lane(&mut self, name: &LaneName) -> &mut Lane {
        let target = self.targets.entry(name.target.clone()).or_default();
        target.lanes.entry(name.ordering.clone()).or_default()
    }

    fn ended(&mut self, name: &LaneName) {
        self.under_way -= 1;
        if let Some(target) = self.targets.get_mut(&name.target) {
            target.under_way -= 1;
        }
    }

    /// Gives the lane and its target their turns, if they have something to begin, may, and have none.
    fn offer(&mut self, name: &LaneName) {
        let Some(target) = self.targets.get_mut(&name.target) else { return };
        if let Some(lane) = target.lanes.get_mut(&name.ordering) {
            let is_free = name.ordering.is_none() || lane.outstanding == 0;
            if !lane.has_turn && is_free && !lane.ready.is_empty() {
                lane.has_turn = true;
                target.turns.push_back(name.ordering.clone());
            }
        }
        let may = target.under_way < self.limits.under_way_of_target_max;
        if !target.has_turn && may && !target.turns.is_empty() {
            target.has_turn = true;
            self.turns.push_back(name.target.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use anabranch_protocol::{Clock, ManualClock};
    use proptest::prelude::*;

    use super::*;
    use crate::key::Keys;

    fn lane(target: &str, ordering: Option<&str>) -> LaneName {
        LaneName { target: target.into(), ordering: ordering.map(Into::into) }
    }

    fn limits(under_way_max: usize, under_way_of_target_max: usize) -> OutboxLimits {
        OutboxLimits { pending_max: 1_000, under_way_max, under_way_of_target_max }
    }

    #[test]
    fn targets_take_turns_and_have_limits_of_their_own() {
        let (mut queues, keys) = (Queues::new(limits(8, 2)), Keys::new());
        assert!(queues.reserve(11));
        (0..10).for_each(|_| queues.add(&lane("slow", None), keys.next(0)));
        queues.add(&lane("quick", None), keys.next(0));
        let begun: Vec<String> =
            std::iter::from_fn(|| queues.next()).map(|(lane, _)| lane.target.to_string()).collect();
        assert_eq!(begun, ["slow", "quick", "slow"]);
        queues.done(&lane("slow", None));
        assert!(queues.next().is_some() && queues.next().is_none());
    }

    #[test]
    fn room_is_limited() {
        let mut queues = Queues::new(OutboxLimits { pending_max: 3, ..OutboxLimits::default() });
        assert!(queues.reserve(2) && !queues.reserve(2) && queues.reserve(1));
        queues.release(2);
        assert_eq!(queues.pending(), 1);
    }

    #[test]
    fn a_delayed_delivery_holds_up_its_order_and_nothing_else() {
        let (mut queues, keys, clock) = (Queues::new(limits(8, 8)), Keys::new(), ManualClock::new(0));
        assert!(queues.reserve(4));
        let (ordered, other) = (lane("t", Some("a")), lane("t", Some("b")));
        let [first, second, third] = [0; 3].map(|_| keys.next(0));
        queues.add(&ordered, first);
        queues.add(&ordered, second);
        queues.add(&other, third);
        assert_eq!(queues.next(), Some((ordered.clone(), first)));
        assert_eq!(queues.next(), Some((other.clone(), third)));
        assert_eq!(queues.next(), None);
        queues.again(ordered.clone(), first, clock.instant() + Duration::from_secs(1));
        assert_eq!(queues.next(), None);
        clock.advance_ms(1_000);
        queues.wake(clock.instant());
        assert_eq!(queues.next(), Some((ordered.clone(), first)));
        queues.done(&ordered);
        assert_eq!(queues.next(), Some((ordered, second)));
    }

    proptest! {
        /// Whatever happens, each delivery is done once, ordered ones in order and one at a time, limits
        /// hold, and nothing is left behind.
        #[test]
        fn everything_is_done_once_and_in_order(
            added in prop::collection::vec((0_u8..3, 0_u8..3), 1..60),
            ends in prop::collection::vec((0_usize..8, any::<bool>()), 0..300),
        ) {
            let (clock, keys) = (ManualClock::new(0), Keys::new());
            let mut queues = Queues::new(limits(5, 2));
            let orderings = [None, Some("a"), Some("b")];
            prop_assert!(queues.reserve(added.len()));
            for (target, ordering) in &added {
                queues.add(&lane(&target.to_string(), orderings[usize::from(*ordering)]), keys.next(0));
            }
            let [mut under_way, mut done] = [const { Vec::<(LaneName, Key)>::new() }; 2];
            let mut ends = ends.into_iter();
            while done.len() < added.len() {
                queues.wake(clock.instant());
                while let Some(begun) = queues.next() {
                    under_way.push(begun);
                }
                prop_assert!(under_way.len() <= 5);
                for (name, _) in &under_way {
                    prop_assert!(under_way.iter().filter(|(other, _)| other.target == name.target).count() <= 2);
                    prop_assert!(name.ordering.is_none() || under_way.iter().filter(|(other, _)| other == name).count() == 1);
                }
                if under_way.is_empty() {
                    prop_assert!(queues.next_due().is_some(), "nothing under way, nothing delayed, but {} of {}", done.len(), added.len());
                    clock.advance_ms(10);
                    continue;
                }
                let (which, is_done) = ends.next().unwrap_or((0, true));
                let (name, key) = under_way.swap_remove(which % under_way.len());
                match is_done {
                    true => {
                        queues.done(&name);
                        done.push((name, key));
                    }
                    false => queues.again(name, key, clock.instant() + Duration::from_millis(5)),
                }
            }
            for (at, (name, key)) in done.iter().enumerate() {
                let is_in_order = |(other, later): &(LaneName, Key)| other != name || later > key;
                prop_assert!(name.ordering.is_none() || done[at + 1..].iter().all(is_in_order));
            }
            prop_assert!(queues.targets.is_empty() && queues.turns.is_empty() && queues.delayed.is_empty());
            prop_assert_eq!((queues.pending, queues.under_way), (0, 0));
        }
    }
}

//! Group commit's two small parts: the ticket that the appends of one group wait on, and the
//! choice of how long to let a group grow.

use std::time::{Duration, Instant};

use crate::sync::atomic::{AtomicBool, Ordering};
use crate::sync::{Word, now};

/// What the appends of one group wait for. Setting it wakes them.
#[derive(Debug, Default)]
pub(crate) struct Ticket {
    state: Word,
    /// Whether one of those who waited has woken the others.
    passed_on: AtomicBool,
}

impl Ticket {
    /// The group is gathering, or someone flushes it.
    const OPEN: u32 = 0;
    /// Nobody is flushing: one of those waiting has to.
    const LEADERLESS: u32 = 1;
    /// The group is durable, or will never be.
    const DONE: u32 = 2;

    /// Sleeps until the group is done or leaderless.
    pub(crate) fn wait(&self) {
        let mut slept = false;
        while self.state.get() == Self::OPEN {
            self.state.sleep_while(Self::OPEN);
            slept = true;
        }
        if slept && self.state.get() == Self::DONE && !self.passed_on.swap(true, Ordering::AcqRel) {
            self.state.wake_all();
        }
    }

    /// Wakes one who waits, to become the leader.
    pub(crate) fn ask_for_leader(&self) {
        self.state.set(Self::LEADERLESS, 1);
    }

    /// A leader was found. The caller holds the writer's lock, as it does for the call before.
    pub(crate) fn has_leader(&self) {
        self.state.exchange(Self::LEADERLESS, Self::OPEN);
    }

    /// Wakes one who waits, who wakes all others: the leader has the next flush to begin.
    pub(crate) fn done(&self) {
        self.state.set(Self::DONE, 1);
    }
}

/// Decides how long a leader waits for others to join before it flushes.
///
/// Writers that a flush released come back with their next append within microseconds. A flush
/// that starts before they are back serves only a few of them, and the rest wait for the next. So
/// a leader waits for as many as there were last time, if they are back well within the time that
/// a flush takes. If they are too many for that, it waits for a quarter of them only: the way back
/// of the others then falls into the flush. Where nobody comes back in time, the wait is skipped
/// for the next flushes, ever more of them.
#[derive(Debug, Default)]
pub(crate) struct Gathering {
    expected: u32,
    skip: u32,
    backoff: u32,
    /// Moving average of a flush.
    flush: Duration,
    /// Moving average of the time from one append to the next while a leader waits.
    arrival: Duration,
}

/// After this long without a new append, nobody else is expected.
const QUIET_MAX: Duration = Duration::from_micros(25);
/// Most flushes that go without waiting after one that waited in vain.
const BACKOFF_MAX: u32 = 63;

impl Gathering {
    /// Whether to wait for more than `appends`; until how many are there, if so.
    pub(crate) fn begin(&mut self, appends: u32) -> Option<Wait> {
        let all_in = self.arrival * self.expected.saturating_sub(appends);
        let target = if all_in <= self.flush / 2 { self.expected } else { self.expected / 4 };
        if appends >= target {
            return None;
        }
        let skipped = self.skip > 0;
        self.skip = self.skip.saturating_sub(1);
        let now = now();
        (!skipped).then_some(Wait {
            target,
            first: appends,
            seen: appends,
            began: now,
            progress_at: now,
            limit: self.flush,
        })
    }

    /// Whether the last flush served several, or would have.
    pub(crate) fn is_shared(&self) -> bool {
        self.expected > 1
    }

    /// A wait for anyone at all.
    pub(crate) fn for_first(&self) -> Wait {
        let now = now();
        Wait { target: 1, first: 0, seen: 0, began: now, progress_at: now, limit: QUIET_MAX * 2 }
    }

    /// Notes how a wait ended.
    pub(crate) fn ended(&mut self, wait: &Wait) {
        self.backoff = if wait.seen >= wait.target { 0 } else { (self.backoff * 2 + 1).min(BACKOFF_MAX) };
        self.skip = self.backoff;
        if wait.seen > wait.first {
            average(&mut self.arrival, (wait.progress_at - wait.began) / (wait.seen - wait.first));
        }
    }

    /// Notes a flush: how many appends it served, how many came meanwhile, how long it took.
    pub(crate) fn flushed(&mut self, served: u32, waiting: u32, took: Duration) {
        self.expected = served + waiting;
        average(&mut self.flush, took);
    }
}

fn average(of: &mut Duration, value: Duration) {
    *of = if of.is_zero() { value } else { (*of * 7 + value) / 8 };
}

/// One wait of a leader for others.
#[derive(Debug)]
pub(crate) struct Wait {
    target: u32,
    first: u32,
    seen: u32,
    began: Instant,
    progress_at: Instant,
    limit: Duration,
}

impl Wait {
    /// Whether the wait is over, given how many appends there are.
    pub(crate) fn is_over(&mut self, appends: u32) -> bool {
        let now = now();
        if appends > self.seen {
            self.seen = appends;
            self.progress_at = now;
        }
        appends >= self.target || now - self.began >= self.limit || now - self.progress_at >= QUIET_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FLUSH: Duration = Duration::from_micros(100);

    #[test]
    fn waiting_in_vain_makes_waiting_rare() {
        let mut gathering = Gathering::default();
        assert!(gathering.begin(1).is_none(), "nothing is known yet");
        gathering.flushed(8, 0, FLUSH);
        assert!(gathering.begin(8).is_none(), "all are here");
        let wait = gathering.begin(1).unwrap();
        gathering.ended(&wait);
        assert!(gathering.begin(1).is_none());
        let wait = gathering.begin(1).unwrap();
        gathering.ended(&wait);
        assert_eq!((0..10).take_while(|_| gathering.begin(1).is_none()).count(), 3);
    }

    #[test]
    fn a_wait_ends_when_all_came_or_nobody_comes() {
        let mut gathering = Gathering::default();
        gathering.flushed(3, 1, Duration::from_secs(60));
        let mut wait = gathering.begin(1).unwrap();
        assert!(wait.is_over(4));
        std::thread::sleep(QUIET_MAX);
        let mut wait = gathering.begin(1).unwrap();
        std::thread::sleep(QUIET_MAX);
        assert!(wait.is_over(1));
    }

    #[test]
    fn too_many_to_be_back_in_time_take_turns() {
        let mut gathering = Gathering { arrival: Duration::from_micros(4), ..Gathering::default() };
        gathering.flushed(8, 0, FLUSH);
        assert_eq!(gathering.begin(1).unwrap().target, 8);
        let mut gathering = Gathering { arrival: Duration::from_micros(4), ..Gathering::default() };
        gathering.flushed(60, 4, FLUSH);
        assert_eq!(gathering.begin(4).unwrap().target, 16);
        assert!(gathering.begin(20).is_none());
    }
}

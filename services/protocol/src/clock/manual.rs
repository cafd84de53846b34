//! A clock that tests move.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use parking_lot::Mutex;

use super::{BEFORE_ORIGIN, Clock, ServiceInstant, Sleep, SystemClock, since_epoch};

/// How often those who woke get the processor before [`ManualClock::advance`] moves on.
const YIELDS: usize = 16;

/// A clock that a test moves forward. Between that it stands still, or runs with the machine's.
/// Clones are the same clock.
#[derive(Debug, Clone)]
pub struct ManualClock(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    base: Base,
    state: Mutex<State>,
}

/// The time that a clock is ahead of.
#[derive(Debug, Clone, Copy)]
enum Base {
    Standing { at_ms: u64 },
    Machine,
}

#[derive(Debug, Default)]
struct State {
    ahead: Duration,
    next_sleeper: u64,
    sleepers: BTreeMap<SleeperKey, Waker>,
}

/// By deadline; of those with the same, the first to come is the first to wake.
type SleeperKey = (ServiceInstant, u64);

impl ManualClock {
    /// A clock that stands still at `now_ms` milliseconds since the Unix epoch.
    pub fn new(now_ms: u64) -> Self {
        Self::of(Base::Standing { at_ms: now_ms })
    }

    /// A clock that runs with the machine's, as far ahead of it as it was moved.
    pub fn running() -> Self {
        Self::of(Base::Machine)
    }

    fn of(base: Base) -> Self {
        Self(Arc::new(Inner { base, state: Mutex::default() }))
    }

    /// Moves the clock forward at once. Who wakes by it wakes in the order of deadlines, and finds
    /// the time after all of it: as on a machine that was suspended for so long.
    pub fn advance_ms(&self, ms: u64) {
        self.0.advance(Duration::from_millis(ms));
    }

    /// Moves the clock forward from one deadline to the next. Who wakes runs at the time it waited
    /// for, as far as it needs no other thread, before the clock moves on; so what happens each ten
    /// seconds happens as often as it does by itself.
    pub async fn advance(&self, duration: Duration) {
        let mut left = duration;
        // What became due just now is not jumped over.
        while let Some(step) = self.0.until_next_deadline().filter(|step| *step <= left) {
            self.0.advance(step);
            left -= step;
            give_way().await;
        }
        self.0.advance(left);
        give_way().await;
    }

    /// Runs `future` to its end and moves the clock meanwhile, as long as somebody waits for it: each
    /// millisecond of the machine's time to the next deadline, but by no more than `step`. What takes
    /// other threads a moment between two waits takes little of the clock's time so.
    #[allow(clippy::disallowed_methods, reason = "the machine's time is what is divided")]
    pub async fn fast_forward<T>(&self, step: Duration, future: impl Future<Output = T>) -> T {
        let mut future = std::pin::pin!(future);
        loop {
            tokio::select! {
                biased;
                output = &mut future => return output,
                () = tokio::time::sleep(Duration::from_millis(1)) => {}
            }
            if let Some(left) = self.0.until_next_deadline() {
                self.0.advance(left.min(step));
            }
        }
    }
}

async fn give_way() {
    for _ in 0..YIELDS {
        tokio::task::yield_now().await;
    }
}

impl Inner {
    fn instant(&self, ahead: Duration) -> ServiceInstant {
        match self.base {
            Base::Standing { .. } => ServiceInstant(BEFORE_ORIGIN) + ahead,
            Base::Machine => SystemClock.instant() + ahead,
        }
    }

    fn until_next_deadline(&self) -> Option<Duration> {
        let state = self.state.lock();
        let (deadline, _) = state.sleepers.keys().next()?;
        Some(*deadline - self.instant(state.ahead))
    }

    fn advance(&self, duration: Duration) {
        let mut state = self.state.lock();
        state.ahead = state.ahead.saturating_add(duration);
        let now = self.instant(state.ahead);
        let later = state.sleepers.split_off(&(now + Duration::from_nanos(1), 0));
        let mut woken: Vec<Waker> = std::mem::take(&mut state.sleepers).into_values().collect();
        if let Base::Machine = self.base {
            // The others have less of the machine's time to wait for.
            woken.extend(later.values().cloned());
        }
        state.sleepers = later;
        drop(state);
        woken.into_iter().for_each(Waker::wake);
    }
}

impl Clock for ManualClock {
    fn now_ms(&self) -> u64 {
        let ahead = self.0.state.lock().ahead;
        let base = match self.0.base {
            Base::Standing { at_ms } => Duration::from_millis(at_ms),
            Base::Machine => since_epoch(),
        };
        base.saturating_add(ahead).as_millis() as u64
    }

    fn instant(&self) -> ServiceInstant {
        self.0.instant(self.0.state.lock().ahead)
    }

    fn sleep_until(&self, deadline: ServiceInstant) -> Sleep {
        let mut state = self.0.state.lock();
        let key = (deadline, state.next_sleeper);
        state.next_sleeper += 1;
        drop(state);
        Box::pin(Sleeper { clock: self.0.clone(), key, timer: None })
    }
}

/// One wait for a [`ManualClock`].
struct Sleeper {
    clock: Arc<Inner>,
    key: SleeperKey,
    /// Where the clock runs: the rest of the wait, if nobody moves the clock.
    timer: Option<Sleep>,
}

impl Future for Sleeper {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        loop {
            let mut state = self.clock.state.lock();
            let now = self.clock.instant(state.ahead);
            let (deadline, _) = self.key;
            if now >= deadline {
                return Poll::Ready(());
            }
            state.sleepers.insert(self.key, context.waker().clone());
            drop(state);
            match self.clock.base {
                Base::Standing { .. } => return Poll::Pending,
                Base::Machine => {
                    let timer = self.timer.insert(SystemClock.sleep(deadline - now));
                    if timer.as_mut().poll(context).is_pending() {
                        return Poll::Pending;
                    }
                }
            }
        }
    }
}

impl Drop for Sleeper {
    fn drop(&mut self) {
        self.clock.state.lock().sleepers.remove(&self.key);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use proptest::prelude::*;

    use super::*;

    const NOON_MS: u64 = 1_763_000_000_000;

    /// Deadlines of all that woke so far, and the time they found.
    type Woken = Arc<Mutex<Vec<(u64, u64)>>>;

    fn sleepers(clock: &ManualClock, deadlines_ms: &[u64]) -> Woken {
        let woken = Woken::default();
        for deadline_ms in deadlines_ms.iter().copied() {
            let (clock, woken) = (clock.clone(), woken.clone());
            let sleep = clock.sleep(Duration::from_millis(deadline_ms));
            tokio::spawn(async move {
                sleep.await;
                woken.lock().push((deadline_ms, clock.now_ms() - NOON_MS));
            });
        }
        woken
    }

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(future)
    }

    proptest! {
        #[test]
        fn sleepers_wake_in_the_order_of_their_deadlines(
            deadlines_ms in prop::collection::vec(0_u64..50, 0..12),
            steps_ms in prop::collection::vec(0_u64..20, 1..8),
            at_once: bool,
        ) {
            block_on(async {
                let clock = ManualClock::new(NOON_MS);
                let woken = sleepers(&clock, &deadlines_ms);
                give_way().await;
                let (mut now_ms, mut due) = (0, deadlines_ms.clone());
                due.sort_unstable();
                for step_ms in steps_ms {
                    now_ms += step_ms;
                    match at_once {
                        true => {
                            clock.advance_ms(step_ms);
                            give_way().await;
                        }
                        false => clock.advance(Duration::from_millis(step_ms)).await,
                    }
                    prop_assert_eq!(clock.now_ms(), NOON_MS + now_ms);
                    let woken = woken.lock().clone();
                    let deadlines: Vec<u64> = woken.iter().map(|(deadline_ms, _)| *deadline_ms).collect();
                    let expected: Vec<u64> = due.iter().copied().filter(|due_ms| *due_ms <= now_ms).collect();
                    prop_assert_eq!(deadlines, expected);
                    prop_assert!(at_once || woken.iter().all(|(deadline_ms, found_ms)| deadline_ms == found_ms));
                }
                Ok(())
            })?;
        }
    }

    #[test]
    fn what_repeats_does_so_as_often_as_it_would_by_itself() {
        block_on(async {
            let clock = ManualClock::new(NOON_MS);
            let (rounds, worker) = (Arc::new(Mutex::new(0)), clock.clone());
            let counted = rounds.clone();
            tokio::spawn(async move {
                loop {
                    worker.sleep(Duration::from_secs(10)).await;
                    *counted.lock() += 1;
                }
            });
            give_way().await;
            clock.advance(Duration::from_secs(24 * 3600)).await;
            assert_eq!(*rounds.lock(), 8_640);
        });
    }

    #[test]
    fn a_day_passes_in_a_moment() {
        block_on(async {
            let (clock, began) = (ManualClock::new(NOON_MS), Instant::now());
            let slow = async {
                for _ in 0..24 {
                    clock.sleep(Duration::from_secs(3600)).await;
                    tokio::task::spawn_blocking(|| ()).await.unwrap();
                }
                clock.now_ms()
            };
            let ended_ms = clock.fast_forward(Duration::from_secs(600), slow).await;
            assert!(ended_ms >= NOON_MS + 24 * 3_600_000);
            assert!(began.elapsed() < Duration::from_secs(60));
        });
    }

    #[test]
    fn a_wait_that_is_given_up_is_forgotten() {
        block_on(async {
            let clock = ManualClock::new(NOON_MS);
            let mut sleep = clock.sleep(Duration::from_secs(1));
            tokio::select! {
                biased;
                () = &mut sleep => unreachable!(),
                () = std::future::ready(()) => {}
            }
            assert_eq!(clock.0.state.lock().sleepers.len(), 1);
            drop(sleep);
            assert_eq!(clock.0.state.lock().sleepers.len(), 0);
        });
    }

    #[test]
    fn a_running_clock_wakes_by_itself_and_when_it_is_moved() {
        block_on(async {
            let clock = ManualClock::running();
            let began = Instant::now();
            clock.sleep(Duration::from_millis(20)).await;
            assert!(began.elapsed() >= Duration::from_millis(20));

            let (day, before_ms, worker) = (Duration::from_secs(24 * 3600), clock.now_ms(), clock.clone());
            let sleeping = tokio::spawn(async move {
                worker.sleep(day).await;
                worker.now_ms()
            });
            give_way().await;
            clock.advance(day / 2).await;
            assert!(!sleeping.is_finished());
            clock.advance(day / 2).await;
            assert!(sleeping.await.unwrap() >= before_ms + day.as_millis() as u64);

            // The rest of a wait that was shortened passes by itself.
            let worker = clock.clone();
            let sleeping = tokio::spawn(async move { worker.sleep(day).await });
            give_way().await;
            clock.advance_ms(day.as_millis() as u64 - 20);
            sleeping.await.unwrap();
            assert!(began.elapsed() < Duration::from_secs(60));
        });
    }
}

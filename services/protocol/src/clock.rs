//! The one clock through which service time enters every service, so that tests can move it.
//!
//! *Service time* is what a client or a function could tell a rule by: retention, expiry of
//! iterators, items and tokens, transitions of streams, scaling, rate limits, windows, buffering
//! intervals, backoff between retries, the age of events, idle function processes, times in logs.
//! All of it is read and waited for here.
//!
//! What protects the process from *real I/O* is not: limits of sockets and bodies, shutdown,
//! draining, waiting for a child process, flushes, measured latencies. Those stay on Tokio's timers
//! and [`std::time::Instant`], as does all that runs in a function's process, which lives in real time.

mod manual;

use std::fmt;
use std::ops::{Add, Sub};
use std::pin::Pin;
use std::sync::LazyLock;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

pub use manual::ManualClock;

/// Completes when the clock has reached a moment. Dropping it ends the wait.
pub type Sleep = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A source of service time: what the wall shows, and intervals, which a jump of the wall's clock
/// does not stretch.
pub trait Clock: fmt::Debug + Send + Sync + 'static {
    /// Milliseconds since the Unix epoch, UTC. May jump when the machine's clock is set.
    fn now_ms(&self) -> u64;

    /// The present moment, for intervals. Never goes back.
    fn instant(&self) -> ServiceInstant;

    /// Waits until `deadline`; completes at once if it has passed. Needs a Tokio runtime.
    fn sleep_until(&self, deadline: ServiceInstant) -> Sleep;

    /// Waits for `duration` from now on.
    fn sleep(&self, duration: Duration) -> Sleep {
        self.sleep_until(self.instant() + duration)
    }
}

/// A moment of a [`Clock`]'s time. Only moments of the same clock compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ServiceInstant(Duration);

impl Add<Duration> for ServiceInstant {
    type Output = Self;

    /// So much later; the end of time at most.
    fn add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(duration))
    }
}

impl Sub for ServiceInstant {
    type Output = Duration;

    /// The time from `earlier` to this; zero if that is later.
    fn sub(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

impl Sub<Duration> for ServiceInstant {
    type Output = Self;

    /// So much earlier; the beginning of time at least.
    fn sub(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(duration))
    }
}

/// The machine's clock. Waits are timers of Tokio: setting the machine's clock does not move them.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

/// What the machine's clock shows; zero if that is before the epoch.
#[allow(clippy::disallowed_methods, reason = "this is the clock")]
fn since_epoch() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// The beginning of [`ServiceInstant`]s, a while back so that intervals can be taken from the first.
static ORIGIN: LazyLock<Instant> = LazyLock::new(Instant::now);
const BEFORE_ORIGIN: Duration = Duration::from_secs(3600);

impl Clock for SystemClock {
    fn now_ms(&self) -> u64 {
        since_epoch().as_millis() as u64
    }

    fn instant(&self) -> ServiceInstant {
        ServiceInstant(BEFORE_ORIGIN + ORIGIN.elapsed())
    }

    #[allow(clippy::disallowed_methods, reason = "this is the clock")]
    fn sleep_until(&self, deadline: ServiceInstant) -> Sleep {
        Box::pin(tokio::time::sleep(deadline - self.instant()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_saturate() {
        let (early, late) = (ServiceInstant(Duration::ZERO), ServiceInstant(Duration::MAX));
        assert_eq!(early - late, Duration::ZERO);
        assert_eq!(late + Duration::from_secs(1), late);
        assert_eq!(early - Duration::from_secs(1), early);
    }

    #[tokio::test]
    async fn the_machines_clock_waits_no_less_than_it_is_told() {
        let (clock, pause) = (SystemClock, Duration::from_millis(20));
        let began = clock.instant();
        clock.sleep(pause).await;
        assert!(clock.instant() - began >= pause);
        clock.sleep_until(began).await;
    }
}

//! How often a delivery is tried, and when.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// How often a delivery is tried before it is given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetryPolicy {
    /// Attempts in all, the first among them; at least one is made.
    pub attempts_max: u32,
    /// A delivery that was accepted longer ago is not tried again.
    pub age_max: Duration,
    /// The waits between.
    pub backoff: Backoff,
}

/// How long to wait after a failed attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Backoff {
    /// `min` after the first failure, twice as long after each further one, up to `max`.
    Doubling {
        /// The first wait.
        min: Duration,
        /// The longest.
        max: Duration,
    },
    /// In the phases of SNS's delivery policies.
    Phased(Phases),
}

/// The phases of a delivery policy ("Amazon SNS message delivery retries"): at once, after the least
/// wait, after growing ones, and from then on after the longest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Phases {
    /// Retries without a wait.
    pub immediate: u32,
    /// Retries after `min`, next.
    pub at_min: u32,
    /// Retries after waits that grow from `min` to `max`, next.
    pub growing: u32,
    /// How they grow.
    pub curve: Curve,
    /// The least wait.
    pub min: Duration,
    /// The longest wait.
    pub max: Duration,
}

/// How waits grow from the least to the longest: `backoffFunction` of delivery policies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Curve {
    /// By the same amount each time.
    Linear,
    /// By amounts that themselves grow by the same amount.
    Arithmetic,
    /// By the same factor each time.
    Geometric,
    /// By factors that grow: the steepest at the end.
    Exponential,
}

impl Backoff {
    /// The wait after so many failures, of which there is at least one.
    pub fn after(&self, failures: u32) -> Duration {
        let retry = failures.saturating_sub(1);
        match self {
            Self::Doubling { min, max } => min.saturating_mul(1_u32.checked_shl(retry).unwrap_or(u32::MAX)).min(*max),
            Self::Phased(phases) => phases.wait(retry),
        }
    }
}

impl Phases {
    /// The wait before the retry of this number, from 0.
    fn wait(&self, retry: u32) -> Duration {
        if retry < self.immediate {
            return Duration::ZERO;
        }
        let retry = retry - self.immediate;
        if retry < self.at_min {
            return self.min;
        }
        let retry = retry - self.at_min;
        if retry >= self.growing {
            return self.max;
        }
        let (min, max) = (self.min.as_secs_f64(), self.max.as_secs_f64().max(self.min.as_secs_f64()));
        let share = f64::from(retry + 1) / f64::from(self.growing);
        let wait = match self.curve {
            Curve::Linear => min + (max - min) * share,
            Curve::Arithmetic => min + (max - min) * share * share,
            Curve::Geometric => min * (max / min.max(1e-3)).max(1.0).powf(share),
            Curve::Exponential => min * (max / min.max(1e-3)).max(1.0).powf(share * share),
        };
        Duration::from_secs_f64(wait.clamp(min, max))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn waits_double_up_to_the_longest() {
        let backoff = Backoff::Doubling { min: seconds(1), max: seconds(60) };
        let waits: Vec<u64> = [1, 2, 3, 7, 40, u32::MAX].map(|failures| backoff.after(failures).as_secs()).into();
        assert_eq!(waits, [1, 2, 4, 60, 60, 60]);
    }

    #[test]
    fn phases_follow_one_another() {
        let (curve, min, max) = (Curve::Linear, seconds(1), seconds(20));
        let phases = Phases { immediate: 3, at_min: 2, growing: 19, curve, min, max };
        let waits: Vec<u64> = (1..=26).map(|failures| Backoff::Phased(phases).after(failures).as_secs()).collect();
        let mut expected = vec![0, 0, 0, 1, 1];
        expected.extend(2..=20);
        expected.extend([20, 20]);
        assert_eq!(waits, expected);
    }

    proptest! {
        #[test]
        fn waits_of_every_curve_grow_from_least_to_longest(growing in 1_u32..200, min in 0_u64..100, more in 0_u64..3_500) {
            for curve in [Curve::Linear, Curve::Arithmetic, Curve::Geometric, Curve::Exponential] {
                let (min, max) = (seconds(min), seconds(min + more));
                let phases = Phases { immediate: 0, at_min: 1, growing, curve, min, max };
                let waits: Vec<Duration> = (1..=growing + 2).map(|failures| Backoff::Phased(phases).after(failures)).collect();
                prop_assert_eq!((waits[0], waits[waits.len() - 1]), (min, max));
                prop_assert!(waits.is_sorted(), "{:?} {:?}", curve, waits);
            }
        }
    }
}

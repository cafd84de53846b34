//! What Scheduler holds and takes at most ("Quotas for Amazon EventBridge Scheduler").

use std::time::Duration;

/// Most schedules of all accounts and regions: each is in memory.
pub(crate) const SCHEDULES_MAX: usize = 100_000;
/// Most schedule groups of an account in a region, besides the default one.
pub(crate) const GROUPS_MAX: usize = 500;
/// Most tags of a schedule group.
pub(crate) const TAGS_MAX: usize = 50;
/// Entries of a page of a list unless the caller says otherwise, and at most.
pub(crate) const PAGE_MAX: usize = 100;
/// Largest request, in bytes.
pub(crate) const BODY_BYTES_MAX: usize = 2 * 1024 * 1024;
/// Longest `Input` of a target, in bytes: what queues, functions and event buses take.
pub(crate) const INPUT_BYTES_MAX: usize = 256 * 1024;

/// Attempts of a delivery after the first, unless a target says otherwise.
pub(crate) const RETRY_ATTEMPTS_DEFAULT: u32 = 185;
/// How long a delivery is tried, in seconds, unless a target says otherwise.
pub(crate) const EVENT_AGE_SECONDS_DEFAULT: u32 = 86_400;
/// First wait between two attempts of a delivery.
pub(crate) const RETRY_WAIT_MIN: Duration = Duration::from_secs(1);
/// Longest wait between two attempts of a delivery.
pub(crate) const RETRY_WAIT_MAX: Duration = Duration::from_secs(15 * 60);

/// How late a recurring schedule may fire, in milliseconds, such as after a restart; what was missed
/// longer ago is skipped.
pub(crate) const LATE_MS_MAX: u64 = 60_000;
/// Most schedules that fire in one commit.
pub(crate) const FIRED_AT_ONCE_MAX: usize = 100;
/// Longest sleep of the timer while there is a schedule: the machine's clock may be set meanwhile.
pub(crate) const TIMER_SLEEP_MAX: Duration = Duration::from_secs(60);
/// Wait after what fired could not be stored.
pub(crate) const TIMER_RETRY_WAIT: Duration = Duration::from_secs(1);

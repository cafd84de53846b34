//! What EventBridge holds and takes at most ("Amazon EventBridge quotas").

use std::time::Duration;

/// Most event buses of an account in a region, besides the default one.
pub(crate) const EVENT_BUSES_MAX: usize = 100;
/// Most rules of an event bus.
pub(crate) const RULES_MAX: usize = 300;
/// Most targets of a rule.
pub(crate) const TARGETS_MAX: usize = 5;
/// Most entries of a PutEvents request.
pub(crate) const ENTRIES_MAX: usize = 10;
/// Most bytes of the entries of a PutEvents request, as EventBridge counts them.
pub(crate) const ENTRIES_BYTES_MAX: usize = 1024 * 1024;
/// Most resources of an entry of a PutEvents request.
pub(crate) const RESOURCES_MAX: usize = 1_000;
/// Most bytes of deliveries that are accepted in one commit, but for the last of them: an event may
/// match all rules of its bus.
pub(crate) const ACCEPTED_BYTES_MAX: usize = 8 * 1024 * 1024;
/// What an entry's time counts as, in bytes.
pub(crate) const TIME_BYTES: usize = 14;
/// Most tags of a rule or an event bus.
pub(crate) const TAGS_MAX: usize = 50;
/// Most bytes of an event bus's policy.
pub(crate) const POLICY_BYTES_MAX: usize = 10_240;
/// Entries of a page of a list unless the caller says otherwise, and at most.
pub(crate) const PAGE_MAX: usize = 100;
/// Largest request that puts no events, in bytes.
pub(crate) const CONTROL_BODY_BYTES_MAX: usize = 2 * 1024 * 1024;

/// Attempts of a delivery after the first, unless a target says otherwise.
pub(crate) const RETRY_ATTEMPTS_DEFAULT: u32 = 185;
/// How long a delivery is tried, in seconds, unless a target says otherwise.
pub(crate) const EVENT_AGE_SECONDS_DEFAULT: u32 = 86_400;
/// First wait between two attempts of a delivery.
pub(crate) const RETRY_WAIT_MIN: Duration = Duration::from_secs(1);
/// Longest wait between two attempts of a delivery.
pub(crate) const RETRY_WAIT_MAX: Duration = Duration::from_secs(15 * 60);

/// How late a scheduled rule may fire, in milliseconds, such as after a restart; what was missed
/// longer ago is skipped.
pub(crate) const LATE_MS_MAX: u64 = 60_000;
/// Longest sleep of the timer of scheduled rules while there are any: the machine's clock may be set
/// meanwhile.
pub(crate) const TIMER_SLEEP_MAX: Duration = Duration::from_secs(60);
/// Wait after scheduled events could not be stored.
pub(crate) const TIMER_RETRY_WAIT: Duration = Duration::from_secs(1);

/// Most events of an archive that are deleted in one commit.
pub(crate) const DELETED_AT_ONCE_MAX: usize = 1_000;
/// Most events that a replay sends in one commit.
pub(crate) const REPLAYED_AT_ONCE_MAX: usize = 20;
/// How often events are deleted that archives no longer keep; until then they are not shown.
pub(crate) const EXPIRY_INTERVAL: Duration = Duration::from_secs(3600);
/// Most archives of an account in a region.
pub(crate) const ARCHIVES_MAX: usize = 100;
/// Most replays of an account in a region that run at a time.
pub(crate) const REPLAYS_RUNNING_MAX: usize = 10;
/// Most replays of an account in a region that are remembered.
pub(crate) const REPLAYS_MAX: usize = 1_000;
/// Most rules that a replay is limited to.
pub(crate) const FILTERS_MAX: usize = 300;

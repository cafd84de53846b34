//! Schedules, and when they are due.

use std::collections::BTreeMap;

use anabranch_control::Stored;
use anabranch_protocol::{Account, ApiError, Arn, Region, RequestContext};
use anabranch_schedule::{Expression, TimeZone};
use serde::{Deserialize, Serialize};

use crate::limits::LATE_MS_MAX;
use crate::target::{Invocation, ScheduleTarget};

/// The group that every account has in every region.
pub(crate) const DEFAULT_GROUP: &str = "default";
const MINUTE_MS: u64 = 60_000;

/// What is stored of a schedule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ScheduleSettings {
    pub(crate) arn: String,
    pub(crate) name: String,
    pub(crate) group: String,
    pub(crate) region: Region,
    pub(crate) account: Account,
    pub(crate) description: Option<String>,
    pub(crate) expression: String,
    pub(crate) timezone: Option<String>,
    /// Not before, in milliseconds since the Unix epoch.
    pub(crate) start_ms: Option<u64>,
    /// Not after, in milliseconds since the Unix epoch.
    pub(crate) end_ms: Option<u64>,
    /// How long after it is due it may fire.
    pub(crate) window_minutes: Option<u32>,
    pub(crate) is_enabled: bool,
    pub(crate) is_deleted_after_completion: bool,
    pub(crate) target: ScheduleTarget,
    pub(crate) kms_key_arn: Option<String>,
    pub(crate) created_ms: u64,
    pub(crate) modified_ms: u64,
    /// Of the request that made it: the same request again is answered alike.
    pub(crate) client_token: Option<String>,
}

impl Stored for ScheduleSettings {
    const KIND: &'static str = "schedule";
    const VERSION: u32 = 1;
}

/// What is stored of a schedule group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct GroupSettings {
    pub(crate) arn: String,
    pub(crate) name: String,
    /// None of the default group.
    pub(crate) created_ms: Option<u64>,
    pub(crate) modified_ms: Option<u64>,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) client_token: Option<String>,
}

impl Stored for GroupSettings {
    const KIND: &'static str = "schedule_group";
    const VERSION: u32 = 1;
}

/// A schedule that is ready to fire.
#[derive(Debug)]
pub(crate) struct Schedule {
    pub(crate) settings: ScheduleSettings,
    expression: Expression,
    zone: TimeZone,
}

/// The ARN of the caller's group `name`.
pub(crate) fn group_arn(context: &RequestContext, name: &str) -> String {
    context.arn("scheduler", &format!("schedule-group/{name}")).to_string()
}

/// The ARN of the caller's schedule `name` in `group`.
pub(crate) fn schedule_arn(context: &RequestContext, group: &str, name: &str) -> String {
    context.arn("scheduler", &format!("schedule/{group}/{name}")).to_string()
}

/// The ARN of the schedules of a group, up to their names.
pub(crate) fn schedules_of(group_arn: &str) -> Option<String> {
    let arn: Arn = group_arn.parse().ok()?;
    let name = arn.resource_after("schedule-group/")?;
    Some(format!("{}/", Arn { resource: format!("schedule/{name}").into(), ..arn.clone() }))
}

impl Schedule {
    /// Reads what is to be read of `settings`.
    ///
    /// # Errors
    /// `ValidationException`.
    pub(crate) fn new(settings: ScheduleSettings) -> Result<Self, ApiError> {
        let invalid = |what: &str, text: &str| ApiError::validation(format!("Invalid Schedule {what} {text}."));
        let expression =
            Expression::parse(&settings.expression).map_err(|_| invalid("Expression", &settings.expression))?;
        let zone = match settings.timezone.as_deref() {
            Some(name) => TimeZone::get(name).map_err(|_| invalid("Expression Timezone", name))?,
            None => TimeZone::UTC,
        };
        Ok(Self { settings, expression, zone })
    }

    /// The next time at which it is due, once it fired for `fired_ms`, or never before. `now_ms` is the
    /// present, or the last time at which the past did not count.
    ///
    /// A single time is due until it has fired. Of recurring times those are skipped that lie more than
    /// a minute before the present.
    pub(crate) fn next_due(&self, fired_ms: Option<u64>, now_ms: u64) -> Option<u64> {
        let settings = &self.settings;
        if !settings.is_enabled {
            return None;
        }
        let changed_ms = settings.modified_ms;
        let fired_ms = fired_ms.filter(|fired_ms| *fired_ms >= changed_ms);
        if let Some(at_ms) = self.expression.at_ms(&self.zone) {
            // A time that was past when the schedule was made does not come.
            return Some(at_ms).filter(|at_ms| fired_ms.is_none() && *at_ms >= changed_ms);
        }
        let after_ms = fired_ms.unwrap_or(changed_ms).max(now_ms.saturating_sub(LATE_MS_MAX));
        let start_ms = settings.start_ms.filter(|start_ms| *start_ms > after_ms);
        let next_ms = match (&self.expression, start_ms) {
            // A rate begins when its schedule does.
            (Expression::Rate(_), Some(start_ms)) => Some(start_ms),
            (Expression::Rate(rate), None) => {
                Some(rate.next_after(after_ms, settings.start_ms.unwrap_or(settings.created_ms)))
            }
            (expression, start_ms) => {
                let from_ms = start_ms.map_or(after_ms, |start_ms| start_ms.saturating_sub(1));
                expression.next_after(from_ms, 0, &self.zone)
            }
        };
        next_ms.filter(|next_ms| settings.end_ms.is_none_or(|end_ms| *next_ms <= end_ms))
    }

    /// When it fires that is due at `due_ms`: somewhere in its window.
    pub(crate) fn fires_at(&self, due_ms: u64) -> u64 {
        let window_ms = u64::from(self.settings.window_minutes.unwrap_or(0)) * MINUTE_MS;
        due_ms + fastrand::u64(0..=window_ms)
    }

    /// The invocation that is due at `due_ms`.
    pub(crate) fn invocation(&self, due_ms: u64) -> Invocation<'_> {
        let settings = &self.settings;
        Invocation { schedule_arn: &settings.arn, account: settings.account, region: &settings.region, due_ms }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::EventMembers;

    fn settings(expression: &str) -> ScheduleSettings {
        ScheduleSettings {
            arn: "arn:aws:scheduler:us-east-1:000000000000:schedule/default/s".into(),
            name: "s".into(),
            group: DEFAULT_GROUP.into(),
            region: Region::default(),
            account: Account::DEFAULT,
            description: None,
            expression: expression.into(),
            timezone: None,
            start_ms: None,
            end_ms: None,
            window_minutes: None,
            is_enabled: true,
            is_deleted_after_completion: false,
            target: ScheduleTarget {
                arn: "arn:aws:sqs:us-east-1:000000000000:q".into(),
                role_arn: "arn:aws:iam::000000000000:role/r".into(),
                input: None,
                partition_key: None,
                message_group_id: None,
                event: None,
                retry_attempts: None,
                event_age_seconds: None,
                dead_letter_arn: None,
            },
            kms_key_arn: None,
            created_ms: 1_000_000,
            modified_ms: 1_000_000,
            client_token: None,
        }
    }

    #[test]
    fn schedules_and_groups_have_fixtures() {
        let plain = settings("rate(1 hour)");
        let full = ScheduleSettings {
            description: Some("Orders".into()),
            timezone: Some("Europe/Berlin".into()),
            start_ms: Some(1),
            end_ms: Some(2),
            window_minutes: Some(15),
            is_deleted_after_completion: true,
            target: ScheduleTarget {
                input: Some("{}".into()),
                partition_key: Some("p".into()),
                message_group_id: Some("g".into()),
                event: Some(EventMembers { detail_type: "Tick".into(), source: "clock".into() }),
                retry_attempts: Some(3),
                event_age_seconds: Some(60),
                dead_letter_arn: Some("arn:aws:sqs:us-east-1:000000000000:dead".into()),
                ..plain.target.clone()
            },
            kms_key_arn: Some("arn:aws:kms:us-east-1:000000000000:key/k".into()),
            client_token: Some("t".into()),
            ..plain.clone()
        };
        anabranch_control::check_fixtures("tests/stored", &[plain, full]);
        let group = GroupSettings {
            arn: "arn:aws:scheduler:us-east-1:000000000000:schedule-group/g".into(),
            name: "g".into(),
            created_ms: Some(1),
            modified_ms: Some(2),
            tags: BTreeMap::from([("k".into(), "v".into())]),
            client_token: Some("t".into()),
        };
        let default = GroupSettings { created_ms: None, modified_ms: None, client_token: None, ..group.clone() };
        anabranch_control::check_fixtures("tests/stored", &[group, default]);
        let firings = [crate::registry::StoredFiring { due_ms: 1_000_000 }];
        anabranch_control::check_fixtures("tests/stored", &firings);
    }

    #[test]
    fn rates_begin_with_their_schedule() {
        let minute = 60_000;
        let of = |settings| Schedule::new(settings).unwrap();
        let plain = of(settings("rate(5 minutes)"));
        assert_eq!(plain.next_due(None, 1_000_000), Some(1_000_000 + 5 * minute));
        assert_eq!(plain.next_due(Some(1_000_000 + 5 * minute), 1_000_000 + 5 * minute), Some(1_000_000 + 10 * minute));
        let started = of(ScheduleSettings { start_ms: Some(1_000_000 + minute), ..settings("rate(5 minutes)") });
        assert_eq!(started.next_due(None, 1_000_000), Some(1_000_000 + minute));
        assert_eq!(started.next_due(Some(1_000_000 + minute), 1_000_000 + minute), Some(1_000_000 + 6 * minute));
        let ended = of(ScheduleSettings { end_ms: Some(1_000_000 + 6 * minute), ..started.settings.clone() });
        assert_eq!(ended.next_due(Some(1_000_000 + 6 * minute), 1_000_000 + 6 * minute), None);
    }
}

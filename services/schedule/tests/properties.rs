//! The next time, compared with a walk through all minutes.

use anabranch_schedule::{Cron, Expression, Rate, TimeZone};
use jiff::tz::AmbiguousOffset;
use jiff::{Timestamp, ToSpan};
use proptest::prelude::*;

const MINUTE_MS: u64 = 60_000;
/// How far the walk goes, in minutes.
const WALK: u64 = 4 * 1_440;
const ZONES: [&str; 5] = ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"];

fn field(min: u16, max: u16) -> impl Strategy<Value = String> {
    let number = min..=max;
    prop_oneof![
        Just("*".to_string()),
        number.clone().prop_map(|number| number.to_string()),
        (number.clone(), number.clone()).prop_map(|(from, to)| format!("{from}-{to}")),
        (number.clone(), 1u16..20).prop_map(|(from, step)| format!("{from}/{step}")),
        (number.clone(), number).prop_map(|(one, other)| format!("{one},{other}")),
    ]
}

fn days() -> impl Strategy<Value = String> {
    prop_oneof![
        field(1, 31).prop_map(|days| format!("{days} * ?")),
        field(1, 7).prop_map(|days| format!("? * {days}")),
        (1u16..=31).prop_map(|day| format!("{day}W * ?")),
        (1u16..=7, 1u16..=5).prop_map(|(day, nth)| format!("? * {day}#{nth}")),
        (1u16..=7).prop_map(|day| format!("? * {day}L")),
        Just("L * ?".to_string()),
        Just("LW * ?".to_string()),
    ]
}

/// Around the times at which clocks change in 2026, mostly.
fn moment() -> impl Strategy<Value = u64> {
    let near = |day: u64| (day - 2 * 86_400_000)..(day + 2 * 86_400_000);
    prop_oneof![
        near(1_774_746_000_000),
        near(1_792_890_000_000),
        near(1_772_953_200_000),
        near(1_793_512_800_000),
        1_767_225_600_000u64..1_798_761_600_000,
    ]
}

/// By the definition: the first minute that holds by the zone's clocks, which show it for the first
/// time.
fn walked(cron: &Cron, after_ms: u64, zone: &TimeZone) -> Option<u64> {
    let first = (after_ms / MINUTE_MS + 1) * MINUTE_MS;
    (0..WALK).map(|minute| first + minute * MINUTE_MS).find(|ms| {
        let moment = Timestamp::from_millisecond(*ms as i64).unwrap_or_default();
        let local = zone.to_datetime(moment);
        let is_first = match zone.to_ambiguous_timestamp(local).offset() {
            AmbiguousOffset::Fold { before, .. } => before.to_timestamp(local).is_ok_and(|first| first == moment),
            _ => true,
        };
        is_first && cron.holds_at(local)
    })
}

proptest! {
    #[test]
    fn the_next_time_is_the_first_that_holds(
        minutes in field(0, 59), hours in field(0, 23), days in days(), after_ms in moment(), zone in 0..ZONES.len(),
    ) {
        let cron: Cron = format!("{minutes} {hours} {days} *").parse().unwrap();
        let zone = TimeZone::get(ZONES[zone]).unwrap();
        let next = cron.next_after(after_ms, &zone);
        prop_assert!(next.is_none_or(|next| next > after_ms && next % MINUTE_MS == 0));
        let within = next.filter(|next| *next < (after_ms / MINUTE_MS + 1 + WALK) * MINUTE_MS);
        prop_assert_eq!(within, walked(&cron, after_ms, &zone));
    }

    #[test]
    fn a_time_in_a_later_month_holds_too(day in 1u16..=31, month in 1u16..=12, after_ms in moment()) {
        let cron: Cron = format!("0 0 {day} {month} ? *").parse().unwrap();
        if let Some(next) = cron.next_after(after_ms, &TimeZone::UTC) {
            let local = TimeZone::UTC.to_datetime(Timestamp::from_millisecond(next as i64).unwrap());
            prop_assert!(next > after_ms && cron.holds_at(local));
            prop_assert!(!cron.holds_at(local.checked_sub(1.minute()).unwrap()));
        } else {
            prop_assert!(day > 29 && month == 2 || day == 31 && [4, 6, 9, 11].contains(&month));
        }
    }

    #[test]
    fn rates_are_whole_intervals(value in 1u64..10_000, since_ms in moment(), ahead_ms in 0u64..10_000_000_000) {
        let rate: Rate = format!("{value} minutes").parse().unwrap();
        let next = rate.next_after(since_ms + ahead_ms, since_ms);
        prop_assert!(next > since_ms + ahead_ms && next - (since_ms + ahead_ms) <= rate.interval_ms());
        prop_assert_eq!((next - since_ms) % rate.interval_ms(), 0);
    }

    #[test]
    fn any_text_is_read_or_refused(text in "(cron|rate|at)?\\(?[-0-9*?/,#LWa-zA-Z: ]{0,24}\\)?") {
        if let Ok(expression) = Expression::parse(&text) {
            let _ = expression.next_after(1_772_697_600_000, 0, &TimeZone::UTC);
        }
    }
}

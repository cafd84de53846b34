//! Expressions of the documentation, and what is none.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use anabranch_schedule::{Expression, TimeZone};
use jiff::Timestamp;

fn ms(text: &str) -> u64 {
    text.parse::<Timestamp>().unwrap().as_millisecond() as u64
}

fn show(ms: u64) -> String {
    Timestamp::from_millisecond(ms as i64).unwrap().to_string()
}

/// The next times after `after` in `zone`.
fn next(expression: &str, after: &str, zone: &str, count: usize) -> Vec<String> {
    let expression = Expression::parse(expression).unwrap();
    let zone = TimeZone::get(zone).unwrap();
    let mut at = ms(after);
    let times = std::iter::from_fn(|| {
        at = expression.next_after(at, ms(after), &zone)?;
        Some(show(at))
    });
    times.take(count).collect()
}

#[test]
fn the_documentations_expressions() {
    let after = "2026-03-05T08:00:00Z"; // A Thursday.
    for (expression, expected) in [
        ("cron(0 10 * * ? *)", ["2026-03-05T10:00:00Z", "2026-03-06T10:00:00Z"]),
        ("cron(15 12 * * ? *)", ["2026-03-05T12:15:00Z", "2026-03-06T12:15:00Z"]),
        ("cron(0 18 ? * MON-FRI *)", ["2026-03-05T18:00:00Z", "2026-03-06T18:00:00Z"]),
        ("cron(0 8 1 * ? *)", ["2026-04-01T08:00:00Z", "2026-05-01T08:00:00Z"]),
        ("cron(0/15 * * * ? *)", ["2026-03-05T08:15:00Z", "2026-03-05T08:30:00Z"]),
        ("cron(0/10 * ? * MON-FRI *)", ["2026-03-05T08:10:00Z", "2026-03-05T08:20:00Z"]),
        ("cron(0/5 8-17 ? * MON-FRI *)", ["2026-03-05T08:05:00Z", "2026-03-05T08:10:00Z"]),
        ("cron(0/30 20-2 ? * MON-FRI *)", ["2026-03-05T20:00:00Z", "2026-03-05T20:30:00Z"]),
        ("cron(15 10 ? * 6L 2026-2027)", ["2026-03-27T10:15:00Z", "2026-04-24T10:15:00Z"]),
        ("cron(0 9 ? * 2#1 *)", ["2026-04-06T09:00:00Z", "2026-05-04T09:00:00Z"]),
        ("cron(0 0 L * ? *)", ["2026-03-31T00:00:00Z", "2026-04-30T00:00:00Z"]),
        ("cron(0 0 LW * ? *)", ["2026-03-31T00:00:00Z", "2026-04-30T00:00:00Z"]),
        ("cron(0 0 1W * ? *)", ["2026-04-01T00:00:00Z", "2026-05-01T00:00:00Z"]),
        ("cron(0 0 15W * ? *)", ["2026-03-16T00:00:00Z", "2026-04-15T00:00:00Z"]),
        ("cron(0 0 31W * ? *)", ["2026-03-31T00:00:00Z", "2026-05-29T00:00:00Z"]),
        ("cron(0 0 ? * L *)", ["2026-03-07T00:00:00Z", "2026-03-14T00:00:00Z"]),
        ("cron(0 0 ? * fri-mon *)", ["2026-03-06T00:00:00Z", "2026-03-07T00:00:00Z"]),
        ("cron(0 0 29 2 ? *)", ["2028-02-29T00:00:00Z", "2032-02-29T00:00:00Z"]),
        ("rate(5 minutes)", ["2026-03-05T08:05:00Z", "2026-03-05T08:10:00Z"]),
        ("rate(1 hour)", ["2026-03-05T09:00:00Z", "2026-03-05T10:00:00Z"]),
        ("rate(7 days)", ["2026-03-12T08:00:00Z", "2026-03-19T08:00:00Z"]),
    ] {
        assert_eq!(next(expression, after, "UTC", 2), expected, "{expression}");
    }
    assert_eq!(next("at(2026-11-20T13:00:00)", after, "America/New_York", 2), ["2026-11-20T18:00:00Z"]);
    assert!(next("cron(0 0 31 2 ? *)", after, "UTC", 1).is_empty());
    assert!(next("cron(0 0 * * ? 2025)", after, "UTC", 1).is_empty());
}

/// Spring: 02:00 becomes 03:00. Autumn: 03:00 becomes 02:00.
#[test]
fn clocks_that_change() {
    let berlin = |expression, after, count| next(expression, after, "Europe/Berlin", count);
    let daily = berlin("cron(30 2 * * ? *)", "2026-03-28T00:00:00Z", 3);
    assert_eq!(daily, ["2026-03-28T01:30:00Z", "2026-03-30T00:30:00Z", "2026-03-31T00:30:00Z"], "skipped");
    let daily = berlin("cron(30 2 * * ? *)", "2026-10-24T12:00:00Z", 2);
    assert_eq!(daily, ["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"], "once");
    let within = berlin("cron(0 * * * ? *)", "2026-10-25T00:30:00Z", 2);
    assert_eq!(within, ["2026-10-25T02:00:00Z", "2026-10-25T03:00:00Z"], "the second 02:00 is none");
}

#[test]
fn what_is_no_expression() {
    for text in [
        "",
        "rate",
        "rate()",
        "rate(5)",
        "rate(0 minutes)",
        "rate(-1 minutes)",
        "rate(+1 minutes)",
        "rate(5 seconds)",
        "rate(5 minutes",
        "Rate(5 minutes)",
        "cron(* * * * *)",
        "cron(0 12 * * * *)",
        "cron(0 12 ? * ? *)",
        "cron(60 12 * * ? *)",
        "cron(0 24 * * ? *)",
        "cron(0 12 0 * ? *)",
        "cron(0 12 32 * ? *)",
        "cron(0 12 * 13 ? *)",
        "cron(0 12 ? * 8 *)",
        "cron(0 12 ? * 3#6 *)",
        "cron(0 12 ? * 3# *)",
        "cron(0 12 * * ? 1969)",
        "cron(0 12 * * ? 2030-2020)",
        "cron(0/0 12 * * ? *)",
        "cron(, 12 * * ? *)",
        "cron(1- 12 * * ? *)",
        "cron(0 12 W * ? *)",
        "cron(0 12 * * ? * *)",
        "at(2026-11-20)",
        "at(2026-11-20T13:00)",
        "at(2026-11-20T13:00:00Z)",
        "at(2026-13-20T13:00:00)",
        "at(2026-11-20 13:00:00)",
    ] {
        assert!(Expression::parse(text).is_err(), "{text}");
    }
    let agrees = |text| matches!(Expression::parse(text), Ok(Expression::Rate(rate)) if rate.agrees());
    assert!(agrees("rate(1 day)") && agrees("rate(2 days)") && !agrees("rate(1 days)") && !agrees("rate(2 day)"));
}

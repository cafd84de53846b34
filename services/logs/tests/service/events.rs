//! Events: what is taken, and how it is read.

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::harness::{HOUR_MS, Harness, NOW_MS, messages};

#[tokio::test]
async fn a_put_keeps_to_the_rules() {
    let harness = Harness::new();
    harness.make("g", &["s"]).await;
    let put = |events: Value| json!({ "logGroupName": "g", "logStreamName": "s", "logEvents": events });
    let event = |at: i64, message: &str| json!({ "timestamp": NOW_MS.saturating_add_signed(at), "message": message });
    for (events, words) in [
        (
            json!([event(1, "a"), event(0, "b")]),
            "Log events in a single PutLogEvents request must be in chronological order.",
        ),
        (json!([event(-25 * HOUR_MS as i64, "a"), event(0, "b")]), "cannot span more than 24 hours."),
        (json!([event(0, &"x".repeat(1_048_551))]), "Log event too large: 1048577 bytes exceeds limit of 1048576"),
        (
            json!([event(0, &"x".repeat(600_000)), event(0, &"x".repeat(600_000))]),
            "Upload too large: 1200052 bytes exceeds limit of 1048576",
        ),
        (json!([]), "at 'logEvents' failed to satisfy constraint: Member must have length greater than or equal to 1"),
        (json!([event(0, "")]), "at 'logEvents.1.member.message'"),
        (json!([{ "message": "a" }]), "Value null at 'logEvents.1.member.timestamp'"),
    ] {
        let refused = harness.refused("PutLogEvents", put(events)).await;
        assert!(refused.starts_with("InvalidParameterException") && refused.contains(words), "{refused}");
    }
    let request = json!({ "logGroupName": "g", "logStreamName": "none", "logEvents": [event(0, "a")] });
    let refused = harness.refused("PutLogEvents", request).await;
    assert_eq!(refused, "ResourceNotFoundException: The specified log stream does not exist.");
    let day = 24 * HOUR_MS as i64;
    let answer = harness.put("g", "s", &[(-15 * day, "old")]).await;
    assert_eq!(answer["rejectedLogEventsInfo"], json!({ "tooOldLogEventEndIndex": 1 }));
    let answer = harness.put("g", "s", &[(0, "now"), (3 * HOUR_MS as i64, "new")]).await;
    assert_eq!(answer["rejectedLogEventsInfo"], json!({ "tooNewLogEventStartIndex": 1 }));
    assert_eq!(harness.filter(json!({ "logGroupName": "g" })).await, ["now"]);
}

#[tokio::test]
async fn pages_go_both_ways_and_end_where_the_token_stays() {
    let harness = Harness::new();
    harness.make("g", &["s"]).await;
    for number in 0..5 {
        harness
            .put(
                "g",
                "s",
                &[(2 * number, &format!("{}", 2 * number)), (2 * number + 1, &format!("{}", 2 * number + 1))],
            )
            .await;
    }
    let get = async |more: Value| {
        let mut request = json!({ "logGroupName": "g", "logStreamName": "s", "limit": 4 });
        request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        harness.call("GetLogEvents", request).await
    };
    let newest = get(json!({})).await;
    assert_eq!(messages(&newest).concat(), "6789");
    let older = get(json!({ "nextToken": newest["nextBackwardToken"] })).await;
    assert_eq!(messages(&older).concat(), "2345");
    let oldest = get(json!({ "nextToken": older["nextBackwardToken"] })).await;
    assert_eq!(messages(&oldest).concat(), "01");
    let end = get(json!({ "nextToken": oldest["nextBackwardToken"] })).await;
    assert_eq!((messages(&end).len(), &end["nextBackwardToken"]), (0, &oldest["nextBackwardToken"]));
    let head = get(json!({ "startFromHead": true })).await;
    assert_eq!(messages(&head).concat(), "0123");
    let next = get(json!({ "nextToken": head["nextForwardToken"] })).await;
    assert_eq!(messages(&next).concat(), "4567");
    let last = get(json!({ "nextToken": next["nextForwardToken"] })).await;
    assert_eq!(messages(&last).concat(), "89");
    let end = get(json!({ "nextToken": last["nextForwardToken"] })).await;
    assert_eq!((messages(&end).len(), &end["nextForwardToken"]), (0, &last["nextForwardToken"]));
    harness.put("g", "s", &[(10, "A")]).await;
    assert_eq!(messages(&get(json!({ "nextToken": end["nextForwardToken"] })).await).concat(), "A");
    let between = get(json!({ "startFromHead": true, "startTime": NOW_MS + 2, "endTime": NOW_MS + 5 })).await;
    assert_eq!(messages(&between).concat(), "234");
    let refused =
        harness.refused("GetLogEvents", json!({ "logGroupName": "g", "logStreamName": "s", "nextToken": "x" })).await;
    assert_eq!(refused, "InvalidParameterException: The specified nextToken is invalid.");
}

#[tokio::test]
async fn expired_events_are_neither_taken_nor_shown_and_their_segments_go() {
    let harness = Harness::new();
    harness.make("g", &["s"]).await;
    let line = "x".repeat(200_000);
    for number in 0..40 {
        harness.put("g", "s", &[(number, &line)]).await;
    }
    let segments = |harness: &Harness| {
        let logs = std::fs::read_dir(harness.directory.path().join("logs")).unwrap();
        logs.map(|log| std::fs::read_dir(log.unwrap().path()).unwrap().count()).sum::<usize>()
    };
    let before = segments(&harness);
    harness.call("PutRetentionPolicy", json!({ "logGroupName": "g", "retentionInDays": 1 })).await;
    anabranch_protocol::Service::start(&*harness.logs).unwrap();
    harness.clock.advance_ms(25 * HOUR_MS);
    assert_eq!(harness.filter(json!({ "logGroupName": "g" })).await.len(), 0);
    let answer = harness.put("g", "s", &[(0, "expired"), (2 * HOUR_MS as i64, "kept")]).await;
    assert_eq!(answer["rejectedLogEventsInfo"], json!({ "expiredLogEventEndIndex": 1 }));
    assert_eq!(harness.filter(json!({ "logGroupName": "g" })).await, ["kept"]);
    while segments(&harness) + 1 >= before {
        harness.clock.advance_ms(HOUR_MS);
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_crash_keeps_what_was_acknowledged() {
    let mut harness = Harness::new();
    harness.make("g", &["a", "b"]).await;
    let mut expected = Vec::new();
    for round in 0..3 {
        for number in 0..10 {
            let message = format!("{round}/{number}");
            harness.put("g", if number % 2 == 0 { "a" } else { "b" }, &[(10 * round + number, &message)]).await;
            expected.push(message);
        }
        harness = if round == 1 { harness.restart().await } else { harness.crash() };
        assert_eq!(harness.filter(json!({ "logGroupName": "g" })).await, expected);
    }
    let groups = harness.call("DescribeLogGroups", json!({})).await;
    assert_eq!(groups["logGroups"][0]["storedBytes"], 30 * (3 + 26));
}

/// Puts of a stream: how far each begins from the one before, and how long it is.
fn puts() -> impl Strategy<Value = Vec<(u8, i64, Vec<u16>)>> {
    proptest::collection::vec((0..3_u8, -40_000..40_000_i64, proptest::collection::vec(0..2_000_u16, 1..6)), 1..60)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
    #[test]
    fn events_are_read_in_order_whatever_the_order_in_which_they_came(puts in puts(), limit in 1..20_usize) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        runtime.block_on(async {
            let harness = Harness::new();
            harness.make("g", &["0", "1", "2"]).await;
            let mut expected: Vec<(i64, usize, usize, u8, String)> = Vec::new();
            for (put, (stream, begin, steps)) in puts.iter().enumerate() {
                let mut at = *begin;
                let mut events = Vec::new();
                for (index, step) in steps.iter().enumerate() {
                    at += i64::from(*step);
                    events.push((at, format!("{put}.{index}")));
                    expected.push((at, put, index, *stream, format!("{put}.{index}")));
                }
                let events: Vec<_> = events.iter().map(|(at, message)| (*at, message.as_str())).collect();
                harness.put("g", &stream.to_string(), &events).await;
            }
            expected.sort();
            let all: Vec<_> = expected.iter().map(|event| event.4.clone()).collect();
            assert_eq!(harness.filter(json!({ "logGroupName": "g", "limit": limit })).await, all);
            let of_stream: Vec<_> = expected.iter().filter(|event| event.3 == 1).map(|event| event.4.clone()).collect();
            for forward in [true, false] {
                let mut request =
                    json!({ "logGroupName": "g", "logStreamName": "1", "startFromHead": forward, "limit": limit });
                let mut pages = Vec::new();
                loop {
                    let page = harness.call("GetLogEvents", request.clone()).await;
                    let found = messages(&page);
                    if found.is_empty() {
                        break;
                    }
                    pages.push(found);
                    request["nextToken"] = page[if forward { "nextForwardToken" } else { "nextBackwardToken" }].clone();
                }
                if !forward {
                    pages.reverse();
                }
                assert_eq!(pages.concat(), of_stream);
            }
        });
    }
}

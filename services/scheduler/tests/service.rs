//! Scheduler through its service, with targets in memory and a clock that the tests move.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod harness;

use std::time::Duration;

use anabranch_protocol::Service;
use harness::{Harness, QUEUE, document};
use serde_json::{Value, json};

/// A Thursday.
const NOW_MS: u64 = 1_772_697_600_000; // 2026-03-05T08:00:00Z
const ROLE: &str = "arn:aws:iam::000000000000:role/r";
const MINUTE: Duration = Duration::from_secs(60);

fn schedule(expression: &str, members: Value) -> Value {
    let mut request = json!({
        "Name": "s", "ScheduleExpression": expression, "FlexibleTimeWindow": { "Mode": "OFF" },
        "Target": { "Arn": QUEUE, "RoleArn": ROLE, "Input": "<aws.scheduler.scheduled-time>" },
    });
    request.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    request
}

/// What was delivered, in order: deliveries themselves are beside one another.
fn texts(delivered: &[(String, String)]) -> Vec<&str> {
    let mut texts: Vec<&str> = delivered.iter().map(|(_, text)| text.as_str()).collect();
    texts.sort_unstable();
    texts
}

#[tokio::test]
async fn one_time_schedules_fire_once() {
    let harness = Harness::new(NOW_MS);
    harness
        .call(
            "CreateSchedule",
            schedule("at(2026-03-05T09:30:00)", json!({ "ScheduleExpressionTimezone": "Europe/Berlin" })),
        )
        .await;
    harness
        .call(
            "CreateSchedule",
            schedule("at(2026-03-05T08:40:00)", json!({ "Name": "gone", "ActionAfterCompletion": "DELETE" })),
        )
        .await;
    harness.call("CreateSchedule", schedule("at(2026-03-05T07:00:00)", json!({ "Name": "past" }))).await;
    harness.clock.advance(120 * MINUTE).await;
    assert_eq!(texts(&harness.delivered(2).await), ["2026-03-05T08:30:00Z", "2026-03-05T08:40:00Z"]);
    harness.settled().await;
    assert_eq!(harness.target.deliveries().len(), 2);
    let (code, message) = harness.refused("GetSchedule", json!({ "Name": "gone" })).await;
    assert_eq!((code, message.as_str()), ("ResourceNotFoundException", "Schedule gone does not exist."));
    assert_eq!(harness.call("GetSchedule", json!({ "Name": "s" })).await["State"], "ENABLED");
}

#[tokio::test]
async fn recurring_schedules_fire_between_their_dates() {
    let harness = Harness::new(NOW_MS);
    let dates = json!({ "StartDate": 1_772_697_600 + 1800, "EndDate": 1_772_697_600 + 3 * 1800 });
    harness.call("CreateSchedule", schedule("rate(20 minutes)", dates)).await;
    harness
        .call("CreateSchedule", schedule("cron(0 9 * * ? *)", json!({ "Name": "daily", "State": "DISABLED" })))
        .await;
    for (count, minutes) in [(1, 30), (2, 20), (3, 20), (4, 20)] {
        harness.clock.advance(minutes * MINUTE).await;
        harness.delivered(count).await;
    }
    harness.clock.advance(60 * MINUTE).await;
    let expected = ["2026-03-05T08:30:00Z", "2026-03-05T08:50:00Z", "2026-03-05T09:10:00Z", "2026-03-05T09:30:00Z"];
    assert_eq!(texts(&harness.delivered(4).await), expected);
    harness.call("UpdateSchedule", schedule("cron(0 12 * * ? *)", json!({ "Name": "daily" }))).await;
    harness.clock.advance(90 * MINUTE).await;
    assert_eq!(texts(&harness.delivered(5).await)[4], "2026-03-05T12:00:00Z");
    harness.call("DeleteSchedule", json!({ "Name": "daily" })).await;
    harness.clock.advance(48 * 60 * MINUTE).await;
    harness.settled().await;
    assert_eq!(harness.target.deliveries().len(), 5);
}

#[tokio::test]
async fn what_was_missed_fires_once_after_a_restart() {
    let harness = Harness::new(NOW_MS);
    harness.call("CreateSchedule", schedule("at(2026-03-05T09:00:00)", json!({}))).await;
    harness.call("CreateSchedule", schedule("rate(1 minute)", json!({ "Name": "often" }))).await;
    harness.events.close().await;
    harness.clock.advance_ms(7_230_000);
    let harness = harness.reopened().await;
    harness.events.start().unwrap();
    assert_eq!(texts(&harness.delivered(2).await), ["2026-03-05T09:00:00Z", "2026-03-05T10:00:00Z"]);
    harness.settled().await;
    harness.events.close().await;
    let harness = harness.reopened().await;
    harness.events.start().unwrap();
    harness.clock.advance(MINUTE).await;
    assert_eq!(texts(&harness.delivered(3).await)[2], "2026-03-05T10:01:00Z");
    harness.settled().await;
    assert_eq!(harness.target.deliveries().len(), 3);
}

#[tokio::test]
async fn a_window_delays_and_input_is_filled_in() {
    let harness = Harness::new(NOW_MS);
    let bus = "arn:aws:events:us-east-1:000000000000:event-bus/default";
    let window = json!({ "FlexibleTimeWindow": { "Mode": "FLEXIBLE", "MaximumWindowInMinutes": 10 } });
    harness.call("CreateSchedule", schedule("at(2026-03-05T08:30:00)", window)).await;
    let event = json!({ "DetailType": "Tick", "Source": "clock" });
    let target = json!({ "Arn": bus, "RoleArn": ROLE, "EventBridgeParameters": event, "Input": "{\"arn\": \"<aws.scheduler.schedule-arn>\"}" });
    harness
        .call("CreateSchedule", schedule("at(2026-03-05T09:00:00)", json!({ "Name": "event", "Target": target })))
        .await;
    let plain = json!({ "Name": "plain", "Target": { "Arn": QUEUE, "RoleArn": ROLE } });
    harness.call("CreateSchedule", schedule("at(2026-03-05T09:30:00)", plain)).await;
    harness.clock.advance(41 * MINUTE).await;
    assert_eq!(texts(&harness.delivered(1).await), ["2026-03-05T08:30:00Z"]);
    harness.clock.advance(20 * MINUTE).await;
    harness.delivered(2).await;
    harness.clock.advance(30 * MINUTE).await;
    let delivered = harness.delivered(3).await;
    let (arn, event) = (&delivered[1].0, document(&delivered[1].1));
    assert_eq!((arn.as_str(), &event["source"], &event["detail-type"]), (bus, &json!("clock"), &json!("Tick")));
    assert_eq!(event["detail"]["arn"], "arn:aws:scheduler:us-east-1:000000000000:schedule/default/event");
    assert_eq!(document(&delivered[2].1)["source"], "aws.scheduler");
}

#[tokio::test]
async fn what_is_not_taken_goes_to_the_dead_letter_queue() {
    let harness = Harness::new(NOW_MS);
    let gone = "arn:aws:sqs:us-east-1:000000000000:gone";
    let target = json!({ "Arn": gone, "RoleArn": ROLE, "Input": "x", "DeadLetterConfig": { "Arn": QUEUE } });
    harness.call("CreateSchedule", schedule("at(2026-03-05T08:30:00)", json!({ "Target": target }))).await;
    harness.clock.advance(31 * MINUTE).await;
    assert_eq!(harness.delivered(1).await, [(QUEUE.to_string(), "x".to_string())]);
    let attributes = harness.target.deliveries()[0].1.attributes.clone();
    let names: Vec<&str> = attributes.iter().map(|(name, _)| name.as_str()).collect();
    assert!(
        ["SCHEDULE_ARN", "TARGET_ARN", "EXECUTION_ID", "SCHEDULED_TIME", "ERROR_CODE"]
            .iter()
            .all(|name| names.contains(name)),
        "{names:?}"
    );
}

#[tokio::test]
async fn groups_hold_schedules_and_tags() {
    let harness = Harness::new(NOW_MS);
    let group = harness
        .call("CreateScheduleGroup", json!({ "Name": "g", "ClientToken": "t", "Tags": [{ "Key": "k", "Value": "v" }] }))
        .await;
    assert_eq!(group["ScheduleGroupArn"], "arn:aws:scheduler:us-east-1:000000000000:schedule-group/g");
    harness.call("CreateScheduleGroup", json!({ "Name": "g", "ClientToken": "t" })).await;
    assert_eq!(harness.refused("CreateScheduleGroup", json!({ "Name": "g" })).await.0, "ConflictException");
    let tags = harness.call("ListTagsForResource", json!({ "ResourceArn": group["ScheduleGroupArn"] })).await;
    assert_eq!(tags["Tags"], json!([{ "Key": "k", "Value": "v" }]));
    for name in ["a", "b"] {
        harness.call("CreateSchedule", schedule("rate(1 hour)", json!({ "Name": name, "GroupName": "g" }))).await;
    }
    let page = harness.call("ListSchedules", json!({ "GroupName": "g", "MaxResults": 1 })).await;
    assert_eq!(page["Schedules"][0]["Name"], "a");
    let page = harness
        .call("ListSchedules", json!({ "GroupName": "g", "MaxResults": 1, "NextToken": page["NextToken"] }))
        .await;
    assert_eq!((page["Schedules"][0]["Name"].as_str(), page.get("NextToken")), (Some("b"), None));
    let groups = harness.call("ListScheduleGroups", json!({})).await;
    assert_eq!(groups["ScheduleGroups"].as_array().unwrap().len(), 2);
    let harness = harness.reopened().await;
    harness.call("DeleteScheduleGroup", json!({ "Name": "g" })).await;
    assert_eq!(harness.call("ListSchedules", json!({})).await["Schedules"], json!([]));
    assert_eq!(harness.refused("GetScheduleGroup", json!({ "Name": "g" })).await.1, "Schedule group g does not exist.");
}

#[tokio::test]
async fn what_is_refused_says_why() {
    let harness = Harness::new(NOW_MS);
    harness.call("CreateSchedule", schedule("rate(1 hour)", json!({ "ClientToken": "t" }))).await;
    harness.call("CreateSchedule", schedule("rate(1 hour)", json!({ "ClientToken": "t" }))).await;
    let target = |arn: &str, members: Value| {
        let mut target = json!({ "Arn": arn, "RoleArn": ROLE });
        target.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        schedule("rate(1 hour)", json!({ "Name": "n", "Target": target }))
    };
    for (request, code, expected) in [
        (schedule("rate(1 hour)", json!({})), "ConflictException", "Schedule s already exists."),
        (
            schedule("rate(1 second)", json!({ "Name": "n" })),
            "ValidationException",
            "Invalid Schedule Expression rate(1 second).",
        ),
        (
            schedule("rate(1 hour)", json!({ "Name": "n", "ScheduleExpressionTimezone": "Moon" })),
            "ValidationException",
            "Invalid Schedule Expression Timezone Moon.",
        ),
        (
            schedule("rate(1 hour)", json!({ "Name": "n", "GroupName": "none" })),
            "ResourceNotFoundException",
            "Schedule group none does not exist.",
        ),
        (
            schedule("rate(1 hour)", json!({ "Name": "n", "FlexibleTimeWindow": { "Mode": "FLEXIBLE" } })),
            "ValidationException",
            "MaximumWindowInMinutes must be set",
        ),
        (
            schedule("rate(1 hour)", json!({ "Name": "a b" })),
            "ValidationException",
            "1 validation error detected: Value 'a b' at 'name'",
        ),
        (target("arn:aws:scheduler:::aws-sdk:sqs:sendMessage", json!({})), "ValidationException", "Universal targets"),
        (
            target("arn:aws:states:us-east-1:000000000000:stateMachine:m", json!({})),
            "ValidationException",
            "arn:aws:states:us-east-1:000000000000:stateMachine:m is not supported as a target",
        ),
        (
            target("arn:aws:kinesis:us-east-1:000000000000:stream/s", json!({})),
            "ValidationException",
            "KinesisParameters must be set",
        ),
        (
            target("arn:aws:lambda:us-east-1:000000000000:function:f", json!({ "Input": "{" })),
            "ValidationException",
            "Input for target",
        ),
        (
            target(QUEUE, json!({ "EcsParameters": {} })),
            "ValidationException",
            "EcsParameters is not supported by Anabranch.",
        ),
    ] {
        let (found, message) = harness.refused("CreateSchedule", request.clone()).await;
        assert!(found == code && message.starts_with(expected), "{request}: {found}: {message}");
    }
    assert_eq!(
        harness.refused("UpdateSchedule", schedule("rate(1 hour)", json!({ "Name": "n" }))).await.0,
        "ResourceNotFoundException"
    );
    assert_eq!(harness.refused("DeleteScheduleGroup", json!({ "Name": "default" })).await.0, "ValidationException");
}

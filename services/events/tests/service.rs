//! EventBridge through its service, with targets in memory and a clock that the tests move.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod harness;

use std::time::Duration;

use anabranch_protocol::Service;
use harness::{Harness, QUEUE, document};
use serde_json::json;

/// A Thursday.
const NOW_MS: u64 = 1_772_697_600_000; // 2026-03-05T08:00:00Z
const RULE_ARN: &str = "arn:aws:events:us-east-1:000000000000:rule/orders";

#[tokio::test]
async fn an_event_reaches_the_targets_of_the_rules_it_matches() {
    let harness = Harness::new(NOW_MS);
    harness
        .rule("orders", json!({ "EventPattern": r#"{"source":["shop"],"detail":{"total":[{"numeric":[">",10]}]}}"# }))
        .await;
    harness.rule("others", json!({ "EventPattern": r#"{"source":["other"]}"# })).await;
    harness.targets("orders", json!([{ "Id": "queue", "Arn": QUEUE }])).await;
    harness.targets("others", json!([{ "Id": "queue", "Arn": QUEUE }])).await;

    let answer = harness.put(json!([
        { "Source": "shop", "DetailType": "Order", "Detail": "{\"total\": 12.50, \"a\": [1, 2]}", "Resources": ["r"] },
        { "Source": "shop", "DetailType": "Order", "Detail": "{\"total\": 3}" },
    ])).await;
    assert_eq!(answer["FailedEntryCount"], 0);
    let delivered = harness.delivered(1).await;
    let id = answer["Entries"][0]["EventId"].as_str().unwrap();
    assert_eq!(
        delivered[0].1,
        format!(
            r#"{{"version":"0","id":"{id}","detail-type":"Order","source":"shop","account":"000000000000","time":"2026-03-05T08:00:00Z","region":"us-east-1","resources":["r"],"detail":{{"total":12.50,"a":[1,2]}}}}"#
        )
    );
    harness.settled().await;
    assert_eq!(harness.target.deliveries().len(), 1);
}

#[tokio::test]
async fn wrong_entries_fail_alone() {
    let harness = Harness::new(NOW_MS);
    let entry = |source: &str, detail_type: &str, detail: &str| json!({ "Source": source, "DetailType": detail_type, "Detail": detail });
    let answer = harness
        .put(json!([
            entry("shop", "Order", "{}"),
            entry("", "Order", "{}"),
            { "Source": "shop", "Detail": "{}" },
            { "Source": "shop", "DetailType": "Order" },
            entry("shop", "Order", "{\"a\":"),
            entry("shop", "Order", "[1]"),
            entry("aws.s3", "Order", "{}"),
            { "Source": "a", "DetailType": "b", "Detail": "{}", "EventBusName": "none" },
        ]))
        .await;
    assert_eq!(answer["FailedEntryCount"], 6);
    let of = |index: usize| {
        let entry = &answer["Entries"][index];
        (entry["ErrorCode"].as_str().unwrap_or_default(), entry["ErrorMessage"].as_str().unwrap_or_default())
    };
    assert_eq!(of(0), ("", ""));
    assert_eq!(of(1), ("InvalidArgument", "Parameter Source is not valid. Reason: Source is a required argument."));
    assert_eq!(
        of(2),
        ("InvalidArgument", "Parameter DetailType is not valid. Reason: DetailType is a required argument.")
    );
    assert_eq!(of(3), ("InvalidArgument", "Parameter Detail is not valid. Reason: Detail is a required argument."));
    assert_eq!(of(4), ("MalformedDetail", "Detail is malformed."));
    assert_eq!(of(5), ("MalformedDetail", "Detail is malformed."));
    assert_eq!(of(6), ("NotAuthorizedForSourceException", "Not authorized for the source."));
    assert!(answer["Entries"][7]["EventId"].is_string());

    let large = "x".repeat(1024 * 1024);
    let refused =
        harness.refused("PutEvents", json!({ "Entries": [entry("shop", "Order", &format!("{{\"a\":\"{large}\"}}"))] }));
    let (code, message) = refused.await;
    assert_eq!(
        (code, message.as_str()),
        ("ValidationException", "Total size of the entries in the request is over the limit.")
    );
    let many: Vec<_> = (0..11).map(|_| entry("shop", "Order", "{}")).collect();
    let (code, message) = harness.refused("PutEvents", json!({ "Entries": many })).await;
    assert!(code == "ValidationException" && message.contains("less than or equal to 10"), "{message}");
}

#[tokio::test]
async fn each_target_gets_its_own_input() {
    let harness = Harness::new(NOW_MS);
    harness.rule("orders", json!({ "EventPattern": r#"{"source":["shop"]}"# })).await;
    let stream = "arn:aws:kinesis:us-east-1:000000000000:stream/orders";
    let fifo = "arn:aws:sqs:us-east-1:000000000000:orders.fifo";
    let function = "arn:aws:lambda:us-east-1:000000000000:function:orders";
    harness
        .targets("orders", json!([
            { "Id": "constant", "Arn": QUEUE, "Input": "{\"a\": 1}" },
            { "Id": "path", "Arn": function, "InputPath": "$.detail.name" },
            { "Id": "stream", "Arn": stream, "RoleArn": "arn:aws:iam::000000000000:role/r", "KinesisParameters": { "PartitionKeyPath": "$.detail.name" } },
            { "Id": "fifo", "Arn": fifo, "SqsParameters": { "MessageGroupId": "g" }, "InputTransformer": {
                "InputPathsMap": { "name": "$.detail.name" }, "InputTemplate": "{\"who\": <name>, \"rule\": \"<aws.events.rule-name>\"}" } },
        ]))
        .await;
    harness.put(json!([{ "Source": "shop", "DetailType": "Order", "Detail": "{\"name\": \"Ann\"}" }])).await;
    harness.delivered(4).await;
    let got = |arn: &str| harness.target.deliveries().into_iter().find(|(target, _)| target == arn).unwrap().1;
    let text = |arn: &str| String::from_utf8(got(arn).payload.to_vec()).unwrap();
    assert_eq!(text(QUEUE), "{\"a\": 1}");
    assert_eq!(text(function), "\"Ann\"");
    assert_eq!(got(stream).partition_key.as_deref(), Some("Ann"));
    assert_eq!(
        (got(fifo).message_group_id.as_deref(), text(fifo).as_str()),
        (Some("g"), r#"{"who": "Ann", "rule": "orders"}"#)
    );
    assert_eq!(got(fifo).source_arn.as_deref(), Some(RULE_ARN));

    let listed = harness.call("ListTargetsByRule", json!({ "Rule": "orders" })).await;
    assert_eq!(listed["Targets"][0], json!({ "Id": "constant", "Arn": QUEUE, "Input": "{\"a\": 1}" }));
    assert_eq!(listed["Targets"][1]["InputTransformer"]["InputPathsMap"]["name"], "$.detail.name");
}

#[tokio::test]
async fn what_a_target_does_not_take_goes_to_its_dead_letter_queue() {
    let harness = Harness::new(NOW_MS);
    harness.rule("orders", json!({ "EventPattern": r#"{"source":["shop"]}"# })).await;
    let gone = "arn:aws:sqs:us-east-1:000000000000:gone";
    harness
        .targets(
            "orders",
            json!([{ "Id": "gone", "Arn": gone, "DeadLetterConfig": { "Arn": QUEUE },
            "RetryPolicy": { "MaximumRetryAttempts": 2, "MaximumEventAgeInSeconds": 3600 } }]),
        )
        .await;
    harness.put(json!([{ "Source": "shop", "DetailType": "Order", "Detail": "{}" }])).await;
    let delivered = harness.delivered(1).await;
    assert_eq!((delivered[0].0.as_str(), document(&delivered[0].1)["source"].as_str()), (QUEUE, Some("shop")));
    let attributes = harness.target.deliveries()[0].1.attributes.clone();
    let attribute =
        |name: &str| attributes.iter().find(|(other, _)| other == name).map(|(_, value)| format!("{:?}", value.value));
    assert_eq!(attribute("RULE_ARN"), Some(format!("Text({RULE_ARN:?})")));
    assert_eq!(attribute("TARGET_ARN"), Some(format!("Text({gone:?})")));
    assert_eq!(attribute("ERROR_CODE").as_deref(), Some("Text(\"NO_RESOURCE\")"));
}

#[tokio::test]
async fn what_was_acknowledged_is_delivered_after_a_restart() {
    let harness = Harness::not_started(NOW_MS);
    harness
        .rule("orders", json!({ "EventPattern": r#"{"source":["shop"]}"#, "Tags": [{ "Key": "a", "Value": "b" }] }))
        .await;
    harness.targets("orders", json!([{ "Id": "queue", "Arn": QUEUE }])).await;
    harness.put(json!([{ "Source": "shop", "DetailType": "Order", "Detail": "{}" }])).await;
    assert_eq!(harness.events.pending(), 1);
    let harness = harness.reopened().await;
    harness.events.start().unwrap();
    assert_eq!(harness.delivered(1).await.len(), 1);
    let tags = harness.call("ListTagsForResource", json!({ "ResourceARN": RULE_ARN })).await;
    assert_eq!(tags["Tags"], json!([{ "Key": "a", "Value": "b" }]));
}

#[tokio::test]
async fn schedules_fire_when_they_are_due() {
    let harness = Harness::new(NOW_MS);
    harness.rule("often", json!({ "ScheduleExpression": "rate(5 minutes)" })).await;
    harness.rule("noon", json!({ "ScheduleExpression": "cron(0 12 * * ? *)" })).await;
    for rule in ["often", "noon"] {
        harness.targets(rule, json!([{ "Id": "queue", "Arn": QUEUE }])).await;
    }
    for count in [1, 2] {
        harness.clock.advance(Duration::from_secs(5 * 60)).await;
        harness.delivered(count).await;
    }
    harness.clock.advance(Duration::from_secs(60)).await;
    let fired = harness.delivered(2).await;
    let event = document(&fired[0].1);
    assert_eq!(
        (&event["source"], &event["detail-type"], &event["detail"]),
        (&json!("aws.events"), &json!("Scheduled Event"), &json!({}))
    );
    assert_eq!(
        (&event["time"], &event["resources"]),
        (&json!("2026-03-05T08:05:00Z"), &json!(["arn:aws:events:us-east-1:000000000000:rule/often"]))
    );
    assert_eq!(document(&fired[1].1)["time"], "2026-03-05T08:10:00Z");

    harness.call("DisableRule", json!({ "Name": "often" })).await;
    harness.clock.advance(Duration::from_secs(4 * 3600)).await;
    let fired = harness.delivered(3).await;
    assert_eq!(document(&fired[2].1)["time"], "2026-03-05T12:00:00Z");
    harness.call("EnableRule", json!({ "Name": "often" })).await;
    harness.clock.advance(Duration::from_secs(5 * 60)).await;
    assert_eq!(document(&harness.delivered(4).await[3].1)["time"], "2026-03-05T12:16:00Z");
}

#[tokio::test]
async fn what_was_missed_does_not_pile_up() {
    let harness = Harness::new(NOW_MS);
    harness.rule("often", json!({ "ScheduleExpression": "rate(1 minute)" })).await;
    harness.targets("often", json!([{ "Id": "queue", "Arn": QUEUE }])).await;
    harness.clock.advance(Duration::from_secs(60)).await;
    harness.delivered(1).await;
    // Stopped for an hour and half a minute: the last that was missed still counts.
    harness.settled().await;
    harness.events.close().await;
    harness.clock.advance_ms(3_630_000);
    let harness = harness.reopened().await;
    harness.events.start().unwrap();
    harness.delivered(2).await;
    harness.settled().await;
    let fired = harness.target.deliveries();
    assert_eq!(fired.len(), 2);
    let event = document(std::str::from_utf8(&fired[1].1.payload).unwrap());
    assert_eq!(event["time"], "2026-03-05T09:01:00Z");
}

#[tokio::test]
async fn a_bus_takes_events_of_others() {
    let harness = Harness::new(NOW_MS);
    let bus = harness.call("CreateEventBus", json!({ "Name": "shop" })).await;
    assert_eq!(bus["EventBusArn"], "arn:aws:events:us-east-1:000000000000:event-bus/shop");
    harness
        .call("PutRule", json!({ "Name": "all", "EventBusName": "shop", "EventPattern": r#"{"source":["aws.s3"]}"# }))
        .await;
    let target = json!([{ "Id": "queue", "Arn": QUEUE }]);
    harness.call("PutTargets", json!({ "Rule": "all", "EventBusName": bus["EventBusArn"], "Targets": target })).await;
    harness
        .deliver(
            bus["EventBusArn"].as_str().unwrap(),
            r#"{"source":"aws.s3","detail-type":"Object Created","detail":{}}"#,
        )
        .await
        .unwrap();
    let delivered = harness.delivered(1).await;
    assert_eq!(document(&delivered[0].1)["detail-type"], "Object Created");
    assert_eq!(
        harness.target.deliveries()[0].1.source_arn.as_deref(),
        Some("arn:aws:events:us-east-1:000000000000:rule/shop/all")
    );
    assert!(harness.deliver(bus["EventBusArn"].as_str().unwrap(), "{}").await.is_err());
    assert!(harness.deliver("arn:aws:events:us-east-1:000000000000:event-bus/none", "{}").await.is_err());
}

#[tokio::test]
async fn what_is_refused_says_why() {
    let harness = Harness::new(NOW_MS);
    harness.rule("orders", json!({ "EventPattern": r#"{"source":["shop"]}"# })).await;
    harness.call("CreateEventBus", json!({ "Name": "shop" })).await;
    let target = |members: serde_json::Value| {
        let mut target = json!({ "Id": "t", "Arn": QUEUE });
        target.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        json!({ "Rule": "orders", "Targets": [target] })
    };
    let many: Vec<_> = (0..6).map(|number| json!({ "Id": number.to_string(), "Arn": QUEUE })).collect();
    for (operation, request, code, expected) in [
        (
            "PutRule",
            json!({ "Name": "a" }),
            "ValidationException",
            "Parameter(s) EventPattern or ScheduleExpression must be specified.",
        ),
        (
            "PutRule",
            json!({ "Name": "a", "ScheduleExpression": "rate(1 minutes)" }),
            "ValidationException",
            "Parameter ScheduleExpression is not valid.",
        ),
        (
            "PutRule",
            json!({ "Name": "a", "ScheduleExpression": "at(2026-03-05T08:00:00)" }),
            "ValidationException",
            "Parameter ScheduleExpression is not valid.",
        ),
        (
            "PutRule",
            json!({ "Name": "a", "EventBusName": "shop", "ScheduleExpression": "rate(1 minute)" }),
            "ValidationException",
            "ScheduleExpression is supported only on the default event bus.",
        ),
        (
            "PutRule",
            json!({ "Name": "a", "EventPattern": "{\"source\":\"shop\"}" }),
            "InvalidEventPatternException",
            "Event pattern is not valid. Reason: ",
        ),
        (
            "PutRule",
            json!({ "Name": "a", "EventBusName": "none", "EventPattern": "{\"source\":[\"shop\"]}" }),
            "ResourceNotFoundException",
            "Event bus none does not exist.",
        ),
        (
            "DescribeRule",
            json!({ "Name": "none" }),
            "ResourceNotFoundException",
            "Rule none does not exist on EventBus default.",
        ),
        (
            "CreateEventBus",
            json!({ "Name": "default" }),
            "ResourceAlreadyExistsException",
            "Event bus default already exists.",
        ),
        ("CreateEventBus", json!({ "Name": "a/b" }), "ValidationException", "Event bus name must not contain '/'."),
        ("DeleteEventBus", json!({ "Name": "default" }), "ValidationException", "Cannot delete event bus default."),
        (
            "PutTargets",
            target(json!({ "Input": "{" })),
            "ValidationException",
            "JSON syntax error in input for target t.",
        ),
        (
            "PutTargets",
            target(json!({ "Input": "1", "InputPath": "$" })),
            "ValidationException",
            "Only one of Input, InputPath, or InputTransformer must be provided for target t.",
        ),
        (
            "PutTargets",
            target(json!({ "InputTransformer": { "InputTemplate": "hello" } })),
            "ValidationException",
            "Invalid InputTemplate for target t",
        ),
        (
            "PutTargets",
            target(json!({ "Arn": "queue" })),
            "ValidationException",
            "Parameter queue is not valid. Reason: Provided Arn is not in correct format.",
        ),
        (
            "PutTargets",
            target(json!({ "Arn": "arn:aws:states:us-east-1:000000000000:stateMachine:m" })),
            "ValidationException",
            "Parameter arn:aws:states:us-east-1:000000000000:stateMachine:m is not valid. Reason: ",
        ),
        (
            "PutTargets",
            target(json!({ "EcsParameters": {} })),
            "ValidationException",
            "EcsParameters of target t is not supported by Anabranch",
        ),
        (
            "PutTargets",
            target(json!({ "Arn": "arn:aws:sqs:us-east-1:000000000000:a.fifo" })),
            "ValidationException",
            "Parameter(s) SqsParameters must be specified for target: t.",
        ),
        (
            "PutTargets",
            target(json!({ "RetryPolicy": { "MaximumRetryAttempts": 186 } })),
            "ValidationException",
            "1 validation error detected: Value '186' at 'targets.1.member.retryPolicy.maximumRetryAttempts'",
        ),
        (
            "PutTargets",
            json!({ "Rule": "orders", "Targets": many }),
            "LimitExceededException",
            "The requested resource exceeds the maximum number allowed.",
        ),
        (
            "RemovePermission",
            json!({ "StatementId": "s" }),
            "ResourceNotFoundException",
            "EventBus does not have a policy.",
        ),
        (
            "ListTagsForResource",
            json!({ "ResourceARN": "arn:aws:events:us-east-1:000000000000:rule/none" }),
            "ResourceNotFoundException",
            "",
        ),
        (
            "CreateEndpoint",
            json!({}),
            "UnknownOperationException",
            "Anabranch does not support the operation CreateEndpoint",
        ),
    ] {
        let (found, message) = harness.refused(operation, request.clone()).await;
        assert!(found == code && message.starts_with(expected), "{operation} {request}: {found}: {message}");
    }
    harness.targets("orders", json!([{ "Id": "queue", "Arn": QUEUE }])).await;
    let (_, message) = harness.refused("DeleteRule", json!({ "Name": "orders" })).await;
    assert_eq!(message, "Rule can't be deleted since it has targets.");
    harness.call("RemoveTargets", json!({ "Rule": "orders", "Ids": ["queue", "none"] })).await;
    harness.call("DeleteRule", json!({ "Name": "orders" })).await;
    harness.call("DeleteRule", json!({ "Name": "orders" })).await;
}

#[tokio::test]
async fn lists_policies_and_tags() {
    let harness = Harness::new(NOW_MS);
    for name in ["a1", "a2", "b1"] {
        harness.rule(name, json!({ "EventPattern": r#"{"source":["shop"]}"# })).await;
        harness.targets(name, json!([{ "Id": "queue", "Arn": QUEUE }])).await;
    }
    let page = harness.call("ListRules", json!({ "NamePrefix": "a", "Limit": 1 })).await;
    assert_eq!(page["Rules"][0]["Name"], "a1");
    let page =
        harness.call("ListRules", json!({ "NamePrefix": "a", "Limit": 1, "NextToken": page["NextToken"] })).await;
    assert_eq!((page["Rules"][0]["Name"].as_str(), page.get("NextToken")), (Some("a2"), None));
    let names = harness.call("ListRuleNamesByTarget", json!({ "TargetArn": QUEUE })).await;
    assert_eq!(names["RuleNames"], json!(["a1", "a2", "b1"]));

    harness
        .call("PutPermission", json!({ "Action": "events:PutEvents", "Principal": "111122223333", "StatementId": "s" }))
        .await;
    let bus = harness.call("DescribeEventBus", json!({})).await;
    let policy = document(bus["Policy"].as_str().unwrap());
    assert_eq!(policy["Statement"][0]["Principal"]["AWS"], "arn:aws:iam::111122223333:root");
    harness.call("RemovePermission", json!({ "StatementId": "s" })).await;
    assert_eq!(harness.call("DescribeEventBus", json!({})).await.get("Policy"), None);

    let arn = "arn:aws:events:us-east-1:000000000000:rule/a1";
    harness.call("TagResource", json!({ "ResourceARN": arn, "Tags": [{ "Key": "k", "Value": "v" }] })).await;
    harness.call("UntagResource", json!({ "ResourceARN": arn, "TagKeys": ["k"] })).await;
    assert_eq!(harness.call("ListTagsForResource", json!({ "ResourceARN": arn })).await["Tags"], json!([]));
    let buses = harness.call("ListEventBuses", json!({})).await;
    assert_eq!(buses["EventBuses"][0]["Name"], "default");
    let event = r#"{"id":"1","account":"1","source":"shop","time":"t","region":"r","resources":[],"detail-type":"x"}"#;
    let tested =
        harness.call("TestEventPattern", json!({ "EventPattern": r#"{"source":["shop"]}"#, "Event": event })).await;
    assert_eq!(tested["Result"], true);
}

/// More than is accepted in one commit.
#[tokio::test]
async fn large_events_for_many_targets_all_arrive() {
    let harness = Harness::new(NOW_MS);
    for rule in ["a", "b", "c", "d"] {
        harness.rule(rule, json!({ "EventPattern": r#"{"source":["shop"]}"# })).await;
        let target = |id: usize| json!({ "Id": id.to_string(), "Arn": QUEUE });
        harness.targets(rule, json!((0..5).map(target).collect::<Vec<_>>())).await;
    }
    let detail = json!({ "text": "x".repeat(90_000) }).to_string();
    let entry = json!({ "Source": "shop", "DetailType": "x", "Detail": detail });
    harness.put(json!(vec![entry; 5])).await;
    harness.delivered(100).await;
}

const BUS: &str = "arn:aws:events:us-east-1:000000000000:event-bus/default";
const ARCHIVE: &str = "arn:aws:events:us-east-1:000000000000:archive/kept";

fn replay(name: &str, members: serde_json::Value) -> serde_json::Value {
    let mut request = json!({
        "ReplayName": name, "EventSourceArn": ARCHIVE, "Destination": { "Arn": BUS },
        "EventStartTime": NOW_MS / 1000, "EventEndTime": NOW_MS / 1000 + 3600,
    });
    request.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    request
}

/// Waits until a replay is done.
async fn completed(harness: &Harness, name: &str) -> serde_json::Value {
    loop {
        let described = harness.call("DescribeReplay", json!({ "ReplayName": name })).await;
        if described["State"] != "RUNNING" {
            return described;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn archived_events_are_replayed() {
    let harness = Harness::not_started(NOW_MS);
    let entry =
        |source: &str, n: usize| json!({ "Source": source, "DetailType": "x", "Detail": format!("{{\"n\":{n}}}") });
    harness.call("CreateArchive", json!({ "ArchiveName": "kept", "EventSourceArn": BUS, "EventPattern": r#"{"source":["shop"]}"#, "RetentionDays": 1 })).await;
    for batch in 0..15 {
        harness.put(json!((0..10).map(|n| entry("shop", batch * 10 + n)).collect::<Vec<_>>())).await;
    }
    harness.put(json!([entry("other", 0)])).await;
    let described = harness.call("DescribeArchive", json!({ "ArchiveName": "kept" })).await;
    assert_eq!(
        (&described["EventCount"], &described["State"], &described["ArchiveArn"]),
        (&json!(150), &json!("ENABLED"), &json!(ARCHIVE))
    );
    for rule in ["all", "none"] {
        harness.rule(rule, json!({ "EventPattern": r#"{"source":["shop"]}"# })).await;
        harness.targets(rule, json!([{ "Id": "queue", "Arn": QUEUE }])).await;
    }
    let filters =
        json!({ "Destination": { "Arn": BUS, "FilterArns": ["arn:aws:events:us-east-1:000000000000:rule/all"] } });
    assert_eq!(harness.call("StartReplay", replay("again", filters)).await["State"], "STARTING");

    // It goes on after a crash.
    let harness = harness.reopened().await;
    harness.events.start().unwrap();
    let delivered = harness.delivered(150).await;
    let replayed = completed(&harness, "again").await;
    assert_eq!((&replayed["State"], &replayed["EventSourceArn"]), (&json!("COMPLETED"), &json!(ARCHIVE)));
    harness.settled().await;
    assert_eq!(harness.target.deliveries().len(), 150);
    let event = document(&delivered[0].1);
    assert_eq!(
        (&event["replay-name"], &event["source"], &event["time"]),
        (&json!("again"), &json!("shop"), &json!("2026-03-05T08:00:00Z"))
    );
    let described = harness.call("DescribeArchive", json!({ "ArchiveName": "kept" })).await;
    assert_eq!(described["EventCount"], 150, "replayed events are not archived again");

    assert_eq!(harness.refused("CancelReplay", json!({ "ReplayName": "again" })).await.0, "IllegalStatusException");
    assert_eq!(harness.refused("StartReplay", replay("again", json!({}))).await.0, "ResourceAlreadyExistsException");
    let backwards = replay("b", json!({ "EventEndTime": 1 }));
    let (_, message) = harness.refused("StartReplay", backwards).await;
    assert_eq!(message, "Parameter EventEndTime is not valid. Reason: EventStartTime must be before EventEndTime.");
    harness.clock.advance_ms(2 * 86_400_000);
    let described = harness.call("DescribeArchive", json!({ "ArchiveName": "kept" })).await;
    assert_eq!(described["EventCount"], 0, "expired");
    harness.call("UpdateArchive", json!({ "ArchiveName": "kept", "RetentionDays": 0 })).await;
    assert_eq!(harness.call("ListArchives", json!({ "NamePrefix": "ke" })).await["Archives"][0]["RetentionDays"], 0);
    assert_eq!(harness.call("ListReplays", json!({ "State": "COMPLETED" })).await["Replays"][0]["ReplayName"], "again");
    harness.call("DeleteArchive", json!({ "ArchiveName": "kept" })).await;
    assert_eq!(
        harness.refused("DescribeArchive", json!({ "ArchiveName": "kept" })).await.1,
        "Archive kept does not exist."
    );
}

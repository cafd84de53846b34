//! Groups and streams: making, listing, deleting, retention, tags.

use serde_json::{Value, json};

use crate::harness::{Harness, NOW_MS};

#[tokio::test]
async fn groups_are_made_once_listed_and_deleted() {
    let harness = Harness::new();
    for name in ["/b", "/a/2", "/a/1"] {
        harness.make(name, &[]).await;
    }
    let again = harness.refused("CreateLogGroup", json!({ "logGroupName": "/b" })).await;
    assert_eq!(again, "ResourceAlreadyExistsException: The specified log group already exists");
    let names = |answer: &Value| -> Vec<String> {
        answer["logGroups"]
            .as_array()
            .unwrap()
            .iter()
            .map(|group| group["logGroupName"].as_str().unwrap().into())
            .collect()
    };
    let first = harness.call("DescribeLogGroups", json!({ "limit": 2 })).await;
    assert_eq!(names(&first), ["/a/1", "/a/2"]);
    let arn = "arn:aws:logs:us-east-1:000000000000:log-group:/a/1";
    assert_eq!(first["logGroups"][0]["arn"], format!("{arn}:*"));
    assert_eq!(
        (first["logGroups"][0]["logGroupArn"].as_str(), &first["logGroups"][0]["creationTime"]),
        (Some(arn), &json!(NOW_MS))
    );
    let second = harness.call("DescribeLogGroups", json!({ "nextToken": first["nextToken"] })).await;
    assert_eq!((names(&second), second.get("nextToken")), (vec!["/b".to_string()], None));
    let prefixed = harness.call("DescribeLogGroups", json!({ "logGroupNamePrefix": "/a/" })).await;
    assert_eq!(names(&prefixed), ["/a/1", "/a/2"]);
    let like = harness.call("DescribeLogGroups", json!({ "logGroupNamePattern": "A/" })).await;
    assert_eq!(names(&like), ["/a/1", "/a/2"]);
    assert_eq!(names(&harness.call("ListLogGroups", json!({ "logGroupNamePattern": "^/a/" })).await), ["/a/1", "/a/2"]);
    harness.call("DeleteLogGroup", json!({ "logGroupName": "/b" })).await;
    let gone = harness.refused("DeleteLogGroup", json!({ "logGroupName": "/b" })).await;
    assert_eq!(gone, "ResourceNotFoundException: The specified log group does not exist.");
    let harness = harness.restart().await;
    assert_eq!(names(&harness.call("DescribeLogGroups", json!({})).await), ["/a/1", "/a/2"]);
    let invalid = harness.refused("CreateLogGroup", json!({ "logGroupName": "a b" })).await;
    assert!(
        invalid.starts_with("InvalidParameterException: 1 validation error detected: Value 'a b' at 'logGroupName'")
    );
}

#[tokio::test]
async fn streams_are_listed_by_name_and_by_time() {
    let harness = Harness::new();
    harness.make("g", &["a", "b", "c", "d"]).await;
    let again = harness.refused("CreateLogStream", json!({ "logGroupName": "g", "logStreamName": "a" })).await;
    assert_eq!(again, "ResourceAlreadyExistsException: The specified log stream already exists");
    for (at, stream) in [(3, "b"), (1, "c"), (2, "a")] {
        harness.put("g", stream, &[(at, "x")]).await;
    }
    let listed = async |harness: &Harness, mut request: Value| {
        request["logGroupName"] = "g".into();
        request["limit"] = 2.into();
        let mut names = Vec::new();
        loop {
            let page = harness.call("DescribeLogStreams", request.clone()).await;
            names.extend(
                page["logStreams"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|stream| stream["logStreamName"].as_str().unwrap().to_string()),
            );
            match page.get("nextToken") {
                Some(token) => request["nextToken"] = token.clone(),
                None => return names.concat(),
            }
        }
    };
    assert_eq!(listed(&harness, json!({})).await, "abcd");
    assert_eq!(listed(&harness, json!({ "descending": true })).await, "dcba");
    assert_eq!(listed(&harness, json!({ "orderBy": "LastEventTime" })).await, "dcab");
    assert_eq!(listed(&harness, json!({ "orderBy": "LastEventTime", "descending": true })).await, "bacd");
    assert_eq!(listed(&harness, json!({ "logStreamNamePrefix": "c" })).await, "c");
    let described =
        harness.call("DescribeLogStreams", json!({ "logGroupName": "g", "logStreamNamePrefix": "b" })).await;
    let stream = &described["logStreams"][0];
    assert_eq!(stream["arn"], "arn:aws:logs:us-east-1:000000000000:log-group:g:log-stream:b");
    assert_eq!((&stream["firstEventTimestamp"], &stream["lastIngestionTime"]), (&json!(NOW_MS + 3), &json!(NOW_MS)));
    // A crash takes nothing of that.
    let harness = harness.crash();
    assert_eq!(listed(&harness, json!({ "orderBy": "LastEventTime", "descending": true })).await, "bacd");
    harness.call("DeleteLogStream", json!({ "logGroupName": "g", "logStreamName": "b" })).await;
    let gone = harness.refused("DeleteLogStream", json!({ "logGroupName": "g", "logStreamName": "b" })).await;
    assert_eq!(gone, "ResourceNotFoundException: The specified log stream does not exist.");
    let harness = harness.crash();
    assert_eq!(listed(&harness, json!({})).await, "acd");
}

#[tokio::test]
async fn tags_and_retention_are_kept() {
    let harness = Harness::new();
    harness.call("CreateLogGroup", json!({ "logGroupName": "g", "tags": { "team": "a" } })).await;
    let arn = "arn:aws:logs:us-east-1:000000000000:log-group:g";
    harness.call("TagResource", json!({ "resourceArn": arn, "tags": { "stage": "b" } })).await;
    harness.call("UntagLogGroup", json!({ "logGroupName": "g", "tags": ["team"] })).await;
    let refused = harness.refused("PutRetentionPolicy", json!({ "logGroupName": "g", "retentionInDays": 2 })).await;
    assert!(refused.starts_with("InvalidParameterException: "), "{refused}");
    harness.call("PutRetentionPolicy", json!({ "logGroupName": "g", "retentionInDays": 3 })).await;
    let harness = harness.crash();
    let tags = harness.call("ListTagsForResource", json!({ "resourceArn": arn })).await;
    assert_eq!(tags, json!({ "tags": { "stage": "b" } }));
    let groups = harness.call("DescribeLogGroups", json!({})).await;
    assert_eq!(groups["logGroups"][0]["retentionInDays"], 3);
    harness.call("DeleteRetentionPolicy", json!({ "logGroupName": "g" })).await;
    let groups = harness.call("DescribeLogGroups", json!({})).await;
    assert_eq!(groups["logGroups"][0].get("retentionInDays"), None);
}

#[tokio::test]
async fn more_groups_than_logs_may_be_open_are_used_side_by_side() {
    let harness = Harness::new();
    for number in 0..40 {
        harness.make(&format!("g{number}"), &["s"]).await;
        harness.put(&format!("g{number}"), "s", &[(0, "first")]).await;
    }
    for number in 0..40 {
        harness.put(&format!("g{number}"), "s", &[(1, &number.to_string())]).await;
    }
    let logs = std::fs::read_dir("/proc/self/fd").unwrap().filter_map(|entry| {
        let link = std::fs::read_link(entry.ok()?.path()).ok()?;
        link.starts_with(harness.directory.path().join("logs")).then_some(())
    });
    assert!(logs.count() <= 2 * 32);
    for number in 0..40 {
        let found = harness.filter(json!({ "logGroupName": format!("g{number}") })).await;
        assert_eq!(found, ["first".to_string(), number.to_string()]);
    }
}

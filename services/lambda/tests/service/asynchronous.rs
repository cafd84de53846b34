//! Asynchronous invocations.

use anabranch_lambda::LambdaConfig;
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;

use crate::fixture::{eventually, function, id, open};
use crate::hosting::eventually_open;

fn quick() -> LambdaConfig {
    LambdaConfig { async_retry_delays: [Duration::from_millis(5); 2], ..LambdaConfig::default() }
}

fn append(path: &Path, line: u32, fail: bool) -> bytes::Bytes {
    json!({"do": "append", "path": path, "line": line, "fail": fail}).to_string().into()
}

fn lines(path: &Path) -> Vec<String> {
    std::fs::read_to_string(path).unwrap_or_default().lines().map(str::to_string).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn events_run_once_when_they_succeed() {
    let directory = tempfile::tempdir().unwrap();
    let output = directory.path().join("output");
    let service = open(directory.path(), quick());
    service.lambda.put_function(function("f")).await.unwrap();
    service.lambda.start().unwrap();
    for line in 0..20 {
        service.lambda.invoke_async(&id("f"), append(&output, line, false)).await.unwrap();
    }
    eventually("all events are done", || service.lambda.stat().asynchronous_pending == 0).await;
    let mut numbers: Vec<u32> = lines(&output).iter().map(|line| line.parse().unwrap()).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (0..20).collect::<Vec<u32>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_are_retried_twice_and_then_kept() {
    let directory = tempfile::tempdir().unwrap();
    let output = directory.path().join("output");
    let service = open(directory.path(), quick());
    let mut spec = function("f");
    spec.on_failure = Some("arn:aws:s3:::failures".parse().unwrap());
    service.lambda.put_function(spec).await.unwrap();
    service.lambda.start().unwrap();
    let request_id = service.lambda.invoke_async(&id("f"), append(&output, 1, true)).await.unwrap();
    eventually("the event is done", || service.lambda.stat().asynchronous_pending == 0).await;
    assert_eq!(lines(&output).len(), 3);
    let objects = service.objects.0.lock().unwrap();
    let (key, body) = &objects[0];
    assert!(key.starts_with("failures/aws/lambda/async/f/") && key.ends_with(&request_id), "{key}");
    let record: Value = serde_json::from_slice(body).unwrap();
    assert_eq!(record["requestContext"]["condition"], "RetriesExhausted");
    assert_eq!(record["requestContext"]["approximateInvokeCount"], 3);
    assert_eq!(record["requestPayload"]["line"], 1);
    assert!(record["responsePayload"]["errorMessage"].as_str().unwrap().contains("failed after writing"));
}

#[tokio::test(flavor = "multi_thread")]
async fn accepted_events_survive_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let output = directory.path().join("output");
    {
        // Never started, so that the event stays pending.
        let service = open(directory.path(), quick());
        service.lambda.put_function(function("f")).await.unwrap();
        service.lambda.invoke_async(&id("f"), append(&output, 7, false)).await.unwrap();
        service.lambda.shutdown().await;
    }
    let service = eventually_open(directory.path()).await;
    service.lambda.start().unwrap();
    eventually("the event is done", || lines(&output) == ["7"]).await;
    eventually("nothing is pending", || service.lambda.stat().asynchronous_pending == 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn events_that_cannot_be_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let service = open(directory.path(), quick());
    service.lambda.put_function(function("f")).await.unwrap();
    let code = |result: Result<String, anabranch_protocol::ApiError>| result.unwrap_err().code;
    assert_eq!(code(service.lambda.invoke_async(&id("missing"), "{}".into()).await), "ResourceNotFoundException");
    assert_eq!(code(service.lambda.invoke_async(&id("f"), "{".into()).await), "InvalidRequestContentException");
    let large = format!("\"{}\"", "x".repeat(1 << 20));
    assert_eq!(code(service.lambda.invoke_async(&id("f"), large.into()).await), "RequestTooLargeException");
}

//! Every wait ends: by what is waited for, or by its limit.

use anabranch_lambda::{Executable, FunctionSpec, InvokeOptions, LambdaConfig};
use anabranch_protocol::ProblemKind;
use bytes::Bytes;
use serde_json::{Value, json};
use std::time::Duration;

use crate::fixture::{eventually, function, id, is_running, open};

fn event(event: &Value) -> Bytes {
    event.to_string().into()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invocation_waits_only_so_long_for_an_environment() {
    let directory = tempfile::tempdir().unwrap();
    let config = LambdaConfig { queue_wait_max: Duration::from_millis(50), ..LambdaConfig::default() };
    let service = open(directory.path(), config);
    let mut spec = function("one");
    spec.reserved_concurrency = Some(1);
    service.lambda.put_function(spec).await.unwrap();
    let lambda = service.lambda.clone();
    let busy = tokio::spawn(async move {
        lambda.invoke(&id("one"), event(&json!({"do": "hang"})), InvokeOptions::default()).await
    });
    eventually("it runs", || service.lambda.stat().functions[0].environments == 1).await;
    let refused = service.lambda.invoke(&id("one"), event(&json!({})), InvokeOptions::default()).await.unwrap_err();
    assert_eq!(refused.code, "TooManyRequestsException");
    busy.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invocation_elsewhere_takes_only_so_long() {
    let directory = tempfile::tempdir().unwrap();
    let config = LambdaConfig { remote_timeout: Duration::from_millis(100), ..LambdaConfig::default() };
    let service = open(directory.path(), config);
    // Takes connections, and never answers.
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base_url = format!("http://{}", silent.local_addr().unwrap());
    service.lambda.put_function(FunctionSpec::new("f", Executable::Remote(base_url))).await.unwrap();
    let error = service.lambda.invoke(&id("f"), event(&json!({})), InvokeOptions::default()).await.unwrap_err();
    assert_eq!(error.code, "ServiceException");
    assert!(error.message.contains("no answer within"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_so_many_events_wait() {
    let directory = tempfile::tempdir().unwrap();
    let service = open(directory.path(), LambdaConfig { async_events_max: 2, ..LambdaConfig::default() });
    service.lambda.put_function(function("f")).await.unwrap();
    for _ in 0..2 {
        assert_eq!(service.lambda.problems(), []);
        service.lambda.invoke_async(&id("f"), event(&json!({}))).await.unwrap();
    }
    let refused = service.lambda.invoke_async(&id("f"), event(&json!({}))).await.unwrap_err();
    assert_eq!(refused.code, "TooManyRequestsException");
    assert_eq!(service.lambda.problems()[0].kind, ProblemKind::StuckDelivery);
    service.lambda.start().unwrap();
    eventually("they are run", || service.lambda.stat().asynchronous_pending == 0).await;
    assert_eq!(service.lambda.problems(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_does_not_reach_its_function_is_told_and_given_up_at_its_age() {
    let directory = tempfile::tempdir().unwrap();
    let mut config = LambdaConfig::default();
    config.mapping_backoff.max = Duration::from_millis(5);
    config.async_event_age_max = Duration::from_secs(2);
    let service = open(directory.path(), config);
    let mut gone = FunctionSpec::new("gone", Executable::Remote("http://127.0.0.1:1".into()));
    gone.on_failure = Some("arn:aws:s3:::failures".parse().unwrap());
    service.lambda.put_function(gone).await.unwrap();
    service.lambda.start().unwrap();
    service.lambda.invoke_async(&id("gone"), event(&json!({}))).await.unwrap();
    eventually("it is told", || {
        service.lambda.problems().iter().any(|problem| {
            problem.kind == ProblemKind::StuckDelivery && problem.resource == "asynchronous invocations of gone"
        })
    })
    .await;
    eventually("it is given up", || service.lambda.stat().asynchronous_pending == 0).await;
    let record: Value = serde_json::from_slice(&service.objects.0.lock().unwrap()[0].1).unwrap();
    assert_eq!(record["requestContext"]["condition"], "EventAgeExceeded");
    assert_eq!(service.lambda.problems(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn stopping_does_not_wait_for_a_function_that_hangs() {
    let directory = tempfile::tempdir().unwrap();
    let service = open(directory.path(), LambdaConfig::default());
    service.lambda.put_function(function("f")).await.unwrap();
    let first = service.lambda.invoke(&id("f"), event(&json!({})), InvokeOptions::default()).await.unwrap();
    let pid = serde_json::from_slice::<Value>(&first.payload).unwrap()["pid"].as_u64().unwrap();
    let lambda = service.lambda.clone();
    let hanging =
        tokio::spawn(
            async move { lambda.invoke(&id("f"), event(&json!({"do": "hang"})), InvokeOptions::default()).await },
        );
    eventually("it hangs", || service.lambda.stat().functions[0].environments == 1).await;
    service.lambda.shutdown().await;
    eventually("its process is killed", || !is_running(pid)).await;
    hanging.abort();
}

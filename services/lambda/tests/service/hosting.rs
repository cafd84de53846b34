//! Function processes that behave, and those that do not.

use anabranch_lambda::{Backoff, Executable, FunctionSpec, InvokeOptions, InvokeOutcome, LambdaConfig, LogTail};
use bytes::Bytes;
use serde_json::{Value, json};
use std::time::Duration;

use crate::fixture::{Service, eventually, function, id, is_running, open};

pub(crate) fn quick() -> LambdaConfig {
    let init_backoff = Backoff { first: Duration::from_millis(1), max: Duration::from_millis(5) };
    LambdaConfig { init_backoff, ..LambdaConfig::default() }
}

async fn invoke(service: &Service, name: &str, event: Value) -> InvokeOutcome {
    service.lambda.invoke(&id(name), event.to_string().into(), InvokeOptions::default()).await.unwrap()
}

fn payload(outcome: &InvokeOutcome) -> Value {
    serde_json::from_slice(&outcome.payload).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_goes_in_and_an_answer_comes_out() {
    let directory = tempfile::tempdir().unwrap();
    let service = open(directory.path(), LambdaConfig { endpoint_url: "http://127.0.0.1:1".into(), ..quick() });
    let mut spec = function("echo");
    spec.environment.insert("STREAM_NAME".into(), "clicks".into());
    service.lambda.put_function(spec).await.unwrap();
    let outcome = invoke(&service, "echo", json!({"a": [1, "ü"]})).await;
    assert_eq!(outcome.function_error, None);
    let answer = payload(&outcome);
    assert_eq!(answer["event"], json!({"a": [1, "ü"]}));
    assert_eq!(answer["request_id"], outcome.request_id.as_str());
    assert_eq!(answer["arn"], "arn:aws:lambda:us-east-1:000000000000:function:echo");
    let variables = &answer["variables"];
    assert_eq!(variables["STREAM_NAME"], "clicks");
    assert_eq!(variables["AWS_ENDPOINT_URL"], "http://127.0.0.1:1");
    assert_eq!(variables["_HANDLER"], "bootstrap");
    assert_eq!(variables["CARGO_MANIFEST_DIR"], Value::Null, "the server's own variables stay with it");
    assert_ne!(variables["HOME"].as_str().map(String::from), std::env::var("HOME").ok());
    assert_eq!(variables["HOME"], variables["TMPDIR"]);
    assert_eq!(variables["TZ"], ":UTC");
    // The same environment serves the next event.
    assert_eq!(payload(&invoke(&service, "echo", json!({})).await)["pid"], answer["pid"]);
    service.lambda.shutdown().await;
    assert!(!is_running(answer["pid"].as_u64().unwrap()));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_functions_process_takes_its_events() {
    let directory = tempfile::tempdir().unwrap();
    let service = open(directory.path(), quick());
    let mut spec = function("echo");
    (spec.reserved_concurrency, spec.timeout) = (Some(1), Duration::from_secs(5));
    service.lambda.put_function(spec).await.unwrap();
    let answer = payload(&invoke(&service, "echo", json!({})).await);
    let address = answer["variables"]["AWS_LAMBDA_RUNTIME_API"].as_str().unwrap().to_string();
    use std::io::{Read, Write};
    let mut thief = std::net::TcpStream::connect(&address).unwrap();
    thief.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let head = format!("GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: {address}\r\n\r\n");
    // It may be closed before all is written.
    let _ = thief.write_all(head.as_bytes());
    let thief = tokio::task::spawn_blocking(move || {
        let mut answer = [0; 1000];
        let length = thief.read(&mut answer).unwrap_or(0);
        String::from_utf8_lossy(&answer[..length]).into_owned()
    });
    // Whoever asks twice in turn with another gets every second event.
    let mut n = 0;
    while n < 2 || !thief.is_finished() {
        let outcome = payload(&invoke(&service, "echo", json!({"n": n})).await);
        if outcome["event"] != json!({"n": n}) {
            break;
        }
        n += 1;
    }
    assert_eq!(thief.await.unwrap(), "", "a process that is not the function's gets no answer");
    let after = payload(&invoke(&service, "echo", json!({"n": n})).await);
    assert_eq!((&after["event"], &after["pid"]), (&json!({"n": n}), &answer["pid"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_has_the_umask_it_is_given() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    let service = open(directory.path(), LambdaConfig { umask: Some(0o037), ..quick() });
    service.lambda.put_function(function("writer")).await.unwrap();
    let path = directory.path().join("written");
    let outcome = invoke(&service, "writer", json!({"do": "append", "path": path, "line": 1})).await;
    assert_eq!(outcome.function_error, None);
    assert_eq!(std::fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o640);
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_of_the_function_are_outcomes() {
    let directory = tempfile::tempdir().unwrap();
    let service = open(directory.path(), quick());
    service.lambda.put_function(function("f")).await.unwrap();
    for (behaviour, expected) in [("panic", "as asked"), ("fail", "refused as asked")] {
        let outcome = invoke(&service, "f", json!({"do": behaviour})).await;
        assert_eq!(outcome.function_error.as_deref(), Some("Unhandled"));
        assert!(payload(&outcome)["errorMessage"].as_str().unwrap().contains(expected), "{outcome:?}");
    }
    let outcome = invoke(&service, "f", json!({"do": "exit"})).await;
    assert_eq!(payload(&outcome)["errorType"], "Runtime.ExitError");
    let message = format!("RequestId: {} Error: Runtime exited with error: exit status 101", outcome.request_id);
    assert_eq!(payload(&outcome)["errorMessage"], message.as_str());
    let outcome = invoke(&service, "f", json!({"do": "large"})).await;
    assert_eq!(payload(&outcome)["errorType"], "Function.ResponseSizeTooLarge", "{outcome:?}");
    // Whatever happened, the function goes on.
    assert_eq!(invoke(&service, "f", json!({})).await.function_error, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_past_its_timeout_is_killed() {
    let directory = tempfile::tempdir().unwrap();
    let service = open(directory.path(), quick());
    let mut spec = function("slow");
    spec.timeout = Duration::from_secs(1);
    spec.reserved_concurrency = Some(1);
    service.lambda.put_function(spec).await.unwrap();
    let pid = payload(&invoke(&service, "slow", json!({})).await)["pid"].as_u64().unwrap();
    let outcome = invoke(&service, "slow", json!({"do": "hang"})).await;
    assert_eq!(outcome.function_error.as_deref(), Some("Unhandled"));
    let message = payload(&outcome)["errorMessage"].as_str().unwrap().to_string();
    assert_eq!(message, format!("RequestId: {} Error: Task timed out after 1.00 seconds", outcome.request_id));
    assert_eq!(payload(&outcome)["errorType"], "Sandbox.Timedout");
    assert!(!is_running(pid));
    assert_ne!(payload(&invoke(&service, "slow", json!({})).await)["pid"], pid);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_that_does_not_start_fails_its_invocations() {
    let directory = tempfile::tempdir().unwrap();
    let config = LambdaConfig { init_timeout: Duration::from_millis(500), ..quick() };
    let service = open(directory.path(), config);
    let mut exits = function("exits");
    exits.environment.insert("AT_START".into(), "exit".into());
    let mut hangs = function("hangs");
    hangs.environment.insert("AT_START".into(), "hang".into());
    hangs.timeout = Duration::from_secs(1);
    let missing = FunctionSpec::new("missing", Executable::Binary("/nonexistent/bootstrap".into()));
    for spec in [exits, hangs, missing] {
        service.lambda.put_function(spec).await.unwrap();
    }
    for (name, error_type, message) in [
        ("exits", "Runtime.ExitError", "Runtime exited with error: exit status 7"),
        ("exits", "Runtime.ExitError", "Runtime exited with error: exit status 7"),
        ("hangs", "Sandbox.Timedout", "Task timed out after 1.00 seconds"),
        ("missing", "Runtime.InvalidEntrypoint", "fork/exec /nonexistent/bootstrap: no such file or directory"),
    ] {
        let outcome = invoke(&service, name, json!({})).await;
        assert_eq!(outcome.function_error.as_deref(), Some("Unhandled"));
        assert_eq!(payload(&outcome)["errorType"], error_type);
        assert!(payload(&outcome)["errorMessage"].as_str().unwrap().contains(message), "{outcome:?}");
    }
    // Put again with a program that works, it works.
    service.lambda.put_function(function("exits")).await.unwrap();
    assert_eq!(invoke(&service, "exits", json!({})).await.function_error, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn environments_grow_to_the_concurrency_and_then_events_queue() {
    let directory = tempfile::tempdir().unwrap();
    let service = open(directory.path(), LambdaConfig { queued_invocations_max: 1, ..quick() });
    let mut spec = function("two");
    spec.reserved_concurrency = Some(2);
    service.lambda.put_function(spec).await.unwrap();
    let hold = || {
        let lambda = service.lambda.clone();
        let event = Bytes::from(json!({"do": "sleep", "ms": 1500}).to_string());
        tokio::spawn(async move { lambda.invoke(&id("two"), event, InvokeOptions::default()).await })
    };
    let environments = || service.lambda.stat().functions[0].environments;
    let running = [hold(), hold()];
    eventually("two environments", || environments() == 2).await;
    let (third, fourth) = (hold(), hold());
    let (third, fourth) = (third.await.unwrap(), fourth.await.unwrap());
    // One of them waited its turn, the other found the queue full.
    assert_eq!([&third, &fourth].iter().filter(|outcome| outcome.is_ok()).count(), 1);
    let refused = third.err().or(fourth.err()).unwrap();
    assert_eq!(refused.code, "TooManyRequestsException");
    for outcome in running {
        assert_eq!(outcome.await.unwrap().unwrap().function_error, None);
    }
    assert_eq!(environments(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn idle_environments_are_stopped() {
    let directory = tempfile::tempdir().unwrap();
    let service = open(directory.path(), LambdaConfig { environment_idle_max: Duration::from_millis(50), ..quick() });
    service.lambda.put_function(function("f")).await.unwrap();
    let pid = payload(&invoke(&service, "f", json!({})).await)["pid"].as_u64().unwrap();
    eventually("the idle process ends", || !is_running(pid)).await;
    assert_eq!(invoke(&service, "f", json!({})).await.function_error, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn output_is_logged_by_request() {
    let directory = tempfile::tempdir().unwrap();
    let service = open(directory.path(), quick());
    service.lambda.put_function(function("f")).await.unwrap();
    let options = InvokeOptions { log_tail: LogTail::Last4Kb, ..InvokeOptions::default() };
    let event = Bytes::from(json!({"do": "print"}).to_string());
    let outcome = service.lambda.invoke(&id("f"), event, options).await.unwrap();
    let tail = String::from_utf8(outcome.log_tail.unwrap().to_vec()).unwrap();
    for expected in
        ["a line on stdout", "a line on stderr", "REPORT RequestId: ", "Init Duration: ", "Max Memory Used: "]
    {
        assert!(tail.contains(expected), "{expected} is missing: {tail}");
    }
    let log = directory.path().join("lambda/f.log");
    let line = format!("{} a line on stdout", outcome.request_id);
    eventually("the line is in the file", || std::fs::read_to_string(&log).is_ok_and(|text| text.contains(&line)))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_whose_server_is_gone_ends_by_itself() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    // A Runtime API that hangs up after the first request, as a killed server does.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut child = tokio::process::Command::new(crate::fixture::program())
        .env("AWS_LAMBDA_RUNTIME_API", listener.local_addr().unwrap().to_string())
        .env("AWS_LAMBDA_FUNCTION_NAME", "orphan")
        .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
        .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128")
        .env("AWS_LAMBDA_LOG_GROUP_NAME", "g")
        .env("AWS_LAMBDA_LOG_STREAM_NAME", "s")
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let (mut connection, _) = listener.accept().await.unwrap();
    let mut request = [0; 1024];
    assert!(connection.read(&mut request).await.unwrap() > 0);
    connection.flush().await.unwrap();
    drop(connection);
    drop(listener);
    let status = tokio::time::timeout(Duration::from_secs(30), child.wait()).await.expect("an orphan stays").unwrap();
    assert!(!status.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn functions_survive_a_restart_and_deleted_ones_do_not() {
    let directory = tempfile::tempdir().unwrap();
    {
        let service = open(directory.path(), quick());
        service.lambda.put_function(function("kept")).await.unwrap();
        service.lambda.put_function(function("deleted")).await.unwrap();
        service.lambda.delete_function(&id("deleted")).await.unwrap();
        service.lambda.shutdown().await;
    }
    let service = eventually_open(directory.path()).await;
    assert_eq!(invoke(&service, "kept", json!({})).await.function_error, None);
    let error = service.lambda.invoke(&id("deleted"), Bytes::new(), InvokeOptions::default()).await.unwrap_err();
    assert_eq!(error.code, "ResourceNotFoundException");
    let error = service.lambda.put_function(function("no/name")).await.unwrap_err();
    assert_eq!(error.code, "InvalidParameterValueException");
}

/// The control store is free once the tasks of the service before have let go of it.
pub(crate) async fn eventually_open(directory: &std::path::Path) -> Service {
    let path = directory.join("control.redb");
    eventually("the control store is free", || anabranch_control::ControlStore::open(&path).is_ok()).await;
    open(directory, quick())
}

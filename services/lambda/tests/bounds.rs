//! What a function process may do to the server: nothing that costs it memory, and what the server
//! lacks is not held against the function. A test program of its own, since its memory and its
//! descriptors are what is looked at.

#![allow(clippy::unwrap_used)]

#[path = "service/fixture.rs"]
#[allow(dead_code)]
mod fixture;

use anabranch_lambda::{InvokeOptions, InvokeOutcome, LambdaConfig};
use anabranch_protocol::{ApiError, ProblemKind};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::{Value, json};

use fixture::{Service, eventually, function, id, is_running, open};

/// Bytes by which the server may grow meanwhile.
const GROWTH_BYTES_MAX: u64 = 32 << 20;

/// The most memory this process ever held, in bytes.
fn memory_peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches("kB").trim().parse::<u64>().unwrap() << 10
}

async fn invoke(service: &Service, event: Value) -> Result<InvokeOutcome, ApiError> {
    service.lambda.invoke(&id("f"), event.to_string().into(), InvokeOptions::default()).await
}

/// One after the other, since the process is shared.
#[tokio::test(flavor = "multi_thread")]
async fn a_function_costs_the_server_no_memory_and_a_server_without_descriptors_the_function_no_event() {
    let directory = tempfile::tempdir().unwrap();
    let service = open(directory.path(), LambdaConfig::default());
    service.lambda.put_function(function("f")).await.unwrap();
    let first = invoke(&service, json!({})).await.unwrap();
    assert_eq!(first.function_error, None);

    let before = memory_peak();
    let outcome = invoke(&service, json!({"do": "flood", "mib": 96})).await.unwrap();
    assert_eq!(outcome.function_error, None);
    let grown = memory_peak() - before;
    assert!(grown < GROWTH_BYTES_MAX, "96 MiB of output without a newline took {} MiB", grown >> 20);

    for (how, error_type) in [("long", "Function.ResponseSizeTooLarge"), ("cut", "Runtime.ExitError")] {
        let outcome = invoke(&service, json!({"do": "answer", "how": how})).await.unwrap();
        let answer: Value = serde_json::from_slice(&outcome.payload).unwrap();
        assert_eq!(answer["errorType"], error_type, "{how}: {answer}");
    }
    // What a function answers is its own affair, as on AWS.
    let garbage = invoke(&service, json!({"do": "answer", "how": "garbage"})).await.unwrap();
    assert_eq!((garbage.function_error, &garbage.payload[..]), (None, &b"\xff\x00{["[..]));
    let grown = memory_peak() - before;
    assert!(grown < GROWTH_BYTES_MAX, "an answer of 100 MiB took {} MiB", grown >> 20);
    service.lambda.shutdown().await;

    without_descriptors().await;
}

async fn without_descriptors() {
    let directory = tempfile::tempdir().unwrap();
    let service = open(directory.path(), LambdaConfig::default());
    service.lambda.put_function(function("f")).await.unwrap();
    let limit = getrlimit(Resource::Nofile);
    let open_now = std::fs::read_dir("/proc/self/fd").unwrap().count() as u64;
    setrlimit(Resource::Nofile, Rlimit { current: Some(open_now), maximum: limit.maximum }).unwrap();
    let refused = invoke(&service, json!({})).await;
    let problems = service.lambda.problems();
    setrlimit(Resource::Nofile, limit).unwrap();
    let refused = refused.unwrap_err();
    assert_eq!(refused.code, "TooManyRequestsException", "{refused}");
    assert!(refused.message.contains("can't start another process for f now"), "{refused}");
    assert_eq!((problems[0].kind, problems[0].resource.as_str()), (ProblemKind::Descriptors, "function f"));
    let outcome = invoke(&service, json!({})).await.unwrap();
    assert_eq!(outcome.function_error, None, "once there are descriptors again");
    assert_eq!(service.lambda.problems(), []);
    let pid = serde_json::from_slice::<Value>(&outcome.payload).unwrap()["pid"].as_u64().unwrap();
    service.lambda.shutdown().await;
    eventually("its process ends", || !is_running(pid)).await;
}

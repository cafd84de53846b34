//! What the host does for functions of every runtime: memory, signals, files, variables.

use serde_json::json;
use std::time::Duration;

use super::{Packaged, has};
use crate::fixture::{eventually, is_running};

const APP: &str = r#"
import os, signal, subprocess, sys, time
if os.environ.get("SLOW"):
    marker = os.environ["SLOW"]
    if not os.path.exists(marker):
        open(marker, "w").close()
        time.sleep(60)

def note(signal, frame):
    open(os.environ["MARKER"], "w").write("asked to end")
    sys.exit(0)

def handler(event, context):
    do = event.get("do")
    if do == "grow":
        held = bytearray(event["mb"] << 20)
        time.sleep(event["seconds"])
        return len(held)
    if do == "child":
        return subprocess.Popen(["sleep", "600"]).pid
    if do == "trap":
        signal.signal(signal.SIGTERM, note)
    if do == "hang":
        time.sleep(60)
    open(os.path.join(os.environ["TMPDIR"], "left"), "w").close()
    return {"pid": os.getpid(), "variables": dict(os.environ), "home": os.path.expanduser("~")}
"#;

#[tokio::test(flavor = "multi_thread")]
async fn more_memory_than_the_function_has_ends_it() {
    if !has("python3") {
        return;
    }
    let function =
        Packaged::with("python3.11", "app.handler", &[("app.py", APP)], |spec, _| spec.memory_mb = 128).await;
    assert_eq!(function.answer(json!({"do": "grow", "mb": 60, "seconds": 0.2})).await, json!(60 << 20));
    let (failure, log) = function.failure(json!({"do": "grow", "mb": 200, "seconds": 60})).await;
    assert_eq!(failure["errorType"], "Runtime.OutOfMemory");
    assert!(failure["errorMessage"].as_str().unwrap().ends_with("Error: Runtime exited with error: signal: killed"));
    assert!(log.contains("Max Memory Used: 128 MB\tStatus: error\tError Type: Runtime.OutOfMemory"), "{log}");
    assert_eq!(function.answer(json!({"do": "grow", "mb": 1, "seconds": 0})).await, json!(1 << 20));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_environment_ends_with_all_it_started_and_leaves_no_files() {
    if !has("python3") {
        return;
    }
    let marker = tempfile::tempdir().unwrap();
    let path = marker.path().join("marker");
    let function = Packaged::with("python3.11", "app.handler", &[("app.py", APP)], |spec, _| {
        spec.environment.insert("MARKER".into(), path.to_string_lossy().into_owned());
    })
    .await;
    let child = function.answer(json!({"do": "child"})).await.as_u64().unwrap();
    let answer = function.answer(json!({"do": "trap"})).await;
    let temporary = answer["variables"]["TMPDIR"].as_str().unwrap().to_string();
    assert!(std::fs::exists(format!("{temporary}/left")).unwrap());
    function.service.lambda.shutdown().await;
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "asked to end");
    assert!(!is_running(answer["pid"].as_u64().unwrap()));
    eventually("what it started ends", || !is_running(child)).await;
    assert!(!std::fs::exists(&temporary).unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_of_the_servers_user_reaches_a_function() {
    if !has("python3") {
        return;
    }
    let function = Packaged::new("python3.11", "app.handler", &[("app.py", APP)]).await;
    let answer = function.answer(json!({})).await;
    let variables = answer["variables"].as_object().unwrap();
    let lambdas = |name: &str| name.starts_with("AWS_LAMBDA_") || name.starts_with("_X_AMZN") || name == "_HANDLER";
    let others: Vec<&str> = variables.keys().map(String::as_str).filter(|name| !lambdas(name)).collect();
    let known = [
        "AWS_ACCESS_KEY_ID",
        "AWS_DEFAULT_REGION",
        "AWS_ENDPOINT_URL",
        "AWS_EXECUTION_ENV",
        "AWS_REGION",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_XRAY_CONTEXT_MISSING",
        "HOME",
        "LAMBDA_TASK_ROOT",
        "LANG",
        "LC_CTYPE",
        "LD_LIBRARY_PATH",
        "PATH",
        "PYTHONDONTWRITEBYTECODE",
        "PYTHONPATH",
        "RUST_BACKTRACE",
        "SSL_CERT_DIR",
        "SSL_CERT_FILE",
        "TMPDIR",
        "TZ",
    ];
    let strange: Vec<&&str> = others.iter().filter(|name| !known.contains(name)).collect();
    assert!(strange.is_empty(), "{strange:?}");
    assert_eq!(variables["AWS_ACCESS_KEY_ID"], "anabranch");
    assert_eq!(answer["home"], variables["TMPDIR"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_init_that_takes_too_long_is_begun_again_within_the_invocation() {
    if !has("python3") {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let config = anabranch_lambda::LambdaConfig { init_timeout: Duration::from_secs(2), ..crate::hosting::quick() };
    let service = crate::fixture::open(directory.path(), config);
    let function = Packaged { directory, service };
    function
        .put("python3.11", "app.handler", &[("app.py", APP)], |spec, directory| {
            spec.environment.insert("SLOW".into(), directory.join("begun").to_string_lossy().into_owned());
        })
        .await;
    assert_ne!(function.answer(json!({})).await["pid"], json!(null));
    let log = function.directory.path().join("lambda/f.log");
    let line = "INIT_REPORT Init Duration: 2000.00 ms\tPhase: init\tStatus: timeout";
    eventually(line, || std::fs::read_to_string(&log).is_ok_and(|text| text.contains(line))).await;
}

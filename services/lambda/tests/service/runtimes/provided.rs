//! `provided.*`: programs named `bootstrap`.

use serde_json::json;
use std::os::unix::fs::PermissionsExt;

use super::{Packaged, error, type_and_message};
use crate::fixture::program;

#[tokio::test(flavor = "multi_thread")]
async fn bootstrap_runs_whatever_the_handler_is_called() {
    let function = Packaged::with("provided.al2023", "a.b.c", &[("data.txt", "")], |_, directory| {
        std::fs::copy(program(), directory.join("code/bootstrap")).unwrap();
    })
    .await;
    let answer = function.answer(json!({"a": 1})).await;
    assert_eq!((&answer["event"], &answer["variables"]["_HANDLER"]), (&json!({"a": 1}), &json!("a.b.c")));
    let code = function.directory.path().join("code");
    assert_eq!(answer["variables"]["LAMBDA_TASK_ROOT"], json!(code));
    assert_eq!(answer["variables"]["AWS_EXECUTION_ENV"], "AWS_Lambda_provided.al2023");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_package_without_a_program_says_so() {
    let function = Packaged::new("provided.al2", "bootstrap", &[("bootstrap.sh", "")]).await;
    let outcome = function.invoke(json!({})).await;
    let payload = serde_json::from_slice(&outcome.payload).unwrap();
    let (id, bootstrap) = (&outcome.request_id, function.directory.path().join("code/bootstrap"));
    let message = format!("RequestId: {id} Error: Couldn't find valid bootstrap(s): [{}]", bootstrap.display());
    assert_eq!(type_and_message(&payload), error("Runtime.InvalidEntrypoint", message));

    function.put("provided.al2", "bootstrap", &[("bootstrap", "#!/bin/sh\n")], |_, _| {}).await;
    std::fs::set_permissions(&bootstrap, PermissionsExt::from_mode(0o644)).unwrap();
    let outcome = function.invoke(json!({})).await;
    let payload = serde_json::from_slice(&outcome.payload).unwrap();
    let message =
        format!("RequestId: {} Error: fork/exec {}: permission denied", outcome.request_id, bootstrap.display());
    assert_eq!(type_and_message(&payload), error("Runtime.InvalidEntrypoint", message));

    function.put("ruby3.3", "app.handler", &[], |_, _| {}).await;
    let (failure, _) = function.failure(json!({})).await;
    assert!(failure["errorMessage"].as_str().unwrap().contains("The runtime ruby3.3 is not hosted here"), "{failure}");
}

//! `python3.*`.

use serde_json::json;
use std::time::Duration;

use super::{Packaged, error, has, tail, type_and_message};

const APP: &str = r#"
import decimal, json, logging, os, sys
logger = logging.getLogger()
logger.setLevel("INFO")
count = 0

def handler(event, context):
    global count
    count += 1
    do = event.get("do")
    if do == "log":
        logger.info("one\ntwo")
        print("printed")
        print("on stderr", file=sys.stderr)
        print("without an end", end="")
    elif do == "raise":
        raise ValueError("refused as asked")
    elif do == "exit":
        sys.exit(event["status"])
    elif do == "set":
        return {1, 2}
    elif do == "fork":
        return os.popen("echo $AWS_EXECUTION_ENV").read()
    elif do == "decimal":
        return {"n": decimal.Decimal("12345678901234567890.5"), "ü": 1}
    elif do == "large":
        return "x" * (7 << 20)
    return {
        "event": event, "count": count, "cwd": os.getcwd(), "path": sys.path, "argv": sys.argv,
        "id": context.aws_request_id, "memory": context.memory_limit_in_mb, "name": context.function_name,
        "left": context.get_remaining_time_in_millis(), "arn": context.invoked_function_arn,
        "group": context.log_group_name, "version": context.function_version,
        "client": context.client_context and context.client_context.custom,
        "identity": context.identity.cognito_identity_id, "trace": os.environ["_X_AMZN_TRACE_ID"],
        "environment": os.environ["AWS_EXECUTION_ENV"],
    }
"#;

#[tokio::test(flavor = "multi_thread")]
async fn handlers_run_as_in_aws_python_runtimes() {
    if !has("python3") {
        return;
    }
    let function = Packaged::new("python3.11", "app.handler", &[("app.py", APP)]).await;
    let answer = function.answer(json!({"ü": [1]})).await;
    assert_eq!((&answer["event"], &answer["count"]), (&json!({"ü": [1]}), &json!(1)));
    let root = function.directory.path().join("code").canonicalize().unwrap();
    assert_eq!((&answer["cwd"], &answer["path"][0]), (&json!(root), &answer["cwd"]));
    assert_eq!(
        (&answer["memory"], &answer["name"], &answer["version"]),
        (&json!("256"), &json!("f"), &json!("$LATEST"))
    );
    assert_eq!((&answer["group"], &answer["client"]), (&json!("/aws/lambda/f"), &json!(null)));
    assert_eq!(answer["environment"], "AWS_Lambda_python3.11");
    let left = answer["left"].as_u64().unwrap();
    assert!((1..=Duration::from_secs(30).as_millis() as u64).contains(&left), "{left}");
    assert!(answer["trace"].as_str().unwrap().starts_with("Root=1-"));
    assert_eq!(function.answer(json!({})).await["count"], 2, "the environment is used again");

    let outcome = function.invoke(json!({"do": "log"})).await;
    let log = tail(&outcome);
    let info = log.lines().find(|line| line.starts_with("[INFO]\t")).unwrap_or_else(|| panic!("{log}"));
    let fields: Vec<&str> = info.split('\t').collect();
    assert_eq!((fields[2], fields[3]), (outcome.request_id.as_str(), "one"));
    assert!(fields[1].ends_with('Z') && fields[1].len() == "2026-01-01T00:00:00.000Z".len(), "{info}");
    assert!(log.contains("printed\n") && log.contains("on stderr\n"), "{log}");
    assert!(log.contains("without an end\n"), "{log}");

    assert_eq!(function.answer(json!({"do": "fork"})).await, "AWS_Lambda_python3.11\n");
    let number = function.invoke(json!({"do": "decimal"})).await.payload;
    assert!(String::from_utf8_lossy(&number).contains("12345678901234567890.5"), "{number:?}");

    let (failure, log) = function.failure(json!({"do": "raise"})).await;
    assert_eq!(type_and_message(&failure), error("ValueError", "refused as asked"));
    let trace = failure["stackTrace"].as_array().unwrap();
    assert_eq!(trace.len(), 1, "only the function's own frames: {trace:?}");
    assert!(trace[0].as_str().unwrap().contains("in handler\n    raise ValueError"), "{trace:?}");
    assert!(log.contains("[ERROR] ValueError: refused as asked\rTraceback (most recent call last):\r"), "{log}");
    let (failure, _) = function.failure(json!({"do": "set"})).await;
    let message = "Unable to marshal response: Object of type set is not JSON serializable";
    assert_eq!(type_and_message(&failure), error("Runtime.MarshalError", message));
    let (failure, _) = function.failure(json!({"do": "large"})).await;
    assert_eq!(failure["errorType"], "Function.ResponseSizeTooLarge");

    for (status, how) in
        [(3, "Runtime exited with error: exit status 3"), (0, "Runtime exited without providing a reason")]
    {
        let (failure, log) = function.failure(json!({"do": "exit", "status": status})).await;
        assert_eq!(failure["errorType"], "Runtime.ExitError");
        assert!(failure["errorMessage"].as_str().unwrap().ends_with(how), "{failure}");
        assert!(log.contains("Status: error\tError Type: Runtime.ExitError"), "{log}");
    }
    assert_eq!(function.answer(json!({})).await["count"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn code_that_does_not_load_says_why() {
    if !has("python3") {
        return;
    }
    let function = Packaged::new("python3.11", "absent.handler", &[]).await;
    let (failure, log) = function.failure(json!({})).await;
    let message = "Unable to import module 'absent': No module named 'absent'";
    assert_eq!(type_and_message(&failure), error("Runtime.ImportModuleError", message));
    assert_eq!((&failure["stackTrace"], &failure["requestId"]), (&json!([]), &json!("")));
    drop(log);
    for (handler, text, error_type, message) in [
        ("app.other", "handler = 1", "Runtime.HandlerNotFound", "Handler 'other' missing on module 'app'"),
        (
            "app.handler",
            "def (",
            "Runtime.UserCodeSyntaxError",
            "Syntax error in module 'app': invalid syntax (app.py, line 1)",
        ),
        ("app.handler", "raise OSError('at import')", "OSError", "at import"),
        (
            "handler",
            "",
            "Runtime.MalformedHandlerName",
            "Bad handler 'handler': not enough values to unpack (expected 2, got 1)",
        ),
        ("sys.exit", "", "Runtime.BuiltInModuleConflict", "Cannot use built-in module sys as a handler module"),
    ] {
        function.put("python3.11", handler, &[("app.py", text)], |_, _| {}).await;
        assert_eq!(type_and_message(&function.failure(json!({})).await.0), error(error_type, message));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn layers_are_found_and_another_version_is_told() {
    if !has("python3") {
        return;
    }
    let text = "import shared, os\ndef handler(event, context):\n    return [shared.NAME, os.popen('tool').read()]\n";
    let function = Packaged::with("python3.99", "nested/app.handler", &[("nested/app.py", text)], |spec, directory| {
        let (lower, upper) = (directory.join("lower"), directory.join("upper"));
        super::write(&lower, &[("python/shared.py", "NAME = 'lower'"), ("bin/tool", "#!/bin/sh\necho of a layer\n")]);
        super::write(&upper, &[("python/shared.py", "NAME = 'upper'"), ("extensions/probe", "")]);
        let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(lower.join("bin/tool"), executable).unwrap();
        spec.layers = vec![lower, upper];
    })
    .await;
    assert_eq!(function.answer(json!({})).await, json!(["upper", "of a layer\n"]));
    let log = function.directory.path().join("lambda/f.log");
    for line in ["Python 3.99 is not installed", "External extensions are not run here: probe"] {
        let written = || std::fs::read_to_string(&log).is_ok_and(|text| text.contains(line));
        crate::fixture::eventually(line, written).await;
    }
}

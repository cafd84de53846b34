//! The REST API: requests and answers as they are on the wire.

use anabranch_lambda::{Executable, FunctionSpec, InvokeOptions};
use axum::body::{Body, to_bytes};
use http::{Request, StatusCode};
use serde_json::{Value, json};
use std::time::Duration;

use crate::api::{Api, answer, header};
use crate::fixture::{STREAM_ARN, id};

const INVOKE: &str = "/2015-03-31/functions/f/invocations";
const MAPPINGS: &str = "/2015-03-31/event-source-mappings";

#[tokio::test(flavor = "multi_thread")]
async fn invoke_answers_by_type() {
    let api = Api::new().await;
    let response = api.send("POST", INVOKE, &[("x-amz-log-type", "Tail")], r#"{"do":"print"}"#).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(header(&response, "x-amz-executed-version"), Some("$LATEST"));
    assert_eq!(header(&response, "x-amz-function-error"), None);
    let tail = base64_simd::STANDARD.decode_to_vec(header(&response, "x-amz-log-result").unwrap()).unwrap();
    assert!(String::from_utf8(tail).unwrap().contains("REPORT RequestId"));
    assert_eq!(to_bytes(response.into_body(), 100).await.unwrap(), "null");

    let response = api.send("POST", INVOKE, &[], r#"{"do":"fail"}"#).await;
    assert_eq!((response.status(), header(&response, "x-amz-function-error")), (StatusCode::OK, Some("Unhandled")));
    let response = api.send("POST", INVOKE, &[("x-amz-invocation-type", "Event")], "{}").await;
    assert_eq!(response.status(), StatusCode::ACCEPTED);
    let response = api.send("POST", INVOKE, &[("x-amz-invocation-type", "DryRun")], "{}").await;
    assert_eq!(response.status(), StatusCode::NO_CONTENT);
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_requests_get_lambdas_exceptions() {
    let api = Api::new().await;
    let large = format!("\"{}\"", "x".repeat(6 << 20));
    let invocations = |name: &str| format!("/2015-03-31/functions/{name}/invocations");
    for (method, path, body, status, code, text) in [
        ("POST", invocations("g"), "{}", 404, "ResourceNotFoundException", "function:g"),
        ("POST", invocations("f:prod"), "{}", 404, "ResourceNotFoundException", "prod"),
        ("POST", INVOKE.into(), "{", 400, "InvalidRequestContentException", "json"),
        ("POST", INVOKE.into(), large.as_str(), 413, "RequestTooLargeException", "6291456"),
        ("POST", invocations("%ff"), "{}", 400, "InvalidParameterValueException", "UTF-8"),
        ("POST", MAPPINGS.into(), large.as_str(), 413, "RequestTooLargeException", "262144"),
        (
            "GET",
            "/2020-04-22/code-signing-configs".into(),
            "",
            400,
            "UnknownOperationException",
            "ListCodeSigningConfigs",
        ),
        ("PATCH", "/2015-03-31/nothing".into(), "", 400, "UnknownOperationException", "PATCH /2015-03-31/nothing"),
        ("POST", MAPPINGS.into(), "[", 400, "InvalidRequestContentException", "json"),
        ("GET", format!("{MAPPINGS}/none"), "", 404, "ResourceNotFoundException", "does not exist"),
        ("GET", format!("{MAPPINGS}?MaxItems=0"), "", 400, "InvalidParameterValueException", "MaxItems"),
    ] {
        let response = api.send(method, &path, &[], body.to_string()).await;
        assert_eq!((response.status().as_u16(), header(&response, "x-amzn-errortype")), (status, Some(code)), "{path}");
        let body: Value = serde_json::from_slice(&to_bytes(response.into_body(), 1 << 20).await.unwrap()).unwrap();
        assert_eq!(body["Type"], "User");
        let message = body.get("message").or(body.get("Message")).and_then(Value::as_str).unwrap();
        assert!(message.contains(text), "{path}: {message}");
    }
    let response = api.send("POST", INVOKE, &[], b"\"\xff\"".to_vec()).await;
    assert_eq!(header(&response, "x-amzn-errortype"), Some("InvalidRequestContentException"));
}

#[tokio::test(flavor = "multi_thread")]
async fn functions_are_shown() {
    let api = Api::new().await;
    let (status, list) = api.json("GET", "/2015-03-31/functions", Value::Null).await;
    assert_eq!((status, &list["Functions"][0]["FunctionName"]), (200, &json!("f")));
    let (_, shown) = api.json("GET", "/2015-03-31/functions/f", Value::Null).await;
    assert_eq!(shown["Configuration"]["Timeout"], 30);
    let (_, configuration) = api.json("GET", "/2015-03-31/functions/f/configuration", Value::Null).await;
    assert_eq!(configuration, shown["Configuration"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn mappings_are_created_changed_and_deleted() {
    let api = Api::new().await;
    let request =
        json!({"FunctionName": "f", "EventSourceArn": STREAM_ARN, "StartingPosition": "LATEST", "BatchSize": 10});
    let (status, created) = api.json("POST", MAPPINGS, request.clone()).await;
    assert_eq!((status, &created["State"], &created["BatchSize"]), (202, &json!("Creating"), &json!(10)));
    assert!(created["LastModified"].is_number());
    let uuid = created["UUID"].as_str().unwrap().to_string();
    api.state_becomes(&uuid, "Enabled").await;

    let (status, error) = api.json("POST", MAPPINGS, request).await;
    assert_eq!(status, 409);
    assert!(error["message"].as_str().unwrap().contains(&uuid));
    assert_eq!(created["DestinationConfig"], json!({"OnFailure": {}}));
    assert_eq!(
        error["message"],
        format!(
            "The event source arn (\" {STREAM_ARN} \") and function (\" f \") provided mapping already exists. Please \
             update or delete the existing mapping with UUID {uuid}"
        )
    );
    let tags = format!("/2017-03-31/tags/{}", created["EventSourceMappingArn"].as_str().unwrap());
    assert_eq!(api.json("POST", &tags, json!({"Tags": {"team": "a", "cost": "b"}})).await.0, 204);
    assert_eq!(api.json("DELETE", &format!("{tags}?tagKeys=cost&tagKeys=none"), Value::Null).await.0, 204);
    assert_eq!(api.json("GET", &tags, Value::Null).await, (200, json!({"Tags": {"team": "a"}})));
    assert_eq!(api.json("GET", &format!("{tags}0"), Value::Null).await.0, 404);
    let path = format!("{MAPPINGS}/{uuid}");
    let (status, updated) = api.json("PUT", &path, json!({"Enabled": false, "BatchSize": 20})).await;
    assert_eq!((status, &updated["State"], &updated["BatchSize"]), (202, &json!("Disabling"), &json!(20)));
    api.state_becomes(&uuid, "Disabled").await;
    let (_, list) = api.json("GET", &format!("{MAPPINGS}?FunctionName=f&MaxItems=10"), Value::Null).await;
    assert_eq!(list["EventSourceMappings"][0]["UUID"], uuid.as_str());
    assert_eq!(list["EventSourceMappings"].as_array().unwrap().len(), 1);
    let (status, deleted) = api.json("DELETE", &path, Value::Null).await;
    assert_eq!((status, &deleted["State"]), (202, &json!("Deleting")));
    assert_eq!(api.json("GET", &path, Value::Null).await.0, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn mappings_that_cannot_be_are_refused() {
    let api = Api::new().await;
    let with = |member: &str, value: Value| {
        let mut request = json!({"FunctionName": "f", "EventSourceArn": STREAM_ARN, "StartingPosition": "LATEST"});
        request[member] = value;
        request
    };
    for (request, status, text) in [
        (with("FunctionName", json!("g")), 404, "function:g"),
        (with("EventSourceArn", json!("arn:aws:sqs:us-east-1:000000000000:q")), 400, "sqs"),
        (with("EventSourceArn", json!("arn:aws:kinesis:us-east-1:000000000000:stream/none")), 400, "Stream not found"),
        (with("EventSourceArn", json!(format!("{STREAM_ARN}/consumer/c"))), 400, "consumer"),
        (with("BatchSize", json!(0)), 400, "batchSize"),
        (with("TumblingWindowInSeconds", json!(901)), 400, "tumblingWindowInSeconds"),
        (with("FilterCriteria", json!({"Filters": [{"Pattern": "{}"}]})), 400, "Invalid filter pattern definition."),
        (with("StartingPosition", Value::Null), 400, "startingPosition"),
    ] {
        let (found, body) = api.json("POST", MAPPINGS, request).await;
        let message = body.get("message").or(body.get("Message")).and_then(Value::as_str).unwrap();
        assert_eq!(found, status, "{message}");
        assert!(message.contains(text), "{message}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_elsewhere_is_invoked_through_its_endpoint() {
    let api = Api::new().await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base_url = format!("http://{}", listener.local_addr().unwrap());
    let lambda = api.service.lambda.clone();
    let router = axum::Router::new().fallback(move |request: Request<Body>| answer(lambda.clone(), request));
    let server = tokio::spawn(async move { axum::serve(listener, router).await });
    let near = Api::new().await;
    near.service.lambda.put_function(FunctionSpec::new("f", Executable::Remote(base_url))).await.unwrap();
    let invoke = |event: Value| {
        let lambda = near.service.lambda.clone();
        async move { lambda.invoke(&id("f"), event.to_string().into(), InvokeOptions::default()).await }
    };
    assert_eq!(invoke(json!({"do": "print"})).await.unwrap().payload, "null");
    assert_eq!(invoke(json!({"do": "fail"})).await.unwrap().function_error.as_deref(), Some("Unhandled"));
    server.abort();
    let _ = server.await;
    let mut gone = FunctionSpec::new("f", Executable::Remote("http://127.0.0.1:1".into()));
    gone.timeout = Duration::from_secs(1);
    near.service.lambda.put_function(gone).await.unwrap();
    let error = invoke(json!({})).await.unwrap_err();
    assert_eq!(error.code, "ServiceException");
    assert!(error.message.contains("http://127.0.0.1:1/"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_hold_no_words_of_the_parser() {
    let api = Api::new().await;
    let long = format!("{{\"FunctionName\": \"{}\"}}", "x".repeat(200_000));
    let many = format!("{{\"FunctionResponseTypes\": [{}]}}", vec!["\"a\""; 40_000].join(","));
    let larger = format!("{{\"Topics\": [{}]}}", vec!["{}"; 200_000].join(","));
    for (method, path, body) in [
        ("POST", INVOKE.to_string(), "{\"a\": }".to_string()),
        ("POST", INVOKE.to_string(), "[".repeat(10_000)),
        ("POST", MAPPINGS.to_string(), "{\"BatchSize\": \"ten\"}".to_string()),
        ("POST", MAPPINGS.to_string(), "{\"Enabled\": 1, ".to_string()),
        ("POST", MAPPINGS.to_string(), "[1]".to_string()),
        ("POST", MAPPINGS.to_string(), "{\"DestinationConfig\": []}".to_string()),
        ("POST", MAPPINGS.to_string(), long),
        ("POST", MAPPINGS.to_string(), many),
        ("POST", MAPPINGS.to_string(), larger),
        ("GET", format!("{MAPPINGS}?MaxItems=ten"), String::new()),
        ("GET", "/2015-03-31/functions?MaxItems=-1".to_string(), String::new()),
    ] {
        let response = api.send(method, &path, &[], body.clone()).await;
        assert!((400..500).contains(&response.status().as_u16()), "{path}");
        let text = to_bytes(response.into_body(), 1 << 20).await.unwrap();
        let text = String::from_utf8(text.to_vec()).unwrap();
        assert!(text.len() < 20_000, "{path}: {} bytes", text.len());
        for word in ["invalid type", "missing field", "at line", "column", "invalid digit", "deserialize", "expected `"]
        {
            assert!(!text.contains(word), "{word:?} in the answer to {path}: {text}");
        }
    }
}

//! Requests through an API to a function that answers with the event it got.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed step is a failed test")]

use std::path::Path;
use std::sync::Arc;

use anabranch_control::ControlStore;
use anabranch_http_api::{ApiSpec, HttpApis, Route};
use anabranch_ports::{FunctionInvoker, FunctionOutcome, PortError, PortErrorKind};
use anabranch_protocol::ManualClock;
use async_trait::async_trait;
use axum::body::Body;
use bytes::Bytes;
use http::Request;
use http_body_util::BodyExt;
use serde_json::Value;

struct Echo;

#[async_trait]
impl FunctionInvoker for Echo {
    async fn invoke(&self, function: &str, payload: Bytes) -> Result<FunctionOutcome, PortError> {
        match function {
            "echo" => Ok(FunctionOutcome::Returned(payload)),
            "broken" => Ok(FunctionOutcome::Failed("exit status 1".into())),
            _ => Err(PortError::new(PortErrorKind::NotFound, "ResourceNotFoundException", "no such function")),
        }
    }
}

fn open(directory: &Path) -> Arc<HttpApis> {
    let control = ControlStore::open(&directory.join("control.redb")).unwrap();
    HttpApis::open(control, Arc::new(ManualClock::new(1_763_000_000_000)), Arc::new(Echo)).unwrap()
}

fn api(stage: &str) -> ApiSpec {
    let routes =
        [("POST /clicks", "echo"), ("GET /pages/{page}", "echo"), ("GET /broken", "broken"), ("GET /none", "none")];
    ApiSpec {
        api_id: "abcdefghij".into(),
        name: "ClicksApi".into(),
        stage: stage.into(),
        routes: routes.map(|(key, function)| Route::new(key, function).unwrap()).into(),
    }
}

async fn call(apis: &HttpApis, path: &str, request: Request<Body>) -> (u16, Value) {
    let response = apis.handle("abcdefghij", path, request).await;
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&body).unwrap())
}

#[tokio::test]
async fn events_have_the_form_of_payload_2() {
    let directory = tempfile::tempdir().unwrap();
    let apis = open(directory.path());
    apis.put_api(api("$default")).await.unwrap();
    let request = Request::post("/clicks?a=1&b=x%20y&a=2")
        .header("Host", "abcdefghij.execute-api.localhost")
        .header("Content-Type", "application/json")
        .header("X-Twice", "1")
        .header("X-Twice", "2")
        .header("Cookie", "k=v; l=w")
        .body(Body::from("{\"page\":\"/\"}"))
        .unwrap();
    let (status, event) = call(&apis, "/clicks", request).await;
    assert_eq!(status, 200);
    assert_eq!(event["version"], "2.0");
    assert_eq!(event["routeKey"], "POST /clicks");
    assert_eq!(event["rawPath"], "/clicks");
    assert_eq!(event["queryStringParameters"]["a"], "1,2");
    assert_eq!(event["queryStringParameters"]["b"], "x y");
    assert_eq!(event["headers"]["x-twice"], "1,2");
    assert_eq!(event["headers"]["cookie"], Value::Null);
    assert_eq!(event["cookies"][1], "l=w");
    assert_eq!(event["body"], "{\"page\":\"/\"}");
    assert_eq!(event["isBase64Encoded"], false);
    assert_eq!(event["requestContext"]["http"]["method"], "POST");
    assert_eq!(event["requestContext"]["time"], "13/Nov/2025:02:13:20 +0000");
    assert_eq!(event["pathParameters"], Value::Null, "absent members are left out");

    let binary = Request::post("/").header("Content-Type", "image/png").body(Body::from(vec![0, 255])).unwrap();
    let (_, event) = call(&apis, "/clicks", binary).await;
    assert_eq!((&event["body"], &event["isBase64Encoded"]), (&Value::from("AP8="), &Value::from(true)));
}

#[tokio::test]
async fn failures_answer_as_api_gateway_does() {
    let directory = tempfile::tempdir().unwrap();
    let apis = open(directory.path());
    apis.put_api(api("$default")).await.unwrap();
    let get = || Request::get("/").body(Body::empty()).unwrap();
    for (path, status, text) in [
        ("/nowhere", 404, "Not Found"),
        ("/broken", 500, "Internal Server Error"),
        ("/none", 503, "Service Unavailable"),
    ] {
        let (found, body) = call(&apis, path, get()).await;
        assert_eq!((found, &body["message"]), (status, &Value::from(text)), "{path}");
    }
    let large = Request::post("/").body(Body::from(vec![b'x'; (10 << 20) + 1])).unwrap();
    assert_eq!(call(&apis, "/clicks", large).await.0, 413);
}

#[tokio::test]
async fn apis_and_stages_survive_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let apis = open(directory.path());
    apis.put_api(api("prod")).await.unwrap();
    drop(apis);
    let apis = open(directory.path());
    let get = || Request::get("/").body(Body::empty()).unwrap();
    let (status, event) = call(&apis, "/prod/pages/a%2Fb", get()).await;
    assert_eq!((status, &event["rawPath"]), (200, &Value::from("/prod/pages/a%2Fb")));
    assert_eq!(event["pathParameters"]["page"], "a/b");
    assert_eq!(call(&apis, "/pages/a", get()).await.0, 404, "outside the stage");
    apis.delete_api("abcdefghij").await.unwrap();
    assert_eq!(call(&apis, "/prod/pages/a", get()).await.0, 404);
}

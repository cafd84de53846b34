//! What one service does through another, over all the adapters between them.

use anabranch::App;
use anabranch_http_api::{ApiSpec, Route};
use anabranch_objects::{NotificationRule, Notifications};
use anabranch_ports::{NewObject, ObjectWriter};
use axum::body::Body;
use axum::http::Request;
use http_body_util::BodyExt;
use serde_json::{Value, json};

use crate::functions::Functions;
use crate::harness::{SIGNED, ask, call, start};

/// Has each new object of `bucket` reported to the function `observer`.
async fn observe(app: &App, bucket: &str) {
    app.services.objects.create_bucket(bucket, "us-east-1").await.unwrap();
    let rule = NotificationRule {
        id: "observe".into(),
        target_arn: "arn:aws:lambda:us-east-1:000000000000:function:observer".into(),
        events: vec!["s3:ObjectCreated:*".into()],
        prefix: String::new(),
        suffix: String::new(),
    };
    let notifications = Notifications { rules: vec![rule], event_bridge: false };
    app.services.objects.put_notification_configuration(bucket, notifications).await.unwrap();
}

/// The object that an `ObjectCreated` event tells of.
async fn object_of(app: &App, event: &Value) -> Vec<u8> {
    let s3 = &event["Records"][0]["s3"];
    let uri = format!("/{}/{}", s3["bucket"]["name"].as_str().unwrap(), s3["object"]["key"].as_str().unwrap());
    let request = Request::get(uri).header("host", "localhost").body(Body::empty()).unwrap();
    let response = app.services.objects.handle(request).await;
    assert_eq!(response.status(), 200);
    response.into_body().collect().await.unwrap().to_bytes().to_vec()
}

#[tokio::test]
async fn a_poison_record_ends_in_the_failure_bucket_whose_functions_hear_of_it() {
    let data = tempfile::tempdir().unwrap();
    let app = start(data.path()).await;
    let mut functions = Functions::start().await;
    for name in ["failing", "observer"] {
        app.services.lambda.put_function(functions.spec(name)).await.unwrap();
    }
    app.start_functions().unwrap();
    observe(&app, "failures").await;
    let created = call(app.address, "Kinesis_20131202.CreateStream", r#"{"StreamName": "clicks", "ShardCount": 1}"#);
    assert_eq!(created.await.status, 200);
    let mapping = json!({
        "FunctionName": "failing",
        "EventSourceArn": "arn:aws:kinesis:us-east-1:000000000000:stream/clicks",
        "StartingPosition": "TRIM_HORIZON",
        "MaximumRetryAttempts": 0,
        "DestinationConfig": {"OnFailure": {"Destination": "arn:aws:s3:::failures"}},
    });
    let head = format!("POST /2015-03-31/event-source-mappings HTTP/1.1\r\nContent-Type: application/json\r\n{SIGNED}");
    let created = ask(app.address, &head, mapping.to_string().as_bytes()).await;
    assert_eq!(created.status, 202, "{created:?}");

    let data = base64_simd::STANDARD.encode_to_string("poison");
    let record = json!({"StreamName": "clicks", "PartitionKey": "a", "Data": data}).to_string();
    let mut put = call(app.address, "Kinesis_20131202.PutRecord", &record).await;
    while put.status == 400 && put.text().contains("ResourceNotFoundException") {
        // The stream is being created.
        tokio::task::yield_now().await;
        put = call(app.address, "Kinesis_20131202.PutRecord", &record).await;
    }
    assert_eq!(put.status, 200, "{put:?}");

    let batch = functions.next("failing").await;
    assert_eq!(batch["Records"][0]["kinesis"]["data"], data);
    assert_eq!(batch["Records"][0]["kinesis"]["sequenceNumber"], put.json()["SequenceNumber"]);
    let event = functions.next("observer").await;
    let page = ask(app.address, "GET /_anabranch/ HTTP/1.1", b"").await.text();
    for shown in ["clicks → failing", "failures", "observer", "PROBLEM"] {
        assert!(page.contains(shown), "{shown}: {page}");
    }
    let failure: Value = serde_json::from_slice(&object_of(&app, &event).await).unwrap();
    assert_eq!(failure["requestContext"]["condition"], "RetryAttemptsExhausted");
    app.stop().await;
}

#[tokio::test]
async fn what_is_put_to_a_delivery_stream_becomes_an_object_that_functions_hear_of() {
    let data = tempfile::tempdir().unwrap();
    let app = start(data.path()).await;
    let mut functions = Functions::start().await;
    app.services.lambda.put_function(functions.spec("observer")).await.unwrap();
    app.start_functions().unwrap();
    observe(&app, "raw").await;
    let delivery_stream = json!({
        "DeliveryStreamName": "clicks-raw",
        "ExtendedS3DestinationConfiguration": {
            "RoleARN": "arn:aws:iam::000000000000:role/delivery",
            "BucketARN": "arn:aws:s3:::raw",
            "BufferingHints": {"IntervalInSeconds": 0, "SizeInMBs": 1},
        },
    });
    let created = call(app.address, "Firehose_20150804.CreateDeliveryStream", &delivery_stream.to_string()).await;
    assert_eq!(created.status, 200, "{created:?}");
    let data = base64_simd::STANDARD.encode_to_string("click\n");
    let record = json!({"DeliveryStreamName": "clicks-raw", "Record": {"Data": data}});
    let put = call(app.address, "Firehose_20150804.PutRecord", &record.to_string()).await;
    assert_eq!(put.status, 200, "{put:?}");
    let event = functions.next("observer").await;
    assert_eq!(object_of(&app, &event).await, b"click\n");
    app.stop().await;
}

#[tokio::test]
async fn a_notification_that_no_function_takes_does_not_hold_up_the_next() {
    let data = tempfile::tempdir().unwrap();
    let app = start(data.path()).await;
    let mut functions = Functions::start().await;
    app.start_functions().unwrap();
    observe(&app, "raw").await;
    let put = |key: &'static str| app.services.objects.put_object("raw", key, NewObject::default());
    put("unheard").await.unwrap();
    // Once it was given up, the function is there for the next one.
    let head = format!("PUT /raw/heard HTTP/1.1\r\n{}", SIGNED.replace("dynamodb", "s3"));
    app.services.lambda.put_function(functions.spec("observer")).await.unwrap();
    assert_eq!(ask(app.address, &head, b"").await.status, 200);
    let mut heard = functions.next("observer").await;
    if heard["Records"][0]["s3"]["object"]["key"] == "unheard" {
        heard = functions.next("observer").await;
    }
    assert_eq!(heard["Records"][0]["s3"]["object"]["key"], "heard");
    app.stop().await;
}

#[tokio::test]
async fn objects_over_the_limit_are_refused() {
    let data = tempfile::tempdir().unwrap();
    let config = anabranch::Config {
        data: data.path().into(),
        listen: ([127, 0, 0, 1], 0).into(),
        body_bytes_max: 1000,
        ..anabranch::Config::default()
    };
    let app = App::start(config).await.unwrap();
    app.services.objects.create_bucket("raw", "us-east-1").await.unwrap();
    let head = format!("PUT /raw/key HTTP/1.1\r\n{}", SIGNED.replace("dynamodb", "s3"));
    let refused = ask(app.address, &head, &[0; 1001]).await;
    assert_eq!(refused.status, 400, "{refused:?}");
    assert!(refused.text().contains("<Code>EntityTooLarge</Code>"), "{refused:?}");
    let chunked = format!("{head}\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n");
    let body = [format!("{:x}\r\n", 1001).as_bytes(), &[0; 1001], b"\r\n0\r\n\r\n"].concat();
    let refused = crate::harness::send(app.address, &[chunked.as_bytes(), &body].concat()).await;
    assert!(refused.status >= 400, "{refused:?}");
    assert_eq!(ask(app.address, &head, &[0; 1000]).await.status, 200);
    app.stop().await;
}

#[tokio::test]
async fn a_request_of_an_http_api_reaches_its_function() {
    let data = tempfile::tempdir().unwrap();
    let app = start(data.path()).await;
    let mut functions = Functions::start().await;
    for name in ["ingest", "failing"] {
        app.services.lambda.put_function(functions.spec(name)).await.unwrap();
    }
    let routes = vec![Route::new("POST /clicks", "ingest").unwrap(), Route::new("GET /fail", "failing").unwrap()];
    let api = ApiSpec { api_id: "abcdefgh01".into(), name: "clicks".into(), stage: "$default".into(), routes };
    app.services.http_apis.put_api(api).await.unwrap();

    let by_path = "/_aws/execute-api/abcdefgh01/$default";
    let answer = ask(app.address, &format!("POST {by_path}/clicks?a=b HTTP/1.1"), b"{}").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let event = functions.next("ingest").await;
    assert_eq!(event["rawPath"], "/clicks");
    assert_eq!(event["rawQueryString"], "a=b");
    assert_eq!(event["body"], "{}");

    let host = "abcdefgh01.execute-api.localhost";
    let by_host = format!("POST /clicks HTTP/1.1\r\nHost: {host}\r\nContent-Length: 2\r\nConnection: close\r\n\r\n[]");
    assert_eq!(crate::harness::send(app.address, by_host.as_bytes()).await.status, 200);
    assert_eq!(functions.next("ingest").await["body"], "[]");

    assert_eq!(ask(app.address, &format!("GET {by_path}/fail HTTP/1.1"), b"").await.status, 500);
    assert_eq!(ask(app.address, &format!("GET {by_path}/nothing HTTP/1.1"), b"").await.status, 404);
    assert_eq!(ask(app.address, "GET /_aws/execute-api/unknown/x HTTP/1.1", b"").await.status, 404);
    app.stop().await;
}

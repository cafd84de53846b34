//! Web pages of other origins and names that are not the server's reach nothing.

use anabranch::{App, Config, Trusted};
use anabranch_http_api::{ApiSpec, Route};

use crate::functions::Functions;
use crate::harness::{Answer, SIGNED, ask, send, start};

const JSON: &str = "Content-Type: application/x-amz-json-1.1\r\nX-Amz-Target: Kinesis_20131202";

async fn start_trusting(data: &std::path::Path, host_names: &[&str], origins: &[&str]) -> App {
    let owned = |list: &[&str]| list.iter().map(|text| text.to_string()).collect();
    let trusted = Trusted { host_names: owned(host_names), origins: owned(origins) };
    App::start(Config { data: data.into(), listen: ([127, 0, 0, 1], 0).into(), trusted, ..Config::default() })
        .await
        .unwrap()
}

async fn from(app: &App, request: &str, origin: &str, body: &str) -> Answer {
    ask(app.address, &format!("{request}\r\nOrigin: {origin}"), body.as_bytes()).await
}

async fn streams(app: &App) -> Vec<String> {
    let listed = ask(app.address, &format!("POST / HTTP/1.1\r\n{JSON}.ListStreams\r\n{SIGNED}"), b"{}").await;
    serde_json::from_value(listed.json()["StreamNames"].clone()).unwrap()
}

#[tokio::test]
async fn a_page_of_another_origin_reaches_nothing() {
    let data = tempfile::tempdir().unwrap();
    let app = start(data.path()).await;
    app.services.objects.create_bucket("raw", "us-east-1").await.unwrap();
    let create = format!("POST / HTTP/1.1\r\n{JSON}.CreateStream\r\n{SIGNED}");
    for origin in ["http://evil.example", "null", "http://localhost:1", &format!("https://{}", app.address)] {
        let json = from(&app, &create, origin, r#"{"StreamName": "theirs", "ShardCount": 1}"#).await;
        json.assert_error(403, "AccessDeniedException", "--cors-origin");
        for request in ["PUT /raw/key", "POST /raw", "DELETE /raw", "GET /raw/key", "OPTIONS /raw/key", "GET /"] {
            let answer = from(&app, &format!("{request} HTTP/1.1"), origin, "x").await;
            assert_eq!(answer.status, 403, "{request}: {answer:?}");
            assert!(answer.text().contains("<Code>AccessDenied</Code>") && answer.text().contains("--cors-origin"));
            assert_eq!(answer.header("access-control-allow-origin"), None);
        }
        let invoke = from(&app, "POST /2015-03-31/functions/f/invocations HTTP/1.1", origin, "{}").await;
        invoke.assert_error(403, "AccessDeniedException", "--cors-origin");
        for page in ["", "/", "/health", "/metrics", "/nothing"] {
            let page = from(&app, &format!("GET /_anabranch{page} HTTP/1.1"), origin, "").await;
            assert!(page.status == 403 && page.text().contains("--cors-origin"), "{page:?}");
        }
    }
    assert_eq!(streams(&app).await, [] as [String; 0]);
    let buckets = app.services.objects.stat();
    assert_eq!(buckets.iter().map(|bucket| (&*bucket.name, bucket.objects)).collect::<Vec<_>>(), [("raw", 0)]);
    let own = from(&app, &create, &app.base_url, r#"{"StreamName": "ours", "ShardCount": 1}"#).await;
    assert_eq!(own.status, 200, "{own:?}");
    app.stop().await;
}

#[tokio::test]
async fn what_a_page_embeds_is_refused_and_what_it_links_to_is_shown() {
    let data = tempfile::tempdir().unwrap();
    let app = start(data.path()).await;
    for site in ["cross-site", "same-site"] {
        let head = format!("GET /_anabranch/ HTTP/1.1\r\nSec-Fetch-Site: {site}\r\nSec-Fetch-Mode");
        let script = ask(app.address, &format!("{head}: no-cors\r\nSec-Fetch-Dest: script"), b"").await;
        assert_eq!(script.status, 403, "{script:?}");
        let frame = ask(app.address, &format!("{head}: navigate\r\nSec-Fetch-Dest: iframe"), b"").await;
        assert_eq!(frame.status, 403, "{frame:?}");
        let link = ask(app.address, &format!("{head}: navigate\r\nSec-Fetch-Dest: document"), b"").await;
        assert_eq!(link.status, 200, "{link:?}");
        let policy = link.header("content-security-policy").unwrap();
        assert!(policy.contains("frame-ancestors 'none'") && policy.contains("default-src 'none'"), "{policy}");
        assert_eq!(link.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(link.header("referrer-policy"), Some("no-referrer"));
    }
    app.stop().await;
}

#[tokio::test]
async fn a_name_that_is_not_the_servers_reaches_nothing() {
    let data = tempfile::tempdir().unwrap();
    let app = start_trusting(data.path(), &["box", "*.example.com"], &[]).await;
    let get = async |path: &str, host: &str| {
        send(app.address, format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").as_bytes()).await
    };
    for host in ["evil.example", "evil.example:4566", "a1.execute-api.evil.example", "127.0.0.1.evil.example"] {
        for path in
            ["/_anabranch/", "/_anabranch/health", "/bucket/key", "/_aws/execute-api/a/b", "http://evil.example/"]
        {
            let refused = get(path, host).await;
            assert!(matches!(refused.status, 400 | 403), "{host} {path}: {refused:?}");
        }
    }
    let refused = get("/_anabranch/health", "evil.example:80").await;
    assert!(refused.text().contains("--host-name evil.example\n"), "{refused:?}");
    for host in ["localhost:1", "b.localhost", "127.0.0.1", "[::1]", "10.1.2.3:4566", "box", "a.example.com"] {
        assert_eq!(get("/_anabranch/health", host).await.status, 200, "{host}");
    }
    let none = send(app.address, b"GET /_anabranch/health HTTP/1.1\r\nConnection: close\r\n\r\n").await;
    assert_eq!(none.status, 400, "{none:?}");
    app.stop().await;
}

#[tokio::test]
async fn origins_that_are_named_may_call_the_apis() {
    let data = tempfile::tempdir().unwrap();
    let app = start_trusting(data.path(), &[], &["http://localhost:3000"]).await;
    let origin = "http://localhost:3000";
    let ask_first = "OPTIONS / HTTP/1.1\r\nAccess-Control-Request-Method: POST\r\n\
                     Access-Control-Request-Headers: authorization,x-amz-target,x-amz-date";
    let preflight = from(&app, ask_first, origin, "").await;
    assert_eq!(preflight.status, 200, "{preflight:?}");
    assert_eq!(preflight.header("access-control-allow-origin"), Some(origin));
    assert!(preflight.header("access-control-allow-methods").unwrap().contains("POST"));
    assert_eq!(preflight.header("access-control-allow-headers"), Some("authorization,x-amz-target,x-amz-date"));
    assert_eq!(preflight.header("access-control-max-age"), Some("172800"));
    let list = format!("POST / HTTP/1.1\r\n{JSON}.ListStreams\r\n{SIGNED}");
    let listed = from(&app, &list, origin, "{}").await;
    assert_eq!((listed.status, listed.header("access-control-allow-origin")), (200, Some(origin)));
    assert!(listed.header("access-control-expose-headers").unwrap().contains("x-amzn-requestid"));
    assert_eq!(listed.header("vary"), Some("Origin"));
    assert_eq!(listed.header("access-control-allow-credentials"), None);
    let image = "GET /raw/key HTTP/1.1\r\nSec-Fetch-Site: same-site\r\nReferer: http://localhost:3000/page";
    assert_eq!(ask(app.address, image, b"").await.status, 404, "the bucket is not there, but may be asked for");
    assert_eq!(from(&app, &list, "http://localhost:3001", "{}").await.status, 403);
    app.stop().await;
}

#[tokio::test]
async fn a_buckets_rules_let_pages_in() {
    let data = tempfile::tempdir().unwrap();
    let app = start(data.path()).await;
    for bucket in ["open", "closed"] {
        app.services.objects.create_bucket(bucket, "us-east-1").await.unwrap();
    }
    let s3 = SIGNED.replace("dynamodb", "s3");
    let rules = "<CORSConfiguration><CORSRule><AllowedOrigin>http://app.example</AllowedOrigin>\
                 <AllowedMethod>GET</AllowedMethod><AllowedMethod>PUT</AllowedMethod></CORSRule></CORSConfiguration>";
    let set = ask(app.address, &format!("PUT /open?cors HTTP/1.1\r\n{s3}"), rules.as_bytes()).await;
    assert_eq!(set.status, 200, "{set:?}");
    let origin = "http://app.example";
    assert_eq!(from(&app, &format!("PUT /open/key HTTP/1.1\r\n{s3}"), origin, "data").await.status, 200);
    let got = from(&app, "GET /open/key HTTP/1.1", origin, "").await;
    assert_eq!((got.status, got.header("access-control-allow-origin")), (200, Some(origin)), "{got:?}");
    let ask_first = "OPTIONS /open/key HTTP/1.1\r\nAccess-Control-Request-Method: PUT";
    assert_eq!(from(&app, ask_first, origin, "").await.status, 200);
    let copy = format!("PUT /open/copy HTTP/1.1\r\n{s3}\r\nx-amz-copy-source: /closed/key");
    for (request, origin) in [
        ("GET /open/key HTTP/1.1", "http://evil.example"),
        ("DELETE /open/key HTTP/1.1", origin),
        ("GET /closed/key HTTP/1.1", origin),
        (&copy, origin),
        ("GET / HTTP/1.1", origin),
    ] {
        assert_eq!(from(&app, request, origin, "").await.status, 403, "{request} {origin}");
    }
    app.stop().await;
}

#[tokio::test]
async fn http_apis_answer_pages_of_any_origin() {
    let data = tempfile::tempdir().unwrap();
    let app = start(data.path()).await;
    let mut functions = Functions::start().await;
    app.services.lambda.put_function(functions.spec("ingest")).await.unwrap();
    let routes = vec![Route::new("POST /clicks", "ingest").unwrap()];
    let api = ApiSpec { api_id: "abcdefgh01".into(), name: "clicks".into(), stage: "$default".into(), routes };
    app.services.http_apis.put_api(api).await.unwrap();
    let by_path = "POST /_aws/execute-api/abcdefgh01/$default/clicks HTTP/1.1";
    let answer = from(&app, by_path, "http://shop.example", "{}").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    functions.next("ingest").await;
    let sandbox = answer.header("content-security-policy").unwrap();
    assert!(sandbox.starts_with("sandbox") && !sandbox.contains("same-origin"), "{sandbox}");
    app.stop().await;
}

#[tokio::test]
async fn methods_that_reach_through_or_echo_are_refused() {
    let data = tempfile::tempdir().unwrap();
    let app = start(data.path()).await;
    for request in ["TRACE / HTTP/1.1", "TRACE /_anabranch/health HTTP/1.1"] {
        assert_eq!(ask(app.address, request, b"").await.status, 405, "{request}");
    }
    let through = format!("CONNECT {0} HTTP/1.1\r\nHost: {0}\r\n\r\n", app.address);
    assert_eq!(send(app.address, through.as_bytes()).await.status, 405);
    let many: String = (0..101).map(|n| format!("\r\nx-field-{n}: 1")).collect();
    assert_eq!(ask(app.address, &format!("GET /_anabranch/health HTTP/1.1{many}"), b"").await.status, 431);
    let long = format!("GET /_anabranch/health HTTP/1.1\r\nx-field: {}", "a".repeat(1 << 20));
    assert_eq!(ask(app.address, &long, b"").await.status, 431);
    let overridden = "GET /_anabranch/health HTTP/1.1\r\nX-HTTP-Method-Override: DELETE";
    assert_eq!(ask(app.address, overridden, b"").await.status, 200);
    app.stop().await;
}

//! Functions that come by CreateFunction: their code, versions and aliases.

use base64_simd::STANDARD;
use serde_json::{Value, json};
use std::io::{Cursor, Write};
use zip::write::SimpleFileOptions;

use crate::api::Api;
use crate::fixture::program;

const FUNCTIONS: &str = "/2015-03-31/functions";
const ROLE: &str = "arn:aws:iam::000000000000:role/lambda";

/// A package whose `bootstrap` is the example; `note` makes it another one.
fn package(note: &str) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default();
    archive.start_file("bootstrap", options.unix_permissions(0o755)).unwrap();
    let script = format!("#!/bin/sh\n# {note}\nexec {}\n", program().display());
    archive.write_all(script.as_bytes()).unwrap();
    archive.finish().unwrap().into_inner()
}

fn request(name: &str) -> Value {
    json!({
        "FunctionName": name,
        "Role": ROLE,
        "Runtime": "provided.al2023",
        "Handler": "anything",
        "Code": { "ZipFile": STANDARD.encode_to_string(package("first")) },
    })
}

fn path(name: &str) -> String {
    format!("{FUNCTIONS}/{name}")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_is_created_changed_and_deleted() {
    let api = Api::new().await;
    let mut create = request("g");
    create["Environment"] = json!({ "Variables": { "GREETING": "hello" } });
    create["Tags"] = json!({ "team": "clicks" });
    let (status, created) = api.json("POST", FUNCTIONS, create.clone()).await;
    assert_eq!(
        (status, &created["State"], &created["Version"]),
        (201, &json!("Pending"), &json!("$LATEST")),
        "{created}"
    );
    assert_eq!(created["CodeSize"], package("first").len());
    let (status, refused) = api.json("POST", FUNCTIONS, create).await;
    assert_eq!((status, &refused["message"]), (409, &json!("Function already exist: g")));
    let (_, shown) = api.json("GET", &path("g"), Value::Null).await;
    let (configuration, code) = (&shown["Configuration"], &shown["Code"]);
    assert_eq!((&configuration["State"], &configuration["LastUpdateStatus"]), (&json!("Active"), &json!("Successful")));
    assert_eq!(shown["Tags"], json!({ "team": "clicks" }));
    assert!(code["Location"].as_str().unwrap().ends_with(".zip"), "{code}");
    let (_, answer) = api.invoke("g", "", json!({ "do": "variable", "name": "GREETING" })).await;
    assert_eq!(answer, "hello");

    let update = json!({ "Timeout": 7, "MemorySize": 256, "Environment": { "Variables": { "GREETING": "bye" } } });
    let (status, updated) = api.json("PUT", &format!("{}/configuration", path("g")), update).await;
    assert_eq!((status, &updated["Timeout"], &updated["LastUpdateStatus"]), (200, &json!(7), &json!("InProgress")));
    assert_ne!(updated["RevisionId"], created["RevisionId"]);
    assert_eq!(api.invoke("g", "", json!({ "do": "variable", "name": "GREETING" })).await.1, "bye");

    let second = STANDARD.encode_to_string(package("second"));
    let mut code = json!({ "ZipFile": second, "DryRun": true });
    let (_, dry) = api.json("PUT", &format!("{}/code", path("g")), code.clone()).await;
    let (_, now) = api.json("GET", &format!("{}/configuration", path("g")), Value::Null).await;
    assert_ne!(dry["CodeSha256"], now["CodeSha256"]);
    code["DryRun"] = json!(false);
    code["RevisionId"] = created["RevisionId"].clone();
    let (status, stale) = api.json("PUT", &format!("{}/code", path("g")), code.clone()).await;
    assert_eq!(status, 412, "{stale}");
    code["RevisionId"] = now["RevisionId"].clone();
    let (status, updated) = api.json("PUT", &format!("{}/code", path("g")), code).await;
    assert_eq!((status, &updated["CodeSha256"]), (200, &dry["CodeSha256"]));
    api.packages_become(1).await;

    let (status, _) = api.json("DELETE", &path("g"), Value::Null).await;
    assert_eq!(status, 204);
    assert_eq!(api.json("GET", &path("g"), Value::Null).await.0, 404);
    api.packages_become(0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn functions_outlive_the_server() {
    let api = Api::new().await;
    let mut create = request("g");
    create["Publish"] = json!(true);
    assert_eq!(api.json("POST", FUNCTIONS, create).await.1["Version"], "1");
    let alias = json!({ "Name": "live", "FunctionVersion": "1" });
    assert_eq!(api.json("POST", &format!("{}/aliases", path("g")), alias).await.0, 201);
    let (_, before) = api.json("GET", &format!("{}?Qualifier=live", path("g")), Value::Null).await;
    let api = api.reopen().await;
    assert_eq!(api.json("GET", &format!("{}?Qualifier=live", path("g")), Value::Null).await.1, before);
    assert_eq!(api.invoke("g", "?Qualifier=live", json!({ "do": "print" })).await.0, "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn code_comes_from_a_bucket_too() {
    let api = Api::new().await;
    api.put_object("packages/g.zip", package("in a bucket"));
    let mut create = request("g");
    create["Code"] = json!({ "S3Bucket": "packages", "S3Key": "g.zip" });
    assert_eq!(api.json("POST", FUNCTIONS, create.clone()).await.0, 201);
    create["FunctionName"] = json!("h");
    create["Code"]["S3Key"] = json!("none.zip");
    let (status, refused) = api.json("POST", FUNCTIONS, create).await;
    let message =
        "Error occurred while GetObject. S3 Error Code: NoSuchKey. S3 Error Message: The specified key does not exist.";
    assert_eq!((status, &refused["message"]), (400, &json!(message)));
}

#[tokio::test(flavor = "multi_thread")]
async fn versions_stay_as_they_were_published() {
    let api = Api::new().await;
    api.json("POST", FUNCTIONS, request("g")).await;
    let versions = format!("{}/versions", path("g"));
    let (status, first) = api.json("POST", &versions, json!({ "Description": "one" })).await;
    assert_eq!((status, &first["Version"], &first["Description"]), (201, &json!("1"), &json!("one")));
    assert_eq!(first["FunctionArn"], "arn:aws:lambda:us-east-1:000000000000:function:g:1");
    assert_eq!(api.json("POST", &versions, json!({})).await.1["Version"], "1", "nothing has changed");
    api.json("PUT", &format!("{}/configuration", path("g")), json!({ "Timeout": 9 })).await;
    let (_, stale) = api.json("POST", &versions, json!({ "CodeSha256": "other" })).await;
    assert!(stale["message"].as_str().unwrap().contains("is different from current CodeSHA256"), "{stale}");
    assert_eq!(api.json("POST", &versions, json!({})).await.1["Version"], "2");
    let timeout = |qualifier: &str| {
        let path = format!("{}/configuration?Qualifier={qualifier}", path("g"));
        let api = &api;
        async move { api.json("GET", &path, Value::Null).await.1["Timeout"].clone() }
    };
    assert_eq!((timeout("1").await, timeout("2").await, timeout("$LATEST").await), (json!(3), json!(9), json!(9)));
    let (version, answer) =
        api.invoke("g:1", "", json!({ "do": "variable", "name": "AWS_LAMBDA_FUNCTION_VERSION" })).await;
    assert_eq!((version.as_str(), answer), ("1", json!("1")));
    let (_, page) = api.json("GET", &format!("{versions}?MaxItems=2"), Value::Null).await;
    let names = |page: &Value| -> Vec<Value> {
        page["Versions"].as_array().unwrap().iter().map(|version| version["Version"].clone()).collect()
    };
    assert_eq!(names(&page), ["$LATEST", "1"]);
    let marker = page["NextMarker"].as_str().unwrap();
    assert_eq!(names(&api.json("GET", &format!("{versions}?Marker={marker}"), Value::Null).await.1), ["2"]);
    let (_, all) = api.json("GET", &format!("{FUNCTIONS}?FunctionVersion=ALL"), Value::Null).await;
    assert_eq!(all["Functions"].as_array().unwrap().len(), 4, "f, and three of g");
    assert_eq!(api.json("DELETE", &format!("{}?Qualifier=1", path("g")), Value::Null).await.0, 204);
    assert_eq!(api.json("GET", &format!("{}?Qualifier=1", path("g")), Value::Null).await.0, 404);
    api.json("PUT", &format!("{}/configuration", path("g")), json!({ "Timeout": 10 })).await;
    assert_eq!(api.json("POST", &versions, json!({})).await.1["Version"], "3", "no number is given twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn aliases_share_invocations_between_versions() {
    let api = Api::new().await;
    let mut create = request("g");
    create["Publish"] = json!(true);
    api.json("POST", FUNCTIONS, create).await;
    api.json("PUT", &format!("{}/configuration", path("g")), json!({ "Timeout": 9 })).await;
    api.json("POST", &format!("{}/versions", path("g")), json!({})).await;
    let aliases = format!("{}/aliases", path("g"));
    let routing = json!({ "AdditionalVersionWeights": { "2": 0.5 } });
    let create = json!({ "Name": "live", "FunctionVersion": "1", "RoutingConfig": routing });
    let (status, alias) = api.json("POST", &aliases, create.clone()).await;
    assert_eq!((status, &alias["RoutingConfig"]), (201, &routing));
    assert_eq!(api.json("POST", &aliases, create).await.0, 409);
    let mut versions = std::collections::BTreeSet::new();
    // That all go to one of them has a chance of 2^-63.
    for _ in 0..64 {
        versions.insert(api.invoke("g:live", "", json!({ "do": "print" })).await.0);
        if versions.len() == 2 {
            break;
        }
    }
    assert_eq!(versions.into_iter().collect::<Vec<_>>(), ["1", "2"]);
    for (request, status, text) in [
        (json!({ "Name": "12", "FunctionVersion": "1" }), 400, "'name'"),
        (json!({ "Name": "other", "FunctionVersion": "7" }), 404, "g:7"),
        (json!({ "Name": "other" }), 400, "'functionVersion'"),
        (
            json!({ "Name": "o", "FunctionVersion": "1", "RoutingConfig": { "AdditionalVersionWeights": { "2": 1.5 } } }),
            400,
            "1.0",
        ),
        (
            json!({ "Name": "o", "FunctionVersion": "1", "RoutingConfig": { "AdditionalVersionWeights": { "1": 0.5 } } }),
            400,
            "already",
        ),
    ] {
        let (found, refused) = api.json("POST", &aliases, request).await;
        let message = refused.get("message").or(refused.get("Message")).and_then(Value::as_str).unwrap();
        assert_eq!(found, status, "{message}");
        assert!(message.contains(text), "{message}");
    }
    let (status, refused) = api.json("DELETE", &format!("{}?Qualifier=2", path("g")), Value::Null).await;
    assert_eq!(status, 409, "{refused}");
    let update = json!({ "FunctionVersion": "2", "RoutingConfig": { "AdditionalVersionWeights": {} } });
    let (_, updated) = api.json("PUT", &format!("{aliases}/live"), update).await;
    assert_eq!((&updated["FunctionVersion"], updated.get("RoutingConfig")), (&json!("2"), None));
    assert_eq!(api.json("GET", &format!("{aliases}?FunctionVersion=2"), Value::Null).await.1["Aliases"][0], updated);
    assert_eq!(api.json("DELETE", &format!("{aliases}/live"), Value::Null).await.0, 204);
    assert_eq!(api.json("GET", &format!("{aliases}/live"), Value::Null).await.0, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_a_function_is_refused() {
    let api = Api::new().await;
    let with = |member: &str, value: Value| {
        let mut request = request("g");
        request[member] = value;
        request
    };
    for (request, code, text) in [
        (with("Role", Value::Null), "ValidationException", "'role'"),
        (with("Role", json!("r")), "ValidationException", "iam::\\d{12}:role"),
        (with("FunctionName", json!("a b")), "ValidationException", "'functionName'"),
        (with("Runtime", json!("cobol")), "InvalidParameterValueException", "Value cobol at 'runtime'"),
        (with("Runtime", Value::Null), "InvalidParameterValueException", "mandatory"),
        (with("Timeout", json!(901)), "ValidationException", "'timeout'"),
        (with("MemorySize", json!(127)), "ValidationException", "greater than or equal to 128"),
        (with("EphemeralStorage", json!({ "Size": 1 })), "ValidationException", "'ephemeralStorage.size'"),
        (
            with("Environment", json!({ "Variables": { "AWS_REGION": "x" } })),
            "InvalidParameterValueException",
            "reserved",
        ),
        (with("Code", json!({ "ZipFile": "AAAA" })), "InvalidParameterValueException", "Could not unzip"),
        (with("Code", json!({})), "InvalidParameterValueException", "provide a source"),
        (with("Code", json!({ "ImageUri": "i" })), "InvalidParameterValueException", "ImageUri"),
        (
            with("Layers", json!(["arn:aws:lambda:us-east-1:000000000000:layer:l:1"])),
            "InvalidParameterValueException",
            "does not exist",
        ),
        (with("SnapStart", json!({ "ApplyOn": "PublishedVersions" })), "InvalidParameterValueException", "SnapStart"),
        (with("Architectures", json!(["riscv"])), "ValidationException", "[x86_64, arm64]"),
        (with("DeadLetterConfig", json!({ "TargetArn": "queue" })), "ValidationException", "targetArn"),
    ] {
        let (status, error, message) = api.refusal("POST", FUNCTIONS, request).await;
        assert_eq!((status, error.as_str()), (400, code), "{message}");
        assert!(message.contains(text), "{message}");
    }
    assert_eq!(api.json("GET", &path("g"), Value::Null).await.0, 404);
    api.packages_become(0).await;
}

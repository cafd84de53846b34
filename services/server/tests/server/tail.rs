//! `anabranch tail` against a server.

use serde_json::Value;
use tokio::process::Command;

use crate::harness::{call, start};

async fn tail(endpoint: &str, arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_anabranch"))
        .args(["tail", "--endpoint-url", endpoint])
        .args(arguments)
        .env_remove("AWS_REGION")
        .env_remove("AWS_ACCESS_KEY_ID")
        .output()
        .await
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[tokio::test]
async fn tail_prints_every_record_of_every_shard() {
    let data = tempfile::tempdir().unwrap();
    let app = start(data.path()).await;
    let kinesis = async |operation: &str, body: &str| {
        let target = format!("Kinesis_20131202.{operation}");
        let mut answer = call(app.address, &target, body).await;
        // Asking for the status again and again may meet the rate of calls.
        while answer.status == 400 && String::from_utf8_lossy(&answer.body).contains("Rate exceeded") {
            answer = call(app.address, &target, body).await;
        }
        assert_eq!(answer.status, 200, "{answer:?}");
        serde_json::from_slice::<Value>(&answer.body).unwrap_or_default()
    };
    kinesis("CreateStream", r#"{"StreamName": "clicks", "ShardCount": 2}"#).await;
    let by_name = r#"{"StreamName": "clicks"}"#;
    while kinesis("DescribeStreamSummary", by_name).await["StreamDescriptionSummary"]["StreamStatus"] != "ACTIVE" {
        tokio::task::yield_now().await;
    }
    // "one\n" and "two" lie in different shards; the third is not UTF-8.
    for (data, hash_key) in [("b25lCg==", "0"), ("dHdv", "340282366920938463463374607431768211455"), ("//4=", "0")] {
        let record = format!(
            r#"{{"StreamName": "clicks", "PartitionKey": "k", "ExplicitHashKey": "{hash_key}", "Data": "{data}"}}"#
        );
        kinesis("PutRecord", &record).await;
    }

    let (code, stdout, stderr) = tail(&app.base_url, &["clicks", "--json"]).await;
    assert_eq!(code, Some(0), "{stderr}");
    let lines: Vec<Value> = stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let shown: Vec<(&str, &Value)> = lines
        .iter()
        .map(|line| (line["shardId"].as_str().unwrap(), line.get("data").unwrap_or(&line["dataBase64"])))
        .collect();
    let (first, second) = ("shardId-000000000000", "shardId-000000000001");
    assert_eq!(shown, [(first, &"one\n".into()), (first, &"//4=".into()), (second, &"two".into())]);
    assert!(lines.iter().all(|line| line["approximateArrivalTimestamp"].as_f64() > Some(1.6e9)), "{stdout}");
    assert!(lines.iter().all(|line| line["partitionKey"] == "k" && line["sequenceNumber"].is_string()), "{stdout}");

    let (code, stdout, stderr) = tail(&app.base_url, &["clicks", "--from", "latest"]).await;
    assert_eq!((code, &*stdout), (Some(0), ""), "{stderr}");
    let (code, _, stderr) = tail(&app.base_url, &["nothing"]).await;
    assert_eq!(code, Some(1));
    assert!(stderr.contains("ListShards: ") && stderr.contains("nothing"), "in the server's words: {stderr}");
    app.stop().await;
}

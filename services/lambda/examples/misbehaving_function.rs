//! A function for the tests: the event says how it behaves, `AT_START` how it starts.

use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::{Value, json};
use std::time::Duration;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    match std::env::var("AT_START").as_deref() {
        Ok("exit") => std::process::exit(7),
        Ok("hang") => std::thread::sleep(Duration::from_secs(3_600)),
        _ => {}
    }
    lambda_runtime::run(service_fn(handle)).await
}

/// Posts an answer to the Runtime API that no runtime would.
async fn answer_by_hand(request_id: &str, how: &str) -> Result<(), Error> {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let api = std::env::var("AWS_LAMBDA_RUNTIME_API")?;
    let mut connection = tokio::net::TcpStream::connect(&api).await?;
    let declared = if how == "garbage" { 4 } else { 100 << 20 };
    let head = format!(
        "POST /2018-06-01/runtime/invocation/{request_id}/response HTTP/1.1\r\nhost: {api}\r\ncontent-length: {declared}\r\n\r\n"
    );
    connection.write_all(head.as_bytes()).await?;
    match how {
        "garbage" => connection.write_all(b"\xff\x00{[").await?,
        "cut" => {
            connection.write_all(&[b'x'; 1 << 20]).await?;
            return Ok(());
        }
        _ => {
            for _ in 0..100 {
                // The server stops reading at its limit, and says why.
                if connection.write_all(&[b'x'; 1 << 20]).await.is_err() {
                    break;
                }
            }
        }
    }
    let mut answer = [0; 1024];
    let _ = connection.read(&mut answer).await;
    Ok(())
}

async fn handle(event: LambdaEvent<Value>) -> Result<Value, Error> {
    match event.payload["do"].as_str() {
        Some("panic") => panic!("as asked"),
        Some("fail") => Err("refused as asked".into()),
        Some("hang") => std::future::pending().await,
        Some("exit") => std::process::exit(101),
        Some("variable") => Ok(std::env::var(event.payload["name"].as_str().unwrap_or_default())?.into()),
        Some("arn") => Ok(event.context.invoked_function_arn.into()),
        Some("large") => Ok("x".repeat(7 << 20).into()),
        Some("print") => {
            println!("a line on stdout");
            eprintln!("a line on stderr");
            Ok(Value::Null)
        }
        Some("flood") => {
            use std::io::Write;
            let mut stdout = std::io::stdout().lock();
            for _ in 0..event.payload["mib"].as_u64().unwrap_or_default() {
                stdout.write_all(&[b'x'; 1 << 20])?;
            }
            Ok(Value::Null)
        }
        Some("answer") => {
            // Past lambda_runtime, which would make an answer of JSON.
            let how = event.payload["how"].as_str().unwrap_or_default();
            answer_by_hand(&event.context.request_id, how).await?;
            std::process::exit(0)
        }
        Some("sleep") => {
            let pause = event.payload["ms"].as_u64().unwrap_or_default();
            tokio::time::sleep(Duration::from_millis(pause)).await;
            Ok(Value::Null)
        }
        Some("append") => {
            use std::io::Write;
            let path = event.payload["path"].as_str().unwrap_or_default();
            let mut file = std::fs::OpenOptions::new().create(true).append(true).open(path)?;
            // One write, so that lines of several processes never mix.
            file.write_all(format!("{}\n", event.payload["line"]).as_bytes())?;
            if event.payload["fail"] == true { Err("failed after writing".into()) } else { Ok(Value::Null) }
        }
        _ => Ok(json!({
            "event": event.payload,
            "request_id": event.context.request_id,
            "arn": event.context.invoked_function_arn,
            "pid": std::process::id(),
            "variables": std::env::vars().collect::<std::collections::BTreeMap<_, _>>(),
        })),
    }
}

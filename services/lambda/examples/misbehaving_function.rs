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

async fn handle(event: LambdaEvent<Value>) -> Result<Value, Error> {
    match event.payload["do"].as_str() {
        Some("panic") => panic!("as asked"),
        Some("fail") => Err("refused as asked".into()),
        Some("hang") => std::future::pending().await,
        Some("exit") => std::process::exit(101),
        Some("large") => Ok("x".repeat(7 << 20).into()),
        Some("print") => {
            println!("a line on stdout");
            eprintln!("a line on stderr");
            Ok(Value::Null)
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

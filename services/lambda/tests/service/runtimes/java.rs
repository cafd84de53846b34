//! `java*`: one start for all of it, since a JVM with the runtime interface client takes its time.

use serde_json::json;
use std::process::Command;

use super::{Packaged, error, has, tail, type_and_message};

const APP: &str = r#"
package app;

import java.util.Map;

public class App {
    public Map<String, Object> handle(Map<String, Object> event) {
        if (event.containsKey("fail")) throw new IllegalStateException("refused as asked");
        System.out.println("working");
        return Map.of("event", event, "home", System.getProperty("user.home"), "tmp", System.getProperty("java.io.tmpdir"));
    }
}
"#;

#[tokio::test(flavor = "multi_thread")]
async fn handlers_run_on_awss_runtime_interface_client() {
    if !has("mvn") || !has("javac") {
        return;
    }
    let function = Packaged::with("java17", "app.App::handle", &[("App.java", APP)], |spec, directory| {
        spec.memory_mb = 512;
        let code = directory.join("code");
        let compiled = Command::new("javac").args(["-d", "."]).arg("App.java").current_dir(code).status().unwrap();
        assert!(compiled.success());
    })
    .await;
    let outcome = function.invoke(json!({"a": 1})).await;
    let answer: serde_json::Value = serde_json::from_slice(&outcome.payload).unwrap();
    if answer["errorMessage"]
        .as_str()
        .is_some_and(|message| message.contains("runtime interface client for Java is missing"))
    {
        eprintln!("left out: Maven can't fetch the runtime interface client");
        return;
    }
    assert_eq!(answer["event"], json!({"a": 1}), "{answer}");
    assert_eq!(
        (&answer["home"], answer["home"].as_str() == std::env::var("HOME").ok().as_deref()),
        (&answer["tmp"], false)
    );
    assert!(tail(&outcome).contains("working\n"));
    let (failure, _) = function.failure(json!({"fail": 1})).await;
    assert_eq!(type_and_message(&failure), error("java.lang.IllegalStateException", "refused as asked"));
}

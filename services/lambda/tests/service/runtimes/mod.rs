//! Packages of AWS's runtimes, on the interpreters of this machine.

mod host;
mod java;
mod nodejs;
mod provided;
mod python;

use anabranch_lambda::{Executable, FunctionSpec, InvokeOptions, InvokeOutcome, LogTail};
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;

use crate::fixture::{Service, id, open};
use crate::hosting::quick;

/// A service with one function `f` of a package.
struct Packaged {
    directory: tempfile::TempDir,
    service: Service,
}

impl Packaged {
    async fn new(runtime: &str, handler: &str, files: &[(&str, &str)]) -> Self {
        Self::with(runtime, handler, files, |_, _| {}).await
    }

    async fn with(
        runtime: &str,
        handler: &str,
        files: &[(&str, &str)],
        change: impl FnOnce(&mut FunctionSpec, &Path),
    ) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let service = open(directory.path(), quick());
        let packaged = Self { directory, service };
        packaged.put(runtime, handler, files, change).await;
        packaged
    }

    /// Puts the function anew.
    async fn put(
        &self,
        runtime: &str,
        handler: &str,
        files: &[(&str, &str)],
        change: impl FnOnce(&mut FunctionSpec, &Path),
    ) {
        let directory = self.directory.path().join("code");
        let _ = std::fs::remove_dir_all(&directory);
        std::fs::create_dir_all(&directory).unwrap();
        write(&directory, files);
        let mut spec = FunctionSpec::new("f", Executable::Package { directory, runtime: runtime.into() });
        (spec.handler, spec.timeout) = (handler.into(), Duration::from_secs(30));
        (spec.memory_mb, spec.reserved_concurrency) = (256, Some(1));
        change(&mut spec, self.directory.path());
        self.service.lambda.put_function(spec).await.unwrap();
    }

    async fn invoke(&self, event: Value) -> InvokeOutcome {
        let options = InvokeOptions { log_tail: LogTail::Last4Kb, ..InvokeOptions::default() };
        self.service.lambda.invoke(&id("f"), event.to_string().into(), options).await.unwrap()
    }

    /// What the function answers; it must not fail.
    async fn answer(&self, event: Value) -> Value {
        let outcome = self.invoke(event).await;
        assert_eq!(outcome.function_error, None, "{outcome:?}");
        serde_json::from_slice(&outcome.payload).unwrap()
    }

    /// Type and message of the error the function ends with, and the end of its log.
    async fn failure(&self, event: Value) -> (Value, String) {
        let outcome = self.invoke(event).await;
        assert_eq!(outcome.function_error.as_deref(), Some("Unhandled"), "{outcome:?}");
        (serde_json::from_slice(&outcome.payload).unwrap(), tail(&outcome))
    }
}

fn tail(outcome: &InvokeOutcome) -> String {
    String::from_utf8(outcome.log_tail.clone().unwrap_or_default().to_vec()).unwrap()
}

fn write(directory: &Path, files: &[(&str, &str)]) {
    for (path, text) in files {
        let path = directory.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
}

/// Whether a program is there; a test that needs it says so when it isn't, and ends.
fn has(program: &str) -> bool {
    let found = std::process::Command::new(program).arg("--version").output().is_ok();
    if !found {
        eprintln!("left out: there is no {program} on this machine");
    }
    found
}

fn error(error_type: &str, message: impl Into<String>) -> (Value, Value) {
    (json!(error_type), json!(message.into()))
}

fn type_and_message(payload: &Value) -> (Value, Value) {
    (payload["errorType"].clone(), payload["errorMessage"].clone())
}

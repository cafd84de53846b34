//! Functions that live in the test: an Invoke endpoint such as `cargo lambda watch` has.

use anabranch_lambda::{Executable, FunctionSpec};
use axum::Router;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde_json::Value;
use tokio::sync::mpsc;

/// An endpoint whose functions report what they are invoked with.
pub(crate) struct Functions {
    url: String,
    invocations: mpsc::UnboundedReceiver<(String, Value)>,
}

impl Functions {
    pub(crate) async fn start() -> Self {
        let (invoked, invocations) = mpsc::unbounded_channel();
        let router = Router::new().route("/2015-03-31/functions/{name}/invocations", post(invoke)).with_state(invoked);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(axum::serve(listener, router).into_future());
        Self { url, invocations }
    }

    /// A function of this endpoint. One named `failing` fails.
    pub(crate) fn spec(&self, name: &str) -> FunctionSpec {
        FunctionSpec::new(name, Executable::Remote(self.url.clone()))
    }

    /// The next event that `name` is invoked with.
    pub(crate) async fn next(&mut self, name: &str) -> Value {
        loop {
            let (invoked, event) = self.invocations.recv().await.unwrap();
            if invoked == name {
                return event;
            }
        }
    }
}

async fn invoke(
    State(invoked): State<mpsc::UnboundedSender<(String, Value)>>,
    Path(name): Path<String>,
    event: String,
) -> Response {
    let failing = name == "failing";
    // The test may have ended.
    let _ = invoked.send((name, serde_json::from_str(&event).unwrap()));
    match failing {
        false => "null".into_response(),
        true => {
            ([("x-amz-function-error", "Unhandled")], r#"{"errorType":"Poison","errorMessage":"no"}"#).into_response()
        }
    }
}

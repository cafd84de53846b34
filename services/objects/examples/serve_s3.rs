//! Serves the S3 part alone: `cargo run -p anabranch-objects --example serve_s3 -- DIRECTORY PORT`.

use std::path::Path;
use std::sync::Arc;

use anabranch_objects::Objects;
use anabranch_protocol::SystemClock;
use axum::extract::State;
use axum::{Router, body::Body, http::Request};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, directory, port] = arguments.as_slice() else { return Err("usage: serve DIRECTORY PORT".into()) };
    let objects = Objects::open(Path::new(directory), Arc::new(SystemClock), None)?;
    let answer =
        |State(objects): State<Arc<Objects>>, request: Request<Body>| async move { objects.handle(request).await };
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port.parse()?)).await?;
    axum::serve(listener, Router::new().fallback(answer).with_state(objects)).await?;
    Ok(())
}

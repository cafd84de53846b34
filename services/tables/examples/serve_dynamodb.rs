//! Serves the tables alone, for trying SDKs and the AWS CLI against them:
//! `cargo run -p anabranch-tables --example serve_dynamodb -- DIRECTORY 8000`, then
//! `aws --endpoint-url http://127.0.0.1:8000 dynamodb list-tables`.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;

use anabranch_protocol::{Encoding, RequestContext, Service, SystemClock};
use anabranch_tables::Tables;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let directory = arguments.next().ok_or("usage: serve DIRECTORY PORT")?;
    let port: u16 = arguments.next().ok_or("usage: serve DIRECTORY PORT")?.parse()?;
    let tables = Tables::open(Path::new(&directory), Arc::new(SystemClock))?;
    let services: Arc<[Arc<dyn Service>]> = Arc::new([tables.clone(), Arc::new(tables.streams())]);
    let router = axum::Router::new().fallback(answer).with_state(services);
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    axum::serve(listener, router).await?;
    Ok(())
}

async fn answer(State(services): State<Arc<[Arc<dyn Service>]>>, headers: HeaderMap, body: Bytes) -> Response {
    let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
    let (prefix, operation) = target.split_once('.').unwrap_or_default();
    let Some(service) = services.iter().find(|service| service.model().target_prefixes.contains(&prefix)) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let json = [(header::CONTENT_TYPE, "application/x-amz-json-1.0")];
    match service.call(&RequestContext::default(), operation, Encoding::Json, body).await {
        Ok(answer) => (json, answer).into_response(),
        Err(error) => {
            let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            (status, json, error.to_body(Encoding::Json).unwrap_or_default()).into_response()
        }
    }
}

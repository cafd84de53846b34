//! The service as the gateway calls it: JSON in, JSON out. The engine's own suite compares it
//! with AWS operation by operation; here is what this crate adds, and a walk through the
//! operations that the pipeline needs.

// The helpers below serve tests only, which clippy can't see.
#![allow(clippy::unwrap_used)]

mod accounts;
mod durability;
mod names;
mod operations;
mod refusals;

use std::path::Path;
use std::sync::Arc;

use anabranch_protocol::{ApiError, Encoding, ManualClock, RequestContext, Service};
use anabranch_tables::Tables;
use bytes::Bytes;
use serde_json::{Value, json};

/// Calls `operation` with `body`.
async fn call(service: &dyn Service, operation: &str, body: Value) -> Result<Value, ApiError> {
    let context = RequestContext::new("eu-west-1".parse().unwrap(), "123456789012".parse().unwrap());
    let answer = service.call(&context, operation, Encoding::Json, Bytes::from(body.to_string())).await?;
    Ok(serde_json::from_slice(&answer).unwrap())
}

/// Tables in `directory` with the table `sessions`, keyed by `id`.
async fn with_sessions(directory: &Path) -> Arc<Tables> {
    with_sessions_at(directory, &ManualClock::running()).await
}

/// The same by `clock`.
async fn with_sessions_at(directory: &Path, clock: &ManualClock) -> Arc<Tables> {
    let tables = Tables::open(directory, Arc::new(clock.clone())).unwrap();
    let table = json!({
        "TableName": "sessions",
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "BillingMode": "PAY_PER_REQUEST",
    });
    call(&*tables, "CreateTable", table).await.unwrap();
    tables
}

/// Puts `{id, …}` into `sessions`.
async fn put(tables: &Tables, item: Value) -> Result<Value, ApiError> {
    call(tables, "PutItem", json!({"TableName": "sessions", "Item": item})).await
}

async fn count(tables: &Tables) -> u64 {
    tables.stat().await.unwrap()[0].items
}

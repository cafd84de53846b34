//! `GET /_anabranch/health`: whether each service works, and what a power cut could take.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use serde_json::{Map, Value, json};

use super::Gateway;
use crate::config::{flush_losses, flush_name};

/// Status 200 if all services work, 503 with the reasons otherwise.
pub(super) async fn health(State(gateway): State<Arc<Gateway>>) -> impl IntoResponse {
    let mut services = Map::new();
    let mut healthy = true;
    for (name, status) in gateway.services.status().await {
        let status = match status {
            Ok(()) => json!({"status": "running"}),
            Err(reason) => {
                healthy = false;
                json!({"status": "failing", "reason": reason})
            }
        };
        services.insert(name.to_string(), status);
    }
    let body = json!({
        "status": if healthy { "running" } else { "failing" },
        "version": env!("CARGO_PKG_VERSION"),
        "uptime_seconds": gateway.started.elapsed().as_secs(),
        "flush": {
            "policy": flush_name(gateway.config.flush),
            "power_loss": flush_losses(gateway.config.flush),
        },
        "services": Value::Object(services),
    });
    (if healthy { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }, Json(body))
}

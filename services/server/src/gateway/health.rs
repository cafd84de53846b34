//! `GET /_anabranch/health`: whether each service works, and what a power cut could take.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use serde_json::{Map, Value, json};

use super::Gateway;
use crate::config::{flush_losses, flush_name};
use crate::problems::{ServiceProblems, problems};

/// Status 200 if all services work, 503 with what is wrong otherwise.
pub(super) async fn health(State(gateway): State<Arc<Gateway>>) -> impl IntoResponse {
    let all = problems(&gateway.services, &gateway.data);
    let healthy = !all.iter().any(ServiceProblems::is_failing);
    let services: Map<String, Value> = all.iter().map(|one| (one.service.to_string(), service(one))).collect();
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

fn service(found: &ServiceProblems) -> Value {
    let mut service = json!({"status": if found.is_failing() { "failing" } else { "running" }});
    if let Some(worst) = found.problems.first() {
        service["reason"] = json!(worst.to_string());
        service["problems"] = found
            .problems
            .iter()
            .map(|problem| {
                json!({"kind": problem.kind.as_str(), "resource": problem.resource, "message": problem.message})
            })
            .collect();
    }
    if found.more > 0 {
        service["more_problems"] = json!(found.more);
    }
    service
}
